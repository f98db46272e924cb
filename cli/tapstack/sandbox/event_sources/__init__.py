"""Event source mappings: what reads streams and queues and invokes functions with what it read."""
