"""What leaves the process: text, JSON, progress."""
