"""The driver: seeded load of business commands and partners' events through the front door.

Each client thread has a stream of random numbers of its own, so that a seed says what each client
asks for; only how the streams interleave is left to the machine.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from faults.harness.commands import KINDS, Answer, Command, Life, Names, deal, payment
from faults.harness.ledger import Entry, Ledger, Outcome
from faults.harness.stack import PATIENCE_SECONDS
from local.stack import Stack

CLIENTS: Final = 3
LIVES_PER_CLIENT: Final = 12
"""Aggregates that a client works on at once."""
PAUSE_SECONDS: Final = 0.05
CALM_SECONDS: Final = 0.25
EAGER: Final = 100
"""So many commands beyond what a row waits for come fast; then fewer, since a broker or a service
that is starting needs the processors itself.
"""
ANSWER_SECONDS: Final = 8.0
STRUCTURED: Final = {"content-type": "application/cloudevents+json"}


@dataclass
class Living:
    """An aggregate in the hands of a client."""

    reference: str
    life: Life
    command: Command
    subject: str | None = None
    sequence: int = 1


@dataclass
class Client:
    """One of those who work at the front door, with what it has in hand."""

    draw: random.Random
    number: int
    begun: int = 0
    lives: list[Living] = field(default_factory=list)


class Driver:
    """Use `load()` around the fault; what was asked for is in `ledger`."""

    def __init__(self, stack: Stack, *, seed: int, run: str) -> None:
        self.ledger = Ledger()
        self.names = Names(run)
        self._eager = EAGER
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        token = stack.token(
            "importer", "partner", sources=(self.names.partner,), ttl_seconds=86_400
        )
        self._open: Callable[[], httpx.Client] = lambda: httpx.Client(
            base_url=stack.url,
            headers={"authorization": f"Bearer {token}"},
            timeout=ANSWER_SECONDS,
        )
        self._clients = [Client(random.Random(f"{seed}/{n}"), n) for n in range(CLIENTS)]
        self._customer = ""
        self._probes: dict[str, Command] = {}

    def prepare(self) -> None:
        """Make what commands refer to; before any fault, so that it has to work."""
        with self._open() as client:
            for product in self.names.products:
                _make(client, "/v1/products", {"code": product, "name": product})
            self._customer = _make(client, "/v1/customers", {"name": self.names.run})["id"]

    @contextmanager
    def load(self) -> Iterator[None]:
        """All clients at work, until the end of the block."""
        if not self._customer:
            self.prepare()
        self._stopping.clear()
        threads = [threading.Thread(target=self._work, args=(one,)) for one in self._clients]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def wait_acknowledged(self, more: int, *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Until so many more commands were acknowledged from now on."""
        self._eager = more + EAGER
        wanted = self.ledger.count("acknowledged") + more
        if not self.ledger.wait_for(wanted, timeout_seconds=timeout_seconds):
            done = self.ledger.count("acknowledged")
            raise TimeoutError(f"{done} of {wanted} commands acknowledged") from self._failure

    def probe(self, reference: str) -> bool:
        """Pay an order under a product of its own, the same at each call; whether it was taken."""
        command = self._probes.get(reference)
        if command is None:
            command = payment(self.names, reference, product=reference, minor=1)
            self._probes[reference] = command
            self.names.probes.append(reference)
        with self._open() as http:
            outcome, status, _ = send(http, command, sequence=1)
        if outcome != "acknowledged":
            return False
        self.ledger.write(entry_of(command, reference, outcome=outcome, status=status))
        return True

    def _work(self, one: Client) -> None:
        try:
            with self._open() as http:
                while not self._stopping.is_set():
                    self._turn(http, one)
                    self._eager -= 1
                    time.sleep(PAUSE_SECONDS if self._eager > 0 else CALM_SECONDS)
        except BaseException as failure:
            self._failure = failure
            raise

    def _turn(self, http: httpx.Client, one: Client) -> None:
        if len(one.lives) < LIVES_PER_CLIENT:
            one.begun += 1
            one.lives.append(self._begin(one.draw, f"{self.names.run}-{one.number}-{one.begun}"))
        living = one.draw.choice(one.lives)
        if not self._step(http, living, retries=one.draw.random() < 0.5):
            one.lives.remove(living)

    def _begin(self, draw: random.Random, reference: str) -> Living:
        if draw.random() < 0.5:
            life = deal(draw, self.names, reference, customer=self._customer)
        else:
            begins, weights = zip(*KINDS.values(), strict=True)
            life = draw.choices(begins, weights)[0](draw, self.names, reference)
        return Living(reference, life, next(life))

    def _step(self, http: httpx.Client, living: Living, *, retries: bool) -> bool:
        """Send the next command; False when this life is over for the driver."""
        command = living.command
        outcome, status, answer = send(http, command, sequence=living.sequence)
        # A partner repeats what it got no answer for; it has to be counted once all the same.
        while outcome == "unknown" and retries and is_of_partner(command):
            if self._stopping.wait(0.1):
                break
            outcome, status, answer = send(http, command, sequence=living.sequence)
        if answer.get("retryable"):
            return True  # the customer is heard of by an event, a moment later
        living.subject = living.subject or subject_of(command, answer)
        if outcome == "acknowledged":
            got = answer.get("sequence", answer.get("version"))
            assert got == living.sequence, f"{command.name} of {living.reference} became {got}"
        self.ledger.write(
            entry_of(
                command,
                living.reference,
                outcome=outcome,
                status=status,
                subject=living.subject,
                sequence=living.sequence,
            )
        )
        return outcome == "acknowledged" and self._go_on(living, answer)

    def _go_on(self, living: Living, answer: Answer) -> bool:
        try:
            living.command = living.life.send(answer)
        except StopIteration:
            return False
        living.sequence += 1
        return True


def entry_of(
    command: Command,
    reference: str,
    *,
    outcome: Outcome,
    status: int | str,
    subject: str | None = None,
    sequence: int = 1,
) -> Entry:
    """A line of the ledger."""
    return Entry(
        command=command.name,
        source=source_of(command),
        reference=reference,
        outcome=outcome,
        says=command.says,
        subject=subject or command.subject,
        sequence=sequence,
        status=status,
    )


def is_of_partner(command: Command) -> bool:
    return command.path == "/v1/events"


def subject_of(command: Command, answer: Answer) -> str | None:
    """The event's subject: a partner's own id of the thing, else the id that it was given."""
    return command.subject or answer.get("id")


def source_of(command: Command) -> str:
    return command.source if is_of_partner(command) else f"/tandem/{command.source}"


def send(
    http: httpx.Client, command: Command, *, sequence: int
) -> tuple[Outcome, int | str, Answer]:
    """Outcome, status or kind of error, and what was answered."""
    headers = dict(STRUCTURED) if is_of_partner(command) else {}
    if sequence > 1:
        headers["if-match"] = f'"{sequence - 1}"'
    body: dict[str, Any] = {"json": command.body} if command.method != "DELETE" else {}
    try:
        response = http.request(command.method, command.path, headers=headers, **body)
    except httpx.HTTPError as error:
        return "unknown", type(error).__name__, {}
    answer = response.json() if response.content else {}
    if response.is_success:
        status = answer["status"] if is_of_partner(command) else response.status_code
        return "acknowledged", status, answer
    if response.is_client_error:
        return "refused", response.status_code, answer
    return "unknown", response.status_code, {}


def _make(client: httpx.Client, path: str, body: dict[str, str]) -> Any:
    """What was made. The gateway may leave a service alone that the row before has killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (made := client.post(path, json=body)).status_code == 503:
        assert time.monotonic() < deadline, made.text
        time.sleep(0.2)
    assert made.status_code == 201, made.text
    return made.json()
