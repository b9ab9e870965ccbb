"""`python -m ops`: the ops service as a process."""

from chassis import run
from ops.app import create_app
from ops.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
