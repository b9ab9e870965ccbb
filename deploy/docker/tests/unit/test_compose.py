"""What `docker compose` and Prometheus are told, checked without running either."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
LONG_RUNNING = {*OURS, "relay"}
MINE = [name for name, service in SERVICES.items() if service["image"].startswith("tandem/")]
EXAMPLE = ROOT / "deploy" / "docker" / "environment.example"


def test_every_service_of_ours_is_in_the_stack_and_migrated_first() -> None:
    for name in OURS:
        assert SERVICES[name]["depends_on"][f"migrate-{name}"] == {
            "condition": "service_completed_successfully"
        }


def test_every_process_of_ours_is_scraped_on_its_telemetry_port() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    targets = {
        target
        for job in config["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }

    assert targets == {f"{name}:9080" for name in LONG_RUNNING}


@pytest.mark.parametrize("name", MINE)
def test_our_containers_can_do_no_more_than_they_must(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["build"]["dockerfile"] == "deploy/docker/Dockerfile"


def test_ports_are_published_on_the_loopback_address_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_secrets_have_no_default_and_are_in_the_example_without_a_value() -> None:
    example = EXAMPLE.read_text().splitlines()
    for secret in ("POSTGRES_PASSWORD", "CURSOR_SECRET"):
        assert f"{secret}=" in example
        assert f"${{{secret}:?" in TEXT
        assert not re.search(rf"\$\{{{secret}:?-", TEXT)


def test_a_deployment_that_says_nothing_is_production() -> None:
    assert SERVICES["gateway"]["environment"]["ENVIRONMENT"] == "${ENVIRONMENT:-production}"


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose not installed")
def test_old_compose_understands_the_file(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text(re.sub(r"=$", "=made-up", EXAMPLE.read_text(), flags=re.MULTILINE))
    command = ["docker-compose", "--env-file", str(environment), "config", "--quiet"]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool not installed")
def test_prometheus_understands_its_configuration() -> None:
    command = ["promtool", "check", "config", str(ROOT / "deploy/prometheus/prometheus.yml")]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_dockerfile_builds_offline_and_for_any_service() -> None:
    lines = (ROOT / "deploy/docker/Dockerfile").read_text().splitlines()

    assert not any(line.startswith("# syntax") or "<<" in line for line in lines)
    assert "ARG SERVICE" in lines
    assert "USER 10001:10001" in lines
