"""`python -m tandem`: the same as the command."""

from tandem.main import app

if __name__ == "__main__":
    app()
