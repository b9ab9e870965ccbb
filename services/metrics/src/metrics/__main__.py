"""`python -m metrics`: the service as a process."""

from chassis import run

if __name__ == "__main__":
    run("metrics.app:create_app", "metrics.settings:Settings")
