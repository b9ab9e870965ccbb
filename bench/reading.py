"""Requests a second of a hot KPI read, beside nginx serving the same bytes; and a hop's price."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from bench.report import Figure
from local.ports import free_port
from local.stack import Stack

SECONDS = 8
QUERY = "/v1/kpis/revenue_net?grain=quarter&from=2017-01-01&to=2018-01-01&by=owner"


def hot_read(stack: Stack) -> list[Figure]:
    """wrk against the gateway and against nginx, one after the other, on the same core."""
    missing = [tool for tool in ("wrk", "nginx") if shutil.which(tool) is None]
    if missing:
        return [Figure("hot KPI read", "not measured", f"needs {' and '.join(missing)}")]
    token = stack.token("boss")
    body = httpx.get(stack.url + QUERY, headers={"authorization": f"Bearer {token}"}, timeout=30)
    body.raise_for_status()
    ours = _wrk(stack.url + QUERY, token)
    direct = _wrk(f"{stack.urls['customer']}/v1/customers?limit=1", token)
    through = _wrk(f"{stack.url}/v1/customers?limit=1", token)
    with tempfile.TemporaryDirectory() as folder:
        theirs = _nginx(Path(folder), body.content)
    return [
        Figure(
            "hot KPI read through the gateway", f"{ours:,.0f}/s", f"{len(body.content):,} bytes"
        ),
        Figure("nginx serving the same bytes", f"{theirs:,.0f}/s", "one worker"),
        Figure("hot KPI read against nginx", f"{ours / theirs:.3f}", "goal 0.15, aim 0.30"),
        Figure("a list of customers, asked directly", f"{direct:,.0f}/s"),
        Figure("the same through the gateway", f"{through:,.0f}/s"),
        Figure(
            "what a hop leaves", f"{through / direct:.2f}", "goal 0.6, aim 0.75; all on 2 cores"
        ),
    ]


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
