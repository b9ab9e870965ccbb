"""A process loads what it uses: heavy packages are paid for at every start of every process."""

import subprocess
import sys

import pytest

LOADED = """
import sys, {module}
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{*{heavy}}}))
"""
HEAVY = ["aiokafka", "alembic", "jsonschema", "numpy", "scipy", "sqlalchemy"]


@pytest.mark.parametrize(
    ("module", "loads"),
    [
        ("chassis.relay", []),
        ("chassis.topics", []),
        ("customer.app", ["sqlalchemy"]),
        ("pipeline.app", ["sqlalchemy"]),
        ("ops.app", ["sqlalchemy"]),
        ("metrics.app", ["numpy"]),
        ("gateway.app", []),
    ],
)
def test_a_process_loads_only_the_heavy_packages_that_it_uses(
    module: str, loads: list[str]
) -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module, heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == loads
