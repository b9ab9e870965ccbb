"""Bulk imports: rows planned one by one in memory, written by a handful of statements."""
