"""The rules of selling, without any I/O: commands return the new state and its event."""
