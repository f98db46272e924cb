"""Policies about what the internet reaches, and what can reach it."""
