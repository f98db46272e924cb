"""Policies about functions' runtimes and capacity."""
