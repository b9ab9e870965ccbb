"""`python -m pipeline`: the service as a process."""

from chassis import run

if __name__ == "__main__":
    run("pipeline.app:create_app", "pipeline.settings:Settings")
