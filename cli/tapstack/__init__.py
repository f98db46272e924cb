"""tap plans, judges, seals and applies Terraform configurations."""

try:
    # Written at installation: asking importlib.metadata would cost each start 45 ms.
    from tapstack._version import version as __version__
except ImportError:  # a tree that was neither built nor installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
