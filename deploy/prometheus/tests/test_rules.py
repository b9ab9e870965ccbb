"""Alert rules: understood by Prometheus, each proven to fire, each with its runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
CASES = sorted((ROOT / "deploy/prometheus/tests").glob("*.yml"))

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool not installed"
)


def alerts() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def promtool(*arguments: str) -> str:
    result = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@needs_promtool
def test_prometheus_understands_every_rule() -> None:
    promtool("check", "rules", *map(str, RULES))


@needs_promtool
def test_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", *map(str, CASES))


def test_every_alert_is_tested_both_ways() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for expected in case["alert_rule_test"]:
                (fires if expected.get("exp_alerts") else silent).add(expected["alertname"])

    named = {rule["alert"] for rule in alerts()}
    assert fires == named
    assert silent == named


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_speaks_both_languages_and_has_a_runbook_in_both(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    path, _, anchor = notes["runbook_url"].partition("#")

    assert notes["summary"]
    assert re.search("[一-鿿]", notes["summary_zh"])
    for language in (path, path.replace(".md", ".zh.md")):
        headings = re.findall(r"^## (\w+)$", (ROOT / language).read_text(), flags=re.MULTILINE)
        assert anchor in [heading.lower() for heading in headings], language
