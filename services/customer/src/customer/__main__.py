"""`python -m customer`: the service as a process."""

from chassis import run
from customer.app import create_app
from customer.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
