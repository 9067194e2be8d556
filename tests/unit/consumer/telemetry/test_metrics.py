from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, get_args

from prometheus_client.parser import text_string_to_metric_families

from consumer import notices
from consumer.kafka.ports import Partition
from consumer.notices import MemoSettled, Notices, WorkerChanged
from consumer.telemetry.backlog import Backlog
from consumer.telemetry.catalogue import CATALOGUE
from consumer.telemetry.metrics import Metrics
from providers.errors import Unauthorized
from providers.fallback.ladder import Ladder, Rung
from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.memory.store import MemoryStore
from tests.harness.virtual_time import in_virtual_time
from tests.unit.consumer.telemetry.story import KEY, STORY

if TYPE_CHECKING:
    from pathlib import Path


def samples(metrics: Metrics) -> dict[str, float]:
    """What a scrape gives, by name and labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in families
        for sample in family.samples
    }


class WatchdogReadings:
    """What a watchdog sees."""

    longest_loop_lag_seconds = 0.5
    seconds_since_poll = 1.5


async def _at_once(word: str) -> str:
    return word


async def _refused(_: str) -> str:
    raise Unauthorized("elevenlabs", status=401)


def speaking() -> Ladder[[str], str]:
    """A ladder whose first rung an operator has to mend."""
    return Ladder("speak", Rung("elevenlabs", _refused, 1), Rung("clip", _at_once, 1), budget_seconds=5)


def test_the_story_tells_every_kind_of_notice() -> None:
    """The examples of these tests leave no kind of notice out."""
    assert {type(notice) for notice in STORY} == set(get_args(notices.Notice))


def test_metrics_count_and_time_what_they_are_reported() -> None:
    """Each notice moves the metrics that the catalogue promises, and those only."""
    metrics = Metrics(in_flight=lambda: 7)
    before = samples(metrics)
    Notices(metrics)(STORY[0])
    for notice in STORY[1:]:
        metrics(notice)
    after = samples(metrics)
    moved = {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if name.startswith("voicememo_") and "_bucket" not in name and value != before.get(name, 0)
    }
    assert moved == {
        "voicememo_memos_taken_total{again=false}": 1,
        "voicememo_memos_taken_total{again=true}": 1,
        "voicememo_stage_seconds_count{rung=none,stage=fetch}": 1,
        "voicememo_stage_seconds_sum{rung=none,stage=fetch}": 0.25,
        "voicememo_stage_seconds_count{rung=local,stage=hear}": 1,
        "voicememo_stage_seconds_sum{rung=local,stage=hear}": 6.5,
        "voicememo_rung_failures_total{error=timed-out,rung=huggingface,stage=hear}": 1,
        "voicememo_stage_failures_total{error=ArchiveUnavailable,stage=keep}": 1,
        "voicememo_memos_total{form=voice,outcome=answered}": 1,
        "voicememo_memos_total{form=none,outcome=failed}": 1,
        "voicememo_memo_seconds_count{}": 2,
        "voicememo_memo_seconds_sum{}": 34.2,
        "voicememo_memos_parked_total{reason=deliver-unavailable}": 1,
        "voicememo_memos_fenced_total{}": 1,
        "voicememo_partitions{}": 4,
        "voicememo_rebalances_total{}": 1,
        "voicememo_events_buried_total{reason=deliver-unreachable}": 1,
        "voicememo_events_passed_total{reason=echo}": 1,
        "voicememo_commits_total{}": 1,
        "voicememo_worker_phase{phase=polling}": 1,
    }
    assert after["voicememo_memo_seconds_bucket{le=4.0}"] == 0
    assert after["voicememo_memo_seconds_bucket{le=5.0}"] == 1


def test_a_text_for_a_text_is_no_voice_that_failed() -> None:
    """A text that answers a text message is counted apart from one that stands in for a voice."""
    metrics = Metrics(in_flight=lambda: 0)
    metrics(MemoSettled(KEY, "answered", None, "text", 1.0, written=True))
    metrics(MemoSettled(KEY, "failed", "deliver-gone", None, 1.0, written=True))
    assert samples(metrics)["voicememo_voice_out_ratio{}"] == 1
    metrics(MemoSettled(KEY, "answered", None, "text", 1.0))
    assert samples(metrics)["voicememo_voice_out_ratio{}"] == 0
    told = {name: value for name, value in samples(metrics).items() if name.startswith("voicememo_memos_total")}
    assert told == {
        "voicememo_memos_total{form=text-for-text,outcome=answered}": 1,
        "voicememo_memos_total{form=none,outcome=failed}": 1,
        "voicememo_memos_total{form=text,outcome=answered}": 1,
    }


def test_voice_in_voice_out() -> None:
    """The ratio counts the replies to voice memos: those that could go out only as text lower it, nothing else does."""
    metrics = Metrics(in_flight=lambda: 0)
    assert b"voicememo_voice_out_ratio 1.0" in metrics.exposition()
    for _ in range(3):
        metrics(MemoSettled(KEY, "answered", None, "voice", 1.0))
    metrics(MemoSettled(KEY, "answered", None, "text", 1.0, written=True))
    metrics(MemoSettled(KEY, "ignored", "no-audio", None, 1.0))
    assert b"voicememo_voice_out_ratio 1.0" in metrics.exposition()
    metrics(MemoSettled(KEY, "answered", None, "text", 1.0))
    assert b"voicememo_voice_out_ratio 0.75" in metrics.exposition()


def test_gauges_tell_what_is() -> None:
    """In-flight memos are asked for at each scrape, the worker is in one phase, and the build is named."""
    running = 0
    metrics = Metrics(in_flight=lambda: running)
    assert samples(metrics)["voicememo_in_flight{}"] == 0
    assert samples(metrics)["voicememo_worker_phase{phase=starting}"] == 1
    running = 5
    metrics(WorkerChanged("draining"))
    told = samples(metrics)
    assert told["voicememo_in_flight{}"] == 5
    assert [name for name in told if "_phase" in name] == ["voicememo_worker_phase{phase=draining}"]
    assert any(re.fullmatch(r"voicememo_build_info\{python=3\.\d+\.\d+\w*,version=.+\}", name) for name in told)


@in_virtual_time
async def test_a_shut_rung_is_seen() -> None:
    """A rung's gauge is 1 from the opening of its breaker until a probe succeeds, also when the cool-down is over."""
    metrics, ladder = Metrics(in_flight=int), speaking()
    metrics.watch_rungs(ladder)
    shut, last = "voicememo_rung_open{rung=elevenlabs,stage=speak}", "voicememo_rung_open{rung=clip,stage=speak}"
    assert [samples(metrics)[name] for name in (shut, last)] == [0, 0]
    await ladder("hello")
    assert [samples(metrics)[name] for name in (shut, last)] == [1, 0]
    await asyncio.sleep(301)
    assert samples(metrics)[shut] == 1


def test_the_catalogue_is_what_is_exposed(tmp_path: Path) -> None:
    """Names, types, labels and help of a scrape are those of the catalogue; besides them only the process's own."""
    metrics = Metrics(in_flight=int)
    metrics.watch(WatchdogReadings(), lambda: None)  # type: ignore[arg-type] # all of a watchdog that is read
    metrics.watch_rungs(speaking())
    metrics.watch_lag(lambda: {Partition("message.received", 3): 17})
    metrics.watch_backlog(Backlog(MemoryStore().ledger, RetryingArchive(DiskArchive(tmp_path), tmp_path, max_bytes=0)))
    for notice in STORY:
        metrics(notice)
    families = {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}
    assert not [name for name in families if not name.startswith(("voicememo_", "process_"))]
    ours = {name: family for name, family in families.items() if name.startswith("voicememo_")}
    assert list(ours) == [metric.name.removesuffix("_total") for metric in CATALOGUE]
    for metric, family in zip(CATALOGUE, ours.values(), strict=True):
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert family.samples
        assert all(set(sample.labels) - {"le"} == set(metric.labels) for sample in family.samples)
        if metric.kind == "histogram":
            assert {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels} == {
                *metric.buckets,
                float("inf"),
            }


def test_lag_is_that_of_the_partitions_of_now() -> None:
    """A partition that has gone takes its series with it, which would never change again."""
    metrics, lag = Metrics(in_flight=int), {Partition("message.received", 3): 17, Partition("message.received", 4): 0}
    metrics.watch_lag(lambda: lag)
    first, second = "voicememo_lag_events{partition=3}", "voicememo_lag_events{partition=4}"
    assert (samples(metrics)[first], samples(metrics)[second]) == (17, 0)
    del lag[Partition("message.received", 3)]
    assert first not in samples(metrics)
