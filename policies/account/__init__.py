"""Policies about the account, and about the stack as a whole."""
