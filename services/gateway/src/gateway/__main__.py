"""`python -m gateway`: the service as a process."""

from chassis import run

if __name__ == "__main__":
    run("gateway.app:create_app", "gateway.settings:Settings")
