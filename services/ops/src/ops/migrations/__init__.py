"""The ops database's schema, step by step."""
