from chassis import run

if __name__ == "__main__":
    run("sample.app:create_app", "sample.settings:Settings")
