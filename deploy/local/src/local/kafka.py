"""Apache Kafka without containers: the real broker from Maven's jars, in one JVM.

Jars and the class-data archive are shared by all stacks of this user: they cost a download and a
training run once.
"""

import asyncio
import base64
import hashlib
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from local.child import Child, Program, last_line, leashed
from local.errors import CannotStart
from local.locks import exclusively
from local.ports import is_free
from local.settings import CHECKOUT, inherited_environment

DEFINITION = CHECKOUT / "deploy" / "local" / "kafka"
MAVEN_TIMEOUT_SECONDS = 300

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
# A broker killed by -9 serves again only after its old session has expired: 11 s with the defaults,
# 3 s with these.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""

JVM = [
    "-Xms96m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Xlog:disable",
]


@dataclass(frozen=True)
class Kafka:
    """A one-node cluster with its data under `home`."""

    home: Path
    port: int
    controller_port: int
    log: Path
    cache: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def exists(self) -> bool:
        return (self.data / "meta.properties").exists()

    @property
    def properties(self) -> Path:
        return self.home / "server.properties"

    @cached_property
    def jars(self) -> "Jars":
        return Jars.in_cache(self.cache)

    def prepare(self) -> None:
        """Fetch the jars and format the storage, where that is still to do."""
        self.jars.fetch(self.log)
        self.home.mkdir(parents=True, exist_ok=True)
        self.properties.write_text(
            PROPERTIES.format(port=self.port, controller_port=self.controller_port, data=self.data)
        )
        if not self.exists:
            self._format()

    def _format(self) -> None:
        # What the formatter's `random-uuid` gives, without the second that a JVM takes.
        cluster_id = (
            base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=").replace("-", "x")
        )
        shutil.rmtree(self.data, ignore_errors=True)
        command = self._java(
            "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self.properties)
        )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            result = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        if result.returncode != 0:
            raise CannotStart(
                f"Kafka's storage could not be formatted: {last_line(self.log)}",
                mend=f"see {self.log}",
            )

    def program(self) -> Program:
        archive = self.jars.archive
        sharing = (
            f"-XX:SharedArchiveFile={archive}"
            if archive.exists()
            else f"-XX:ArchiveClassesAtExit={self._training}"
        )
        return Program(
            name="kafka",
            command=self._java("kafka.Kafka", str(self.properties), options=[sharing]),
            environment=inherited_environment() | {"LC_ALL": "C.UTF-8"},
            log=self.log,
            stop_timeout_seconds=30.0,
        )

    def keep_archive(self) -> None:
        """After a clean end: offer the class data that this run has recorded to all later ones."""
        if self._training.exists():
            self._training.replace(self.jars.archive)

    @property
    def _training(self) -> Path:
        return self.home / "classes.jsa"

    def _java(
        self, main_class: str, *arguments: str, options: list[str] | None = None
    ) -> list[str]:
        return [
            "java",
            *JVM,
            *(options or []),
            f"-Dlog4j2.configurationFile={DEFINITION / 'log4j2.xml'}",
            "-cp",
            self.jars.class_path,
            main_class,
            *arguments,
        ]

    def is_ready(self) -> bool:
        """A metadata round trip: the port is open long before the broker can serve."""
        return not is_free(self.port) and asyncio.run(self._answers())

    async def _answers(self) -> bool:
        client = AIOKafkaClient(bootstrap_servers=self.address, request_timeout_ms=2000)
        try:
            await client.bootstrap()
        except KafkaError:
            return False
        finally:
            await client.close()
        return True

    def start(self, *, timeout_seconds: float = 60.0) -> Child:
        child = Child(self.program()).start()
        child.wait_until(self.is_ready, timeout_seconds=timeout_seconds)
        return child


@dataclass(frozen=True)
class Jars:
    """The broker's jars in the user's cache, and the class-data archive for them and this JVM."""

    folder: Path
    archive: Path

    @classmethod
    def in_cache(cls, cache: Path) -> "Jars":
        version = hashlib.sha256((DEFINITION / "pom.xml").read_bytes()).hexdigest()[:12]
        jvm = hashlib.sha256(java_version().encode()).hexdigest()[:12]
        root = cache / "kafka" / version
        return cls(folder=root / "lib", archive=root / f"classes-{jvm}.jsa")

    @property
    def class_path(self) -> str:
        """The jars by name and in one order: class-data sharing refuses a path of another order."""
        return ":".join(str(jar) for jar in sorted(self.folder.glob("*.jar")))

    def fetch(self, log: Path) -> None:
        with exclusively(self.folder.parent / "lock"):
            if self.folder.exists():
                return
            incoming = self.folder.with_name("incoming")
            shutil.rmtree(incoming, ignore_errors=True)
            self._copy_dependencies(incoming, log)
            incoming.rename(self.folder)

    def _copy_dependencies(self, incoming: Path, log: Path) -> None:
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        command = [
            "mvn",
            "-q",
            "-B",
            "-Dstyle.color=never",
            "-f",
            str(DEFINITION / "pom.xml"),
            goal,
        ]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={incoming}"]
        try:
            result = subprocess.run(
                leashed(command, stop_signal=signal.SIGTERM, account=None),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=MAVEN_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotStart(
                f"Maven did not deliver Kafka's jars within {MAVEN_TIMEOUT_SECONDS} s",
                mend="check the network, or use LOG=postgres",
            ) from None
        if result.returncode != 0:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(result.stdout + result.stderr)
            reason = next((line for line in result.stdout.splitlines() if "ERROR" in line), "")
            raise CannotStart(
                f"Maven could not deliver Kafka's jars: {reason.removeprefix('[ERROR] ')}",
                mend=f"mend that (details in {log}), or use LOG=postgres",
            )


@cache
def java_version() -> str:
    """What `java -version` prints; a class-data archive fits exactly one build of the JVM."""
    return subprocess.run(
        ["java", "-version"], capture_output=True, text=True, check=True, timeout=20
    ).stderr
