"""`python -m metrics`: the service as a process."""

from chassis import run
from metrics.app import create_app
from metrics.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
