"""`python -m gateway`: the service as a process."""

from __future__ import annotations

from chassis import run
from gateway.app import create_app
from gateway.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
