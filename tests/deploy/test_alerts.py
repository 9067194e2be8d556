"""Alerts and dashboard: each expression can be read, asks for metrics that there are, and each alert has its page."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from consumer.telemetry.backlog import Backlog
from consumer.telemetry.catalogue import CATALOGUE
from consumer.webhook import metrics as door
from consumer.webhook.outcomes import DeliveryOutcome
from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.memory.store import MemoryStore
from tests.deploy import dockerfile, promql
from tests.deploy.compose import BASE, read
from tests.deploy.promql import NotPromQL, parse
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.metrics import Metric
    from tests.deploy.promql import Selector

DEPLOY = ROOT / "deploy"
PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
GROUPS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "voicememo.json").read_text("utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
QUERIES += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
EXPRESSIONS = [rule["expr"] for rule in ALERTS.values()] + [
    query.replace("$__rate_interval", "5m") for query in QUERIES
]
OF_PROMETHEUS = {"instance", "job"}
"""Labels that it adds to everything."""
WANTED = {
    *("VoicememoVoiceOutRatio", "VoicememoDeadLetters", "VoicememoLag", "VoicememoOldestMemo", "VoicememoOwedUploads"),
    *("VoicememoBreakerOpen", "VoicememoWorkerRestarts", "VoicememoSilent", "VoicememoParked"),
}


def told() -> dict[str, Metric]:
    """Every metric that workers and door tell, by name."""
    return {metric.name: metric for metric in (*CATALOGUE, *door.CATALOGUE)}


def of_process() -> set[str]:
    """What the Prometheus client tells of each process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return set(re.findall(r"^(process_\w+)", generate_latest(registry).decode(), re.MULTILINE))


def metric_of(selector: Selector) -> tuple[Metric | None, set[str], bool]:
    """Find what a selector asks for, with the labels that it has, and whether it only grows."""
    name = selector.metric
    if name in of_process() | {"up"}:
        return None, OF_PROMETHEUS, True
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    metric = told().get(name) or told().get(plain)
    assert metric is not None, f"{name} is in no catalogue"
    assert (metric.kind == "histogram") == (name != metric.name), f"{name} is not what {metric.name} tells"
    labels = {*metric.labels, *OF_PROMETHEUS, *({"le"} if name.endswith("_bucket") else ())}
    return metric, labels, metric.kind != "gauge"


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_ask_for_what_is_reported(text: str) -> None:
    """Each expression is PromQL, of metrics and labels that there are; only what grows is asked how fast it does."""
    expression = parse(text)
    assert expression.selectors
    labels = set()
    for selector in expression.selectors:
        _, known, grows = metric_of(selector)
        labels |= known
        assert {matcher.label for matcher in selector.matchers} <= known, selector
        assert grows or not selector.ranged, f"{selector.metric} is a gauge"
    assert expression.labels <= labels


def test_values_of_labels_are_words_of_ours(tmp_path: Path) -> None:
    """States and outcomes that alerts and dashboard name are those that metrics tell."""
    backlog = Backlog(MemoryStore().ledger, RetryingArchive(DiskArchive(tmp_path), tmp_path, max_bytes=0))
    words: dict[str, set[str]] = {
        "state": set(backlog.memos),
        "outcome": {outcome.value for outcome in DeliveryOutcome},
        "form": {"voice", "text"},
        "rung": {"none"},
        "phase": {"polling"},
        "job": {job["job_name"] for job in PROMETHEUS["scrape_configs"]},
    }
    for text in EXPRESSIONS:
        for selector in parse(text).selectors:
            for matcher in selector.matchers:
                assert set(matcher.value.split("|")) <= words[matcher.label], text


def test_alerts_are_whole() -> None:
    """Each alert has a severity, a sentence, and names only labels that its expression leaves."""
    assert ALERTS.keys() >= WANTED
    assert sum(len(group["rules"]) for group in GROUPS) == len(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        summary = rule["annotations"]["summary"]
        assert summary.endswith("."), name
        left = parse(rule["expr"]).labels or OF_PROMETHEUS
        assert set(re.findall(r"\$labels\.(\w+)", summary)) <= left, name


def test_every_alert_has_its_section() -> None:
    """The runbook has a section for each alert, in their order, with a command in it; and no section for none."""
    sections = re.split(r"^## ", (ROOT / "docs" / "runbook.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    titles = [section.splitlines()[0] for section in sections]
    assert [title for title in titles if title.startswith("Voicememo")] == list(ALERTS)
    for title, section in zip(titles, sections, strict=True):
        if title in ALERTS:
            severity = ALERTS[title]["labels"]["severity"]
            assert f"*{severity}*" in section, f"{title} does not say that it is a {severity}"
            assert re.search(r"^```\n.+^```$", section, re.MULTILINE | re.DOTALL), f"{title} has no command"


def test_the_runbook_looks_for_what_is_logged() -> None:
    """Each event that a command of the runbook greps the log for is one that our code logs."""
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8").replace(r"\.", ".")
    patterns = re.findall(r"grep -E '([a-z.|_()]+)'", text)
    events = {
        word if "." in word else f"{pattern.partition('.(')[0]}.{word}"
        for pattern in patterns
        for word in re.split(r"[|()]+", pattern.partition(".(")[2] or pattern)
        if word
    }
    assert {"ledger.away", "rung.shut", "archive.refused"} <= events
    packages = ("consumer", "conversation", "storage", "providers", "runtime")
    code = "".join(path.read_text("utf-8") for name in packages for path in (ROOT / name).rglob("*.py"))
    assert not {event for event in events if f'"{event}"' not in code}


def test_prometheus_finds_workers_and_door() -> None:
    """What is scraped are services of the Compose file, where the image serves its vitals."""
    services = read(BASE)["services"]
    found = [place for job in PROMETHEUS["scrape_configs"] for place in job["dns_sd_configs"]]
    assert {name for place in found for name in place["names"]} == {"worker", "webhook"} <= services.keys()
    assert {str(place["port"]) for place in found} == {dockerfile.variables("run")["VITALS_PORT"]}
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]


def test_dashboard_is_provisioned() -> None:
    """Grafana loads the dashboard from where Compose mounts it, and its panels ask the source that is set up."""
    grafana = read(BASE)["services"]["grafana"]
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "voicememo.yml").read_text("utf-8"))["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].endswith("/voicememo.json")
    asked = [DASHBOARD["panels"], *(panel["targets"] for panel in DASHBOARD["panels"])]
    assert {each["datasource"]["uid"] for several in asked for each in several} == {source["uid"]}


def test_panels_do_not_overlap() -> None:
    """Every panel has a number and a place of its own, within the 24 columns of a dashboard."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        taken.update((x, y) for x in columns for y in range(place["y"], place["y"] + place["h"]))
    assert set(taken.values()) == {1}
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize(
    "text",
    [
        "rate(voicememo_memos_total)", "sum(voicememo_memos_total[5m])", "voicememo_memos_total{form='x'}",
        "sum(a", "a ==", "nonsense(a)", "a b", "increase(a[5])", "a[5m] > 1", "",
    ],
)  # fmt: skip
def test_this_parser_refuses_what_prometheus_would(text: str) -> None:
    """Invalid PromQL is reported."""
    with pytest.raises(NotPromQL):
        promql.parse(text)
