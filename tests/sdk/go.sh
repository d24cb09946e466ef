#!/usr/bin/env bash
# Format, vet, tests under the race detector and coverage of the Go SDK, in its copy under
# target/sdk/go; then the drivers that use it as a module of another.
set -euo pipefail
cd "$(dirname "$0")/../.."
floor=80
sdk=target/sdk/go
profile=$PWD/target/sdk/go-coverage.out

unformatted=$(gofmt -l "$sdk" tests/scenarios/drivers/go tests/hostile/go)
if [ -n "$unformatted" ]; then
  echo "not as gofmt writes it:"
  echo "$unformatted"
  exit 1
fi
(
  cd "$sdk"
  if [ -n "$(go list -m all | tail -n +2)" ]; then
    echo "the module has dependencies; it must need the standard library only"
    exit 1
  fi
  go vet ./...
  go test -race -covermode=atomic -coverprofile="$profile" ./...
)
(cd tests/scenarios/drivers/go && go vet ./...)
total=$(cd "$sdk" && go tool cover -func="$profile" | awk '/^total:/ { sub("%", "", $3); print $3 }')
echo "coverage of statements: $total %, at least $floor % asked"
awk -v total="$total" -v floor="$floor" 'BEGIN { exit !(total >= floor) }'
