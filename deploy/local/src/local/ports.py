"""The ports of a stack: their defaults, the variables that change them, and free ones."""

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from local.errors import CannotStart

# In this order a PORT_BASE hands out consecutive ports.
DEFAULTS = {
    "gateway": 8080,
    "customer": 8101,
    "pipeline": 8102,
    "ops": 8103,
    "metrics": 8104,
    "gateway_telemetry": 9080,
    "customer_telemetry": 9101,
    "pipeline_telemetry": 9102,
    "ops_telemetry": 9103,
    "metrics_telemetry": 9104,
    "relay_telemetry": 9105,
    "postgres": 55432,
    "kafka": 19092,
    "kafka_controller": 19093,
}
OF_KAFKA = frozenset({"kafka", "kafka_controller"})
LAST_PORT = 65535
FREE = range(15000, 32001)
"""Where free ports are looked for: below those from which the kernel serves outgoing connections.

One of these (bind to 0) can be taken by a client of somebody before the server is up that asked.
"""


def variable(name: str) -> str:
    """The environment variable that changes one port."""
    return f"{name.upper()}_PORT"


@dataclass(frozen=True)
class Ports:
    """The number of each port, by name."""

    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    @classmethod
    def chosen(cls, environment: Mapping[str, str]) -> "Ports":
        """The defaults, or PORT_BASE and up; then what the variables of single ports say."""
        numbers = dict(DEFAULTS)
        if environment.get("PORT_BASE"):
            base = port_number(
                "PORT_BASE", environment["PORT_BASE"], last=LAST_PORT - len(DEFAULTS)
            )
            numbers = {name: base + offset for offset, name in enumerate(DEFAULTS)}
        for name in DEFAULTS:
            if environment.get(variable(name)):
                numbers[name] = port_number(variable(name), environment[variable(name)])
        check_distinct(numbers)
        return cls(numbers)

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody uses at this moment."""
        found: set[int] = set()
        while len(found) < len(DEFAULTS):
            found.add(free_port())
        return cls(dict(zip(DEFAULTS, sorted(found), strict=True)))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make another launcher choose exactly these ports."""
        return {variable(name): str(number) for name, number in self.numbers.items()}

    def check_free(self, *, without: frozenset[str] = frozenset()) -> None:
        """Raises CannotStart naming a taken port, its variable and, if known, its holder."""
        for name, number in self.numbers.items():
            if name not in without and not is_free(number):
                raise CannotStart(
                    f"port {number} ({name.replace('_', ' ')}) is taken{holder(number)}",
                    mend=f"end that process, or set {variable(name)} or PORT_BASE to free ports",
                )


def port_number(name: str, text: str, *, last: int = LAST_PORT) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= last:
        raise CannotStart(
            f"{name} is {text!r}, which is not a port", mend=f"set it to a number from 1 to {last}"
        )
    return int(text)


def check_distinct(numbers: Mapping[str, int]) -> None:
    owners: dict[int, str] = {}
    for name, number in numbers.items():
        if number in owners:
            raise CannotStart(
                f"{variable(owners[number])} and {variable(name)} are both {number}",
                mend="give each its own port",
            )
        owners[number] = name


def holder(port: int) -> str:
    """Words for who listens there; none where the system does not tell (other users' sockets)."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
            continue
        if connection.laddr[1] == port:
            return f" by {program_name(connection.pid)} (pid {connection.pid})"
    return ""


def program_name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "a process that has just ended"


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """One of `FREE` on which nobody listens at this moment."""
    while True:
        port = random.choice(FREE)  # noqa: S311 - no secret
        if is_free(port):
            return port
