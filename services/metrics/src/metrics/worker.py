"""`python -m metrics.worker`: one more worker, with a WORKER_SLOT and ports of its own."""

from chassis import run

if __name__ == "__main__":
    run("metrics.app:create_worker", "metrics.settings:Settings")
