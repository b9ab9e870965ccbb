"""The HTTP edge of the customer service."""
