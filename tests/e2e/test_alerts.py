"""What the alert rules speak of is really exported, and a real stall really raises the alarm."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.ports import free_port
from local.services import SERVICES
from local.stack import Stack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules"
PROCESSES = (*SERVICES, "relay")
PATIENCE_SECONDS = 240.0
NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b(?=[{\[)\s])")
"""A series in an expression; our own all have two words or more."""
OURS = ("pipeline_", "outbox_", "dlq_", "process_", "gateway_", "http_", "event_", "database_")


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus with our rules that scrapes the stack every second; gives its URL."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(stack)))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: is_ready(f"http://{address}"), "Prometheus")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def configuration(stack: Stack) -> dict[str, Any]:
    """That of deployment, with the stack's ports and a quicker pulse."""
    written = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    written["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    written["rule_files"] = [str(RULES / "*.yml")]
    ports = stack.plan.ports
    written["scrape_configs"][0]["static_configs"] = [
        {"targets": [f"127.0.0.1:{ports[f'{name}_telemetry']}"], "labels": {"service": name}}
        for name in PROCESSES
    ]
    return dict(written)


def is_ready(prometheus: str) -> bool:
    """It answers 503 from its first moment until its storage is open."""
    try:
        return httpx.get(f"{prometheus}/-/ready", timeout=10).is_success
    except httpx.TransportError:
        return False


def firing(prometheus: str) -> set[str]:
    answer = httpx.get(f"{prometheus}/api/v1/alerts", timeout=10).raise_for_status()
    return {
        alert["labels"]["alertname"]
        for alert in answer.json()["data"]["alerts"]
        if alert["state"] == "firing"
    }


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.5)


def exported(stack: Stack) -> set[str]:
    found: set[str] = set()
    for name in PROCESSES:
        page = httpx.get(f"http://127.0.0.1:{stack.plan.ports[f'{name}_telemetry']}/metrics")
        found |= set(re.findall(r"^# TYPE (\w+) ", page.text, flags=re.MULTILINE))
    return found


def test_every_series_that_a_rule_names_is_exported(stack: Stack) -> None:
    there = exported(stack)
    named = {
        re.sub("_(count|sum|bucket)$", "", name)  # of a histogram
        for path in RULES.glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        for name in NAME.findall(rule["expr"])
        if name.startswith(OURS)
    }

    assert len(named) > 8
    assert {name for name in named if name not in there} == set()


def test_beats_of_all_services_are_heard_at_the_front_door(stack: Stack) -> None:
    port = stack.plan.ports["gateway_telemetry"]

    def heard() -> set[str]:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        found = re.findall(r"pipeline_heartbeat_timestamp_seconds\{(.*?)\}", page)
        return {
            match[1]
            for labels in found
            if 'stage="heard"' in labels and (match := re.search(r'service="(\w+)"', labels))
        }

    wait_until(lambda: heard() == set(SERVICES), "beats of all services")


def test_a_consumer_that_stands_raises_the_alarm_until_it_goes_on(
    stack: Stack, prometheus: str
) -> None:
    wait_until(lambda: not firing(prometheus), "a quiet beginning")
    stack.send_signal("metrics", signal.SIGSTOP)
    try:
        # Heartbeats go on to come, so there is something that is not applied.
        wait_until(
            lambda: {"ConsumerBehind", "ProcessDown"} <= firing(prometheus),
            "the alerts of a process that stands",
        )
    finally:
        stack.send_signal("metrics", signal.SIGCONT)

    wait_until(lambda: not firing(prometheus), "the end of the alerts")
