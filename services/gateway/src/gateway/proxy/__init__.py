"""Calls to the services behind the gateway, and the routes that pass straight through."""
