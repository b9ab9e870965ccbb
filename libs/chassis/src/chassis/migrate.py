"""`python -m chassis.migrate <service>`: bring that service's database to its newest schema."""

import sys

from chassis.db import UNREACHABLE, first_line
from chassis.migrations import migrate_now
from chassis.schema import MigrationsMissing
from chassis.settings import MigrationSettings, SettingsUnusable, load_settings


def main(arguments: list[str]) -> int:
    """The exit code: 0 done, 1 the database refused, 2 called wrongly."""
    if len(arguments) != 1:
        print("usage: python -m chassis.migrate <service>", file=sys.stderr)
        return 2
    try:
        settings = load_settings(MigrationSettings)
        revision = migrate_now(arguments[0], settings.database_url)
    except (SettingsUnusable, MigrationsMissing) as unusable:
        print(unusable, file=sys.stderr)
        return 2
    except UNREACHABLE as error:
        print(f"the database cannot be reached: {first_line(error)}", file=sys.stderr)
        return 1
    print(f"{arguments[0]}: schema is at revision {revision}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
