"""The embedded AWS: a moto server of our own."""
