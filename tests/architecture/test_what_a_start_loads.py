"""A process loads what it uses: heavy packages are paid for at every start of every process."""

import subprocess
import sys

import pytest

LOADED = """
import sys, {modules}
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{*{heavy}}}))
"""
HEAVY = ["aiokafka", "alembic", "jsonschema", "numpy", "scipy", "sqlalchemy"]


@pytest.mark.parametrize(
    ("modules", "loads"),
    [
        (["chassis.relay", "chassis.topics", "gateway.app"], []),
        (["customer.app", "pipeline.app", "ops.app"], ["sqlalchemy"]),
        (["metrics.app"], ["numpy"]),
    ],
    ids=", ".join,
)
def test_a_process_loads_only_the_heavy_packages_that_it_uses(
    modules: list[str], loads: list[str]
) -> None:
    """Those that may load the same are asked in one process: what one loads too much, all show."""
    found = subprocess.run(
        [sys.executable, "-c", LOADED.format(modules=", ".join(modules), heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == loads
