"""Which tests share a whole stack: pytest-xdist gives them to one worker, others run beside them.

Groups by its own mark are no help: under pytest 9.2 they are ignored without a word
(pytest-dev/pytest-xdist issue 1386). What a test is called tells its group as well.
"""

from xdist.scheduler.loadscope import LoadScopeScheduling

from faults.harness import rows

FAULTS = "tests/faults/"


class ByStack(LoadScopeScheduling):  # type: ignore[misc] # untyped for us
    """`pytest -n <stacks> --dist loadgroup`: the largest groups first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(node: str) -> str:
    """All tests of a folder share a stack, but for rows of faults, which have kinds of stacks."""
    file, _, _ = node.partition("::")
    return rows.group_of(node) if file.startswith(FAULTS) else file.rpartition("/")[0]
