"""Statistical models of customers, pure: histories in, predictions out; no I/O, no clock.

Numbers in, numbers out: the same histories give the same parameters, to the last bit on one
machine. `query/models.py` reads the histories, and remembers what was fitted.
"""
