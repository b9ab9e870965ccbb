"""What partners sent, read back by their own sources."""
