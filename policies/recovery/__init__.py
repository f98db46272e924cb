"""Policies about getting data back."""
