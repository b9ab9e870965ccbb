"""Buyers: everything that one customer's deals, orders and use say together."""
