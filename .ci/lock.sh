#!/usr/bin/env bash
# Make requirements.lock anew: every platform, Python 3.11 and up, with hashes and without index addresses. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --group dev \
  --custom-compile-command ".ci/lock.sh" -q pyproject.toml -o requirements.lock
