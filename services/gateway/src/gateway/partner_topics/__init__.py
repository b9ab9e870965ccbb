"""Partners that publish to the log themselves: the same door as POST /v1/events, by another way."""
