from chassis import run
from sample.app import create_app
from sample.settings import Settings

if __name__ == "__main__":
    run(create_app, Settings)
