"""The HTTP edge of ops: requests in, views out."""
