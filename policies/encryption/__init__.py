"""Policies about keys and encryption at rest."""
