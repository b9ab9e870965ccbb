"""Debezium's connector for PostgreSQL with its outbox event router, in a standalone Connect worker.

Settings as docs/guides and libs/events/README.md advise, with the batches, queue and
compression that a user who wants throughput would set.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.peers.build import PeerUnavailable, java
from bench.servers import Servers
from local.child import last_line
from local.ports import free_port

SLOT: Final = "bench"
_MEMORY: Final = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC")
_START_SECONDS: Final = 120

_PLACEMENT: Final = {
    "event_id": "ce_id",
    "source": "ce_source",
    "type": "ce_type",
    "aggregateid": "ce_subject",
    "occurred_at": "ce_time",
    "recorded_at": "ce_recordedtime",
    "aggregate_version": "ce_sequence",
    "traceparent": "traceparent",
    "specversion": "ce_specversion",
}
SPECVERSION_SQL: Final = "ALTER TABLE outbox ADD COLUMN specversion text NOT NULL DEFAULT '1.0'"
"""Where Debezium is to find it: a header inserted by Connect cannot be the text 1.0, only 1."""

_CONNECTOR: Final = {
    "name": "outbox",
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "plugin.name": "pgoutput",
    "slot.name": SLOT,
    "publication.autocreate.mode": "filtered",
    "table.include.list": "public.outbox",
    "topic.prefix": "bench",
    "snapshot.mode": "no_data",
    "tombstones.on.delete": "false",
    "skipped.operations": "u,d,t",
    "max.batch.size": "8192",
    "max.queue.size": "32768",
    "poll.interval.ms": "10",
    "transforms": "route",
    "transforms.route.type": "io.debezium.transforms.outbox.EventRouter",
    "transforms.route.route.by.field": "aggregatetype",
    "transforms.route.route.topic.replacement": "${routedByValue}",
    "transforms.route.table.field.event.id": "event_id",
    "transforms.route.table.field.event.key": "aggregateid",
    "transforms.route.table.field.event.payload": "payload",
    "transforms.route.table.fields.additional.placement": ",".join(
        f"{column}:header:{header}" for column, header in _PLACEMENT.items()
    ),
    "producer.override.compression.type": "lz4",
    "producer.override.batch.size": str(256 * 1024),
    "producer.override.linger.ms": "5",
}
_STRING: Final = "org.apache.kafka.connect.storage.StringConverter"


class Debezium:
    """The running worker. Stopped and continued by signals, so that rows can gather before it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def check(self) -> None:
        """Raises PeerUnavailable when the worker has ended."""
        if self._process.poll() is not None:
            raise PeerUnavailable(f"Debezium ended: {last_line(self.log)}")


@contextmanager
def debezium(servers: Servers, database: str) -> Iterator[Debezium]:
    """Run it on the outbox of a database; what is inserted from now on is sent."""
    with tempfile.TemporaryDirectory(prefix="tandem-debezium-") as place:
        folder = Path(place)
        worker = folder / "worker.properties"
        connector = folder / "connector.properties"
        _write(worker, _worker(servers.kafka, folder))
        _write(connector, {**_CONNECTOR, **_place(database)})
        command = [*java("debezium", *_MEMORY), "org.apache.kafka.connect.cli.ConnectStandalone"]
        log = servers.folder / "debezium.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*command, str(worker), str(connector)], stdout=output, stderr=subprocess.STDOUT
            )
        peer = Debezium(process, log)
        try:
            _wait_for_slot(peer, servers, database)
            yield peer
        finally:
            process.kill()
            process.wait()


def _worker(kafka: str, folder: Path) -> dict[str, str]:
    return {
        "bootstrap.servers": kafka,
        "key.converter": _STRING,
        "value.converter": _STRING,
        "header.converter": _STRING,
        "offset.storage.file.filename": str(folder / "offsets"),
        "offset.flush.interval.ms": "1000",
        "listeners": f"http://127.0.0.1:{free_port()}",
        "plugin.discovery": "service_load",
        "connector.client.config.override.policy": "All",
    }


def _place(database: str) -> dict[str, str]:
    url = urlsplit(database)
    return {
        "database.hostname": str(url.hostname),
        "database.port": str(url.port),
        "database.user": str(url.username),
        "database.password": "unused where local connections are trusted",
        "database.dbname": url.path.lstrip("/"),
    }


def _write(file: Path, settings: Mapping[str, str]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _wait_for_slot(peer: Debezium, servers: Servers, database: str) -> None:
    """It streams from the moment in which its slot is in use."""
    deadline = time.monotonic() + _START_SECONDS
    name = urlsplit(database).path.lstrip("/")
    question = f"SELECT active FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
    while servers.postgres.execute(question, database=name) != ["t"]:
        peer.check()
        if time.monotonic() > deadline:
            raise PeerUnavailable(f"Debezium did not stream: {last_line(peer.log)}")
        time.sleep(0.2)
