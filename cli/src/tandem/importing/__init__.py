"""Bring a company's files in through the gateway's public API, as its own mapping says."""
