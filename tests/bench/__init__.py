"""Benchmarks: run by `make bench`, never by the tests."""

import os

# An installed program has its byte code; only the first start of a checkout compiles.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
