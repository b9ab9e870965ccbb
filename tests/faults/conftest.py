"""Fixtures of the fault rows: a stack that rows share, a seed, and a run.

What `make faults` can be told is in `harness/rows.py`.
"""

import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import pytest

from faults.harness import report
from faults.harness.report import Result
from faults.harness.results import Results, send
from faults.harness.rows import FIRST_SEED, KEPT, LONG, REPEAT, REPORT, group_of
from faults.harness.run import Run
from faults.harness.stack import BreakableStack
from local.settings import CHECKOUT, LogKind

FAILED: Final = pytest.StashKey[bool]()
COMMIT: Final = subprocess.run(
    ["git", "describe", "--always", "--dirty"],
    cwd=CHECKOUT,
    capture_output=True,
    text=True,
    check=False,
).stdout.strip()


AnyStack = TypeVar("AnyStack", bound=BreakableStack)


class Stage:
    """The stack that rows share, one at a time in each worker of pytest-xdist.

    It stands as long as row after row asks for the same kind. A row that fails takes it down, so
    that the next is not misled.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._kind = ""
        self._stack: BreakableStack | None = None

    def stack(self, kind: str, make: Callable[[Path], AnyStack]) -> AnyStack:
        """The one that stands, if it is of that kind, else a new one."""
        if self._stack is None or self._kind != kind:
            self.clear()
            self._number += 1
            self._kind = kind
            self._stack = make(self._folder / f"{kind}-{self._number}").start()
        return cast("AnyStack", self._stack)

    def clear(self) -> None:
        if self._stack is not None:
            self._stack.stop()
            self._stack = None


def pytest_configure(config: pytest.Config) -> None:
    """Gather results where pytest was started, wherever rows run."""
    if not hasattr(config, "workerinput"):
        page = Path(REPORT) if REPORT else None
        config.pluginmanager.register(Results(file=KEPT, page=page))


@pytest.hookimpl(tryfirst=True)  # so that a row has the same name however it is asked for
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each row once for each seed: SEED, or as many as REPEAT says."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + REPEAT))


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a stack
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Rows marked `long`, or `long_on` their log, run in the long mode only.

    For the report what an earlier sitting has run is left out.
    """
    if REPORT:
        done = {result.node for result in report.kept(KEPT)}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
        items[:] = [item for item in items if item.nodeid not in done]
    items.sort(key=_turn)
    for item in items:
        if not LONG and (item.get_closest_marker("long") or _is_long_here(item)):
            item.add_marker(pytest.mark.skip(reason="long: run it with `make faults MODE=long`"))


def _turn(item: pytest.Item) -> tuple[Any, ...]:
    """Rows of a group round after round. Tests that are no rows stay where they were."""
    seed = _params(item).get("seed")
    return () if seed is None else (group_of(item.nodeid), seed)


def _params(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def _is_long_here(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("long_on")
    return marker is not None and marker.args[0] == _params(item)["log"]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("faults"))
    yield stage
    stage.clear()


@pytest.fixture(params=["kafka", "postgres"])
def log(request: pytest.FixtureRequest) -> LogKind:
    kind: LogKind = request.param
    return kind


@pytest.fixture
def stack(stage: Stage, log: LogKind) -> BreakableStack:
    """The stack that rows share; a module may have a kind of its own."""
    return stage.stack(log, lambda var: BreakableStack(var, log=log))


RunOn = Callable[[BreakableStack], Run]


@pytest.fixture
def run_on(seed: int, request: pytest.FixtureRequest) -> Iterator[RunOn]:
    """`run_on(stack)` is the row's run on a stack; it is exact if the row ends well."""
    runs: list[Run] = []

    def make(stack: BreakableStack) -> Run:
        row = sentence(request.node, log=stack.log or "")
        result = Result(
            row=row, log=stack.log or "", seed=seed, node=request.node.nodeid, commit=COMMIT
        )
        runs.append(Run(stack, result))
        return runs[-1]

    yield make
    for run in runs:
        run.close()
        run.driver.ledger.save(run.stack.var.root / "log" / "ledger.jsonl")
        if not request.node.stash.get(FAILED, True):
            run.result.outcome = "exact"
        if FAILED in request.node.stash:  # one that was interrupted is run again
            send(request.node, run.result)


@pytest.fixture
def run(
    stage: Stage, stack: BreakableStack, run_on: RunOn, request: pytest.FixtureRequest
) -> Iterator[Run]:
    """The row's run on the stack that is shared."""
    yield run_on(stack)
    if request.node.stash.get(FAILED, True):
        stage.clear()


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


def sentence(item: pytest.Function, *, log: str) -> str:
    """A row as people read it, with what tells it from others of its test."""
    words = item.originalname.removeprefix("test_").replace("_", " ")
    known = {log, str(_params(item)["seed"])}
    return ": ".join([words, *(one for one in item.callspec.id.split("-") if one not in known)])
