"""Policies about logs and alarms."""
