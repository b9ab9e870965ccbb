"""`python -m metrics.worker`: one more worker, with a WORKER_SLOT and ports of its own."""

from chassis import run
from metrics.app import create_worker
from metrics.settings import Settings

if __name__ == "__main__":
    run(create_worker, Settings)
