"""The embedded AWS, over HTTP."""
