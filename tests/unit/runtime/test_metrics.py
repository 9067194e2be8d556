from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics import BUILD_INFO, Metric, Registry
from tests.write_docs import catalogue_table

PASSED = Metric("events_passed_total", "counter", ("reason",), "Events that needed no work.")
SECONDS = Metric("memo_seconds", "histogram", (), "How long a memo took, in seconds.", (1, 5))
PHASE = Metric("phase", "gauge", ("phase",), "What the worker does.")
LAG = Metric("lag_events", "gauge", ("partition",), "Events of a partition.")
CATALOGUE = (PASSED, SECONDS, PHASE, LAG, BUILD_INFO)


def samples(registry: Registry) -> dict[str, float]:
    """Return what a scrape gives, by name and label values, without the process's own."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(registry.exposition().decode())
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


@pytest.mark.parametrize("text", ["+15550100123", "call me", "", "a" * 65, "chat-12345678", "ünïcode", "a\nb"])
def test_a_label_is_a_word_or_other(text: str) -> None:
    """What is no constant word of ours never becomes a label value (I6)."""
    registry = Registry(CATALOGUE)
    registry.count(PASSED, text)
    assert samples(registry)["events_passed_total other"] == 1


def test_labels_are_bounded() -> None:
    """However many words come, the number of series has an end (I9)."""
    registry = Registry(CATALOGUE)
    for number in range(1000):
        registry.count(PASSED, f"reason-{number}")
    counted = {name: value for name, value in samples(registry).items() if name.startswith("events_passed_total")}
    assert len(counted) == 201
    assert counted["events_passed_total other"] == 800


def test_two_registries_in_one_process_share_nothing() -> None:
    """Each has series of its own."""
    one, other = Registry(CATALOGUE), Registry(CATALOGUE)
    one.count(PASSED, None)
    assert samples(one)["events_passed_total none"] == 1
    assert "events_passed_total none" not in samples(other)


def test_a_registry_exposes_its_catalogue() -> None:
    """Each metric is there from the start in the catalogue's order, with its type, help and buckets."""
    families = [
        family
        for family in text_string_to_metric_families(Registry(CATALOGUE).exposition().decode())
        if not family.name.startswith("process_")
    ]
    assert [(family.name, family.type, family.documentation) for family in families] == [
        (metric.name.removesuffix("_total"), metric.kind, metric.help) for metric in CATALOGUE
    ]
    assert [sample.labels["le"] for sample in families[1].samples if "le" in sample.labels] == ["1.0", "5.0", "+Inf"]


def test_series_come_and_go() -> None:
    """A series that is no longer read is dropped, and of a switch only one is there."""
    registry, lag = Registry(CATALOGUE), {"3": 17.0, "4": 0.0}
    registry.follow_series(LAG, lambda: lag)
    registry.switch(PHASE, "polling")
    registry.switch(PHASE, "draining")
    found = samples(registry)
    assert (found["lag_events 3"], found["lag_events 4"], found["phase draining"]) == (17, 0, 1)
    assert "phase polling" not in found
    del lag["3"]
    assert "lag_events 3" not in samples(registry)


def test_the_table_has_a_row_for_each() -> None:
    """The reference names every metric once, with type, labels and meaning."""
    rows = [line.split(" | ") for line in catalogue_table(CATALOGUE).splitlines()[2:]]
    assert [row[0].strip("| `") for row in rows] == [metric.name for metric in CATALOGUE]
    assert [row[2] for row in rows] == ["`reason`", "none", "`phase`", "`partition`", "`version`, `python`"]
    assert all(len(row) == 4 for row in rows)
