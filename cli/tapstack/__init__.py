"""tap plans, judges, seals and applies Terraform configurations."""

__version__ = "0.1.0"
