"""A small company that never was: its eighteen months of history, made from a seed."""
