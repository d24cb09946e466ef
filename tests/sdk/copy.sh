#!/usr/bin/env bash
# copy.sh LANGUAGE: mirrors generated/LANGUAGE to target/sdk/LANGUAGE, where packages are built
# and tested, so that nothing lands beside generated files. Installed parts of a copy stay.
set -euo pipefail
cd "$(dirname "$0")/../.."
from=generated/$1 to=target/sdk/$1
mkdir -p "$to"
# What a package manager or a build put into the copy stays; what generated/ no longer has goes.
find "$to" -type f -not -path '*/node_modules/*' -not -path '*/.venv/*' -not -path '*/dist/*' \
  -not -path '*.egg-info/*' -not -path '*/coverage/*' -printf '%P\n' | while read -r file; do
  [ -e "$from/$file" ] || rm -f "$to/$file"
done
cp -R "$from/." "$to/"
