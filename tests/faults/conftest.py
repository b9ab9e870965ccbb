"""Fixtures of the fault rows: a stack of each log that rows share, a seed, and a run.

What `make faults` can be told is in `harness/rows.py`.
"""

import platform
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psutil
import pytest

from faults.harness import report
from faults.harness.report import Result
from faults.harness.rows import FIRST_SEED, KEPT, LONG, REPEAT, REPORT
from faults.harness.run import Run
from faults.harness.stack import BreakableStack
from local.settings import CHECKOUT, LogKind

RESULTS: Final = pytest.StashKey[list[Result]]()
FAILED: Final = pytest.StashKey[bool]()
MACHINE: Final = (
    f"{psutil.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
)
COMMIT: Final = subprocess.run(
    ["git", "describe", "--always", "--dirty"],
    cwd=CHECKOUT,
    capture_output=True,
    text=True,
    check=False,
).stdout.strip()


class Stage:
    """The stack that rows share. A row that fails takes it down, so that the next is not misled."""

    def __init__(self, folder: Path, log: LogKind) -> None:
        self._folder = folder
        self._log = log
        self._number = 0
        self._stack: BreakableStack | None = None

    @property
    def stack(self) -> BreakableStack:
        if self._stack is None:
            self._number += 1
            var = self._folder / f"{self._log}-{self._number}"
            self._stack = BreakableStack(var, log=self._log).start()
        return self._stack

    def clear(self) -> None:
        if self._stack is not None:
            self._stack.stop()
            self._stack = None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each row once for each seed: SEED, or as many as REPEAT says."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + REPEAT))


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a stack
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Rows marked `long`, or `long_on` their log, run in the long mode only.

    For the report one round follows the other, so that an end before the last leaves whole ones;
    what an earlier sitting has run is left out.
    """
    if REPORT:
        done = {result.node for result in report.kept(KEPT)}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
        items[:] = sorted((item for item in items if item.nodeid not in done), key=_seed_of)
    for item in items:
        if not LONG and (item.get_closest_marker("long") or _is_long_here(item)):
            item.add_marker(pytest.mark.skip(reason="long: run it with `make faults MODE=long`"))


def _seed_of(item: pytest.Item) -> int:
    seed: int = item.callspec.params.get("seed", 0) if hasattr(item, "callspec") else 0
    return seed


def _is_long_here(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("long_on")
    return marker is not None and marker.args[0] in item.callspec.params.values()  # type: ignore[attr-defined]


@pytest.fixture(scope="session", params=["kafka", "postgres"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("faults"), request.param)
    yield stage
    stage.clear()


RunOn = Callable[[BreakableStack], Run]
OwnStack = Callable[[LogKind], BreakableStack]


@pytest.fixture
def run_on(seed: int, request: pytest.FixtureRequest) -> Iterator[RunOn]:
    """`run_on(stack)` is the row's run on a stack; it is exact if the row ends well."""
    runs: list[Run] = []

    def make(stack: BreakableStack) -> Run:
        row = sentence(request.node.originalname)
        result = Result(
            row=row, log=stack.log or "", seed=seed, node=request.node.nodeid, commit=COMMIT
        )
        request.config.stash.setdefault(RESULTS, []).append(result)
        runs.append(Run(stack, result))
        return runs[-1]

    yield make
    for run in runs:
        run.close()
        run.driver.ledger.save(run.stack.var.root / "log" / "ledger.jsonl")
        if not request.node.stash.get(FAILED, True):
            run.result.outcome = "exact"
        if REPORT:
            report.keep(KEPT, run.result)
            report.write(Path(REPORT), report.kept(KEPT), machine=MACHINE)


@pytest.fixture
def run(stage: Stage, run_on: RunOn, request: pytest.FixtureRequest) -> Iterator[Run]:
    """The row's run on the stack that is shared."""
    yield run_on(stage.stack)
    if request.node.stash.get(FAILED, True):
        stage.clear()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[OwnStack]:
    """`own_stack("kafka")` starts a stack that the row need not spare."""
    with ExitStack() as stacks:
        yield lambda log: stacks.enter_context(BreakableStack(tmp_path / "var", log=log))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the row failed, and say how it is run again alone."""
    outcome = yield
    if outcome.when == "call" and isinstance(item, pytest.Function):
        item.stash[FAILED] = outcome.failed
        seed = item.callspec.params.get("seed") if hasattr(item, "callspec") else None
        if outcome.failed and seed is not None:
            again = f"make faults ROW='{item.nodeid}' SEED={seed}"
            outcome.sections.append(("again", f"run it again alone: {again}"))
    return outcome


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    terminalreporter.section("faults")
    for result in results:
        terminalreporter.line(result.line)


def sentence(name: str) -> str:
    """A row as people read it."""
    return name.removeprefix("test_").replace("_", " ")
