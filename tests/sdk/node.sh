#!/usr/bin/env bash
# Lints, types, tests and coverage of the Node SDK, in its copy under target/sdk/node that
# `make` has installed and built.
set -euo pipefail
cd "$(dirname "$0")/../../target/sdk/node"
npm run --silent lint
npm run --silent coverage
# The built package as its users load it: by `import` and by `require`, from its own name.
name=$(node -p 'require("./package.json").name')
node --input-type=module -e "import * as sdk from '$name'; if (!sdk.VivifiedClient) throw 1"
node -e "if (!require('$name').VivifiedClient) throw 1"
