"""Says whatever it is given, as a careless smoke test does."""

import json
import os
import sys

print(json.dumps(json.load(sys.stdin), indent=2))
for name, value in os.environ.items():
    print(f"{name}={value}", file=sys.stderr)
sys.exit(os.environ.get("SMOKE_FAILS") == "1")
