"""Where downloads are kept that all stacks of a user share."""

from pathlib import Path

from local.settings import Settings


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/tandem`, or `~/.cache/tandem`."""
    return (Settings().xdg_cache_home or Path.home() / ".cache") / "tandem"
