"""The HTTP edge: models in and out, permissions, teams and versions; no rules of selling."""
