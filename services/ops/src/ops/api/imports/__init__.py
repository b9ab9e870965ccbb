"""Bulk imports: each row has its own answer, and the good ones commit together."""

from ops.api.imports.routes import router

__all__ = ["router"]
