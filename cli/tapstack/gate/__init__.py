"""Policies and the decision they lead to."""
