"""Many at once on one thing, and partners who repeat, mix up and contradict themselves."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from faults.harness.commands import Command, money, payment
from faults.harness.driver import entry_of
from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

WRITERS = 8
CHANGES = 100
ORDERS = 30
COPIES = 3


@pytest.mark.long_on("postgres")
def test_a_hundred_changes_of_one_deal_by_writers_at_once(run: Run) -> None:
    """Each wins a version of its own; who was too late is told so, and tries again."""
    run.driver.prepare()
    product, reference = run.driver.names.products[0], f"{run.driver.names.run}-crowd"
    opening = {"external_ref": reference, "product": product, "amount": money(1)}
    with http(run, "importer") as client:
        opened = client.post("/v1/deals", json=opening)
        assert opened.status_code == 201, opened.text
        path = f"/v1/deals/{opened.json()['id']}"
        amounts, refused = write_at_once(client, path)
        final = client.get(path).json()
    run.result.seen["refused as too late"] = refused

    assert sorted(amounts) == list(range(2, CHANGES + 2)), "versions without a hole"
    assert (final["version"], final["amount"]["amount_minor"]) == (
        CHANGES + 1,
        amounts[CHANGES + 1],
    )
    tell(run, "open", reference, sequence=1, product=product, amount=1)
    for version, minor in sorted(amounts.items()):
        tell(run, "amount", reference, sequence=version, amount=minor)
    run.check()


def write_at_once(client: httpx.Client, path: str) -> tuple[dict[int, int], int]:
    """Version to amount of each change that was acknowledged, and how often one was too late."""
    amounts: dict[int, int] = {}
    numbers, refused = count(2), count()

    def write(_: int) -> None:
        while True:
            version = client.get(path).json()["version"]
            minor = next(numbers)
            answer = client.post(
                f"{path}/amount",
                json={"amount": money(minor)},
                headers={"if-match": f'"{version}"'},
            )
            if answer.is_success:
                amounts[answer.json()["version"]] = minor
                return
            assert answer.status_code in {409, 412}, answer.text
            next(refused)

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(CHANGES)))
    return amounts, next(refused)


def tell(run: Run, name: str, reference: str, *, sequence: int, **says: Any) -> None:
    """Write into the ledger what was acknowledged to this row itself."""
    command = Command(name=name, source="pipeline", path="", body={}, says=says)
    entry = entry_of(command, reference, outcome="acknowledged", status=200, sequence=sequence)
    run.driver.ledger.write(entry)


@pytest.mark.long_on("postgres")
def test_a_partner_who_repeats_mixes_up_and_contradicts_himself(run: Run) -> None:
    """Each event three times, in any order, by several senders at once, some of days ago."""
    payments = [paid(run, n) for n in range(ORDERS)]
    sends = payments * COPIES
    run.draw.shuffle(sends)
    with run.load(), http(run, "partner", sources=(run.driver.names.partner,)) as client:
        with ThreadPoolExecutor(WRITERS) as senders:
            verdicts = Counter(senders.map(lambda one: verdict(client, one.body), sends))
        for one in payments:
            contradicted = dict(one.body, data=one.body["data"] | {"amount": money(1)})
            assert verdict(client, contradicted) == "conflict"
        run.nemesis.note("copies, late ones and contradictions")
    for one in payments:
        run.driver.ledger.write(
            entry_of(one, one.subject or "", outcome="acknowledged", status=202)
        )

    assert verdicts == {"accepted": ORDERS, "duplicate": ORDERS * (COPIES - 1)}
    run.check()


def paid(run: Run, number: int) -> Command:
    names = run.driver.names
    minor = run.draw.randrange(2, 10**6)
    one = payment(
        names, f"{names.run}-order-{number}", product=run.draw.choice(names.products), minor=minor
    )
    late = timedelta(hours=run.draw.choice([0, 1, 30]))
    body = dict(one.body, time=(datetime.now(UTC) - late).isoformat())
    return Command(
        name=one.name,
        source=one.source,
        path=one.path,
        body=body,
        says=one.says,
        subject=one.subject,
    )


def verdict(client: httpx.Client, body: Any) -> str:
    """What the door says to one event; a conflict comes as a problem of its own."""
    headers = {"content-type": "application/cloudevents+json"}
    answer = client.post("/v1/events", json=body, headers=headers)
    if answer.status_code == httpx.codes.CONFLICT:
        return "conflict"
    assert answer.is_success, answer.text
    return str(answer.json()["status"])


def http(run: Run, *roles: str, sources: tuple[str, ...] = ()) -> httpx.Client:
    token = run.stack.token(*roles, sources=sources, ttl_seconds=86_400)
    return httpx.Client(
        base_url=run.stack.url, headers={"authorization": f"Bearer {token}"}, timeout=30
    )
