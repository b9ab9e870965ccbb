"""Where states are kept: one module per aggregate, nothing here commits."""
