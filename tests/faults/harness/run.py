"""One row of the matrix, once: a driver, a nemesis and an oracle around one stack and one seed."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from faults.harness import oracle, witnesses
from faults.harness.driver import Driver
from faults.harness.nemesis import Nemesis
from faults.harness.oracle import Disagreement, Row
from faults.harness.report import Result
from faults.harness.stack import BreakableStack, wait_until

AGREE_SECONDS: Final = 60.0
"""For the gateway to hear of what metrics has committed."""


class Run:
    """What a row works with. `check()` ends it."""

    def __init__(self, stack: BreakableStack, result: Result) -> None:
        self.stack = stack
        self.result = result
        self.draw = random.Random(result.seed)
        self.nemesis = Nemesis(stack)
        self.driver = Driver(stack, seed=result.seed, run=f"r{time.time_ns() // 1000:x}")
        self._began_at = datetime.now(UTC)
        self._since = witnesses.ends(stack)
        self._reader = httpx.Client(
            base_url=stack.url,
            headers={"authorization": f"Bearer {stack.token('boss', ttl_seconds=86_400)}"},
            timeout=30,
        )

    @contextmanager
    def load(self, *, before: int = 20, after: int = 20) -> Iterator[None]:
        """Load around the faults of the block: so many commands acknowledged before, and after.

        The time to recover is measured at the end of the block, under load.
        """
        with self.driver.load():
            self.driver.wait_acknowledged(before)
            yield
            self.recover()
            self.driver.wait_acknowledged(after)

    def recover(self) -> None:
        """Wait until what is acknowledged from now on is counted; note how long that took.

        Measured from the end of the last fault to the moment when an order that was
        paid after it is seen in its KPI.
        """
        self.sell()
        self.result.recovered_seconds.append(time.monotonic() - self.nemesis.ended_at)

    def sell(self) -> str:
        """Have an order paid and wait until it is counted; gives its product, which is its own."""
        product = f"{self.driver.names.run}-probe-{len(self.driver.names.probes)}"
        wait_until(lambda: self.driver.probe(product), what="an order is taken")
        wait_until(
            lambda: self.is_counted(product),
            what="an order that was taken is counted",
        )
        return product

    def is_counted(self, product: str) -> bool:
        """Whether there is a sale of the product in the figures."""
        return bool(self.sales_of(product))

    def sales_of(self, product: str) -> int | None:
        """How many sales of the product the figures have; None when nobody answers that."""
        year = f"{datetime.now(witnesses.ZONE):%Y}"
        query = {"period": year, "filter": f"product:{product}"}
        try:
            answer = self._reader.get("/v1/kpis/revenue_net", params=query)
        except httpx.HTTPError:
            return None
        return int(answer.json()["periods"][0]["rows"][0]["n"]) if answer.is_success else None

    def read_everything(self) -> dict[str, Any]:
        """Every KPI by every dimension, of all runs so far."""
        return witnesses.everything(self._reader)

    def wait_until_emptied(self, service: str) -> None:
        """Until what is in an outbox now has left it."""
        execute = self.stack.plan.postgres.execute
        last = execute("SELECT coalesce(max(id), 0) FROM outbox", database=service)[0]
        left = f"SELECT count(*) FROM outbox WHERE id <= {last}"
        wait_until(
            lambda: execute(left, database=service) == ["0"],
            what=f"the outbox of {service} is emptied",
        )

    def settle(self) -> None:
        """Until outboxes are empty and every consumer has read the log to its end."""
        left = "nothing was looked at"

        def settled() -> bool:
            nonlocal left
            left = witnesses.waiting(self.stack)
            return not left

        try:
            wait_until(settled, what="all is settled", tick_seconds=0.2)
        except TimeoutError as late:
            raise Disagreement(f"{late}: {left}") from None

    def check(self) -> None:
        """Compare ledger, rows, log and figures. Raises Disagreement."""
        self.settle()
        ledger = self.driver.ledger
        self.result.count(ledger, faults=self.nemesis.inflicted)
        if refusals := ledger.refusals():
            raise Disagreement(f"the driver was refused: {dict(refusals)}")
        if parked := witnesses.parked(self.stack, since=self._began_at):
            raise Disagreement(f"events were put aside: {parked[:3]}")
        rows = witnesses.rows(self.stack)
        prefix = f"{self.driver.names.run}-"
        mine = {row.reference: row for row in rows if row.reference.startswith(prefix)}
        lives = oracle.done(ledger, mine)
        done = [entry for entries in lives.values() for entry in entries]
        self.result.unknown_done = sum(entry.outcome == "unknown" for entry in done)
        self._check_log(rows, list(mine.values()))
        self._check_figures(oracle.figures(lives))

    def _check_log(self, rows: Sequence[Row], mine: Sequence[Row]) -> None:
        """No event without its row, no row without its events; each once, in order."""
        log = witnesses.records(self.stack, self._since)
        versions = {(row.source, row.subject): row.version for row in rows}
        sources = {row.source for row in rows}
        for event in log:
            known = versions.get((event.source, event.subject), 0)
            if event.source in sources and event.sequence > known:
                raise Disagreement(f"an event without a row: {event}")
        subjects = {(row.source, row.subject) for row in mine}
        order = witnesses.check_order(e for e in log if (e.source, e.subject) in subjects)
        self.result.records, self.result.copies = len(log), order.copies
        self.result.late = order.late
        for row in mine:
            if order.last.get((row.source, row.subject), 0) != row.version:
                raise Disagreement(f"a row whose events are not all on the log: {row}")

    def _check_figures(self, expected: oracle.Figures) -> None:
        """At once or, since the gateway hears of a change a moment later, within seconds."""
        deadline = time.monotonic() + AGREE_SECONDS
        while True:
            wrong = oracle.differences(expected, witnesses.figures(self._reader, self.driver.names))
            if not wrong:
                return
            if time.monotonic() > deadline:
                raise Disagreement("the figures are not those of the ledger:\n" + "\n".join(wrong))
            time.sleep(0.2)

    def close(self) -> None:
        self._reader.close()
