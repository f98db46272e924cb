#!/usr/bin/env bash
# Applies the sealed plan that was handed over, and nothing else.
set -euo pipefail

id=$("$RUNNER_TEMP/tap/venv/bin/python" "$GITHUB_ACTION_PATH/.github/action/unpack.py")
echo "id=$id" >> "$GITHUB_OUTPUT"

code=0
tap apply "$id" | tee "$RUNNER_TEMP/tap/applied.txt" || code=$?
echo "exit-code=$code" >> "$GITHUB_OUTPUT"
if [[ $code == 0 ]]; then
  cat "$RUNNER_TEMP/tap/applied.txt" >> "$GITHUB_STEP_SUMMARY"
else
  echo "::error::tap apply refused or failed with exit code $code; nothing else was tried."
fi
exit "$code"
