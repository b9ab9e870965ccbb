"""Requests a second of a hot KPI read, beside nginx serving the same bytes; and a hop's price."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from bench.importing import import_all, opportunities
from bench.report import Figure, Goal, ratio
from bench.servers import own_stack
from local.ports import free_port
from local.stack import Stack

SECONDS = 8
QUERY = "/v1/kpis/revenue_net?grain=quarter&from=2017-01-01&to=2018-01-01&by=owner"


HOT_READ: Final = Goal(0.15, 0.30)
HOP: Final = Goal(0.6, 0.75)


def measure(_scale: float) -> Iterator[Figure]:
    """wrk against the gateway and against nginx, one after the other, on the same two cores."""
    missing = [tool for tool in ("wrk", "nginx") if shutil.which(tool) is None]
    if missing:
        raise FileNotFoundError(f"{' and '.join(missing)} must be installed to measure reads")
    with own_stack() as stack:
        import_all(stack, opportunities())
        token = stack.token("boss")
        yield from _hot_read(stack, token)
        yield from _hop(stack, token)


def _hot_read(stack: Stack, token: str) -> Iterator[Figure]:
    answer = httpx.get(stack.url + QUERY, headers={"authorization": f"Bearer {token}"}, timeout=30)
    answer.raise_for_status()
    body = answer.content
    ours = _wrk(stack.url + QUERY, token)
    yield Figure("hot KPI read through the gateway", f"{ours:,.0f}/s", f"{len(body):,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        theirs = _nginx(Path(folder), body)
    yield Figure("nginx serving the same bytes", f"{theirs:,.0f}/s", "one worker")
    yield ratio("hot KPI read against nginx", ours / theirs, goal=HOT_READ)


def _hop(stack: Stack, token: str) -> Iterator[Figure]:
    direct = _wrk(f"{stack.urls['customer']}/v1/customers?limit=1", token)
    yield Figure("a list of customers, asked directly", f"{direct:,.0f}/s")
    through = _wrk(f"{stack.url}/v1/customers?limit=1", token)
    yield Figure("the same through the gateway", f"{through:,.0f}/s")
    yield ratio("what a hop leaves", through / direct, goal=HOP, note="all on 2 cores")


def _wrk(url: str, token: str) -> float:
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {token}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout:
        raise RuntimeError(f"{url} did not answer 2xx to all:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def _nginx(folder: Path, body: bytes) -> float:
    port = free_port()
    (folder / "kpi.json").write_bytes(body)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}
""",
        encoding="utf-8",
    )
    folder.chmod(0o755)
    process = subprocess.Popen(["nginx", "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        return _wrk(f"http://127.0.0.1:{port}/kpi.json", "none")
    finally:
        process.terminate()
        process.wait()
