#!/usr/bin/env bash
# Plans, judges and seals. Its outputs are there whatever the gate says; its exit code is tap's.
set -euo pipefail

reports=$RUNNER_TEMP/tap/reports
rm -rf "$reports"
mkdir -p "$reports"

code=0
tap plan --format github --format "markdown=$reports/plan.md" --format "sarif=$reports/plan.sarif" || code=$?
{
  echo "exit-code=$code"
  echo "markdown=$reports/plan.md"
  echo "sarif=$reports/plan.sarif"
  # Ids begin with the time.
  [[ $code != 0 ]] || echo "id=$(ls "$TAP_CHDIR/.tap/plans" | tail -n 1)"
} >> "$GITHUB_OUTPUT"
exit "$code"
