"""The HTTP face of the metrics service."""
