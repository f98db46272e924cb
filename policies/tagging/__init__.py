"""Policies about tags and names."""
