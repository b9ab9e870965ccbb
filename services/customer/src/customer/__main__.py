"""`python -m customer`: the service as a process."""

from chassis import run

if __name__ == "__main__":
    run("customer.app:create_app", "customer.settings:Settings")
