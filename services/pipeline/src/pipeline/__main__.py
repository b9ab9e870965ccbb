"""`python -m pipeline`: the service as a process."""

from chassis import run
from pipeline.app import create_app
from pipeline.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
