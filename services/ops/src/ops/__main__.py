"""`python -m ops`: the ops service as a process."""

from chassis import run

if __name__ == "__main__":
    run("ops.app:create_app", "ops.settings:Settings")
