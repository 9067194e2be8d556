from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import warnings
from typing import TYPE_CHECKING, get_args

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from consumer import notices
from consumer.backlog import Backlog
from consumer.notices import (
    EventBuried,
    EventPassed,
    MemoFenced,
    MemoParked,
    MemoReleased,
    MemoSettled,
    MemoTaken,
    Notice,
    Notices,
    OffsetsCommitted,
    PartitionsChanged,
    RungFailed,
    RungServed,
    StageFailed,
    StageFinished,
    WorkerChanged,
)
from consumer.redaction import MASK, Redactor
from consumer.source import Partition
from consumer.telemetry import CATALOGUE, Metrics, NoticeLog, catalogue_table, configure_logs
from providers.errors import Unauthorized
from providers.ladder import Ladder, Rung
from storage.disk import DiskArchive
from storage.ledger import MemoKey
from storage.memory import MemoryStore
from storage.owed import OwedArchive
from tests.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = MemoKey("chat-1", "message-1")
STORY: tuple[Notice, ...] = (
    WorkerChanged("polling"),
    MemoTaken(KEY, 1),
    StageFinished(KEY, "fetch", 0.25),
    RungFailed(KEY, "hear", "huggingface", 4.5, "timed-out"),
    StageFinished(KEY, "hear", 6.5, "local"),
    StageFailed(KEY, "keep", 0.5, "ArchiveUnavailable"),
    MemoSettled(KEY, "answered", None, "voice", 4.2),
    MemoTaken(MemoKey("chat-2", "message-2"), 2),
    MemoSettled(MemoKey("chat-2", "message-2"), "failed", "deliver-unreachable", None, 30.0),
    EventBuried("message.received", 3, 41, "deliver-unreachable"),
    EventPassed("echo"),
    OffsetsCommitted(2),
    MemoParked(KEY, "deliver-unavailable", 1.5, 1),
    MemoFenced(KEY, 2),
    PartitionsChanged(4),
    RungServed(KEY, "hear", "local", 2.0, 0.5),
    MemoReleased(KEY, 2, "cancelled"),
)


def samples(metrics: Metrics) -> dict[str, float]:
    """What a scrape gives, by name and labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in families
        for sample in family.samples
    }


class Seen:
    """What a watchdog sees."""

    longest_loop_lag_seconds = 0.5
    seconds_since_poll = 1.5
    oldest_memo_seconds = None


async def _at_once(word: str) -> str:
    return word


async def _refused(_: str) -> str:
    raise Unauthorized("elevenlabs", status=401)


def speaking() -> Ladder[[str], str]:
    """A ladder whose first rung an operator has to mend."""
    return Ladder("speak", Rung("elevenlabs", _refused, 1), Rung("clip", _at_once, 1), budget_seconds=5)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Take back what configure_logs() does to the process."""
    root = logging.getLogger()
    ours = [
        logging.getLogger(name)
        for name in ("audio", "runtime", "providers", "storage", "consumer", "console", "sandbox")
    ]
    handlers, levels = list(root.handlers), [logger.level for logger in (root, *ours)]
    yield
    root.handlers[:] = handlers
    for logger, level in zip((root, *ours), levels, strict=True):
        logger.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The JSON lines that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_story_tells_every_kind_of_notice() -> None:
    """The examples of these tests leave no kind of notice out."""
    assert {type(notice) for notice in STORY} == set(get_args(notices.Notice))


def test_metrics_count_and_time_what_they_are_told() -> None:
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
    """Names, types, labels and help of a scrape are those of the catalogue; beside them only the process's own."""
    metrics = Metrics(in_flight=int)
    metrics.watch(Seen())  # type: ignore[arg-type] # all of a watchdog that is read
    metrics.watch_rungs(speaking())
    metrics.watch_lag(lambda: {Partition("message.received", 3): 17})
    metrics.watch_backlog(Backlog(MemoryStore().ledger, OwedArchive(DiskArchive(tmp_path), tmp_path, max_bytes=0)))
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
    """A partition that has gone takes its series with it: nobody would ever bring that down again."""
    metrics, lag = Metrics(in_flight=int), {Partition("message.received", 3): 17, Partition("message.received", 4): 0}
    metrics.watch_lag(lambda: lag)
    first, second = "voicememo_lag_events{partition=3}", "voicememo_lag_events{partition=4}"
    assert (samples(metrics)[first], samples(metrics)[second]) == (17, 0)
    del lag[Partition("message.received", 3)]
    assert first not in samples(metrics)


def test_two_workers_in_one_process_do_not_share_metrics() -> None:
    """Each Metrics has a registry of its own."""
    one, other = Metrics(in_flight=int), Metrics(in_flight=int)
    one(OffsetsCommitted(1))
    assert samples(one)["voicememo_commits_total{}"] == 1
    assert samples(other)["voicememo_commits_total{}"] == 0


@pytest.mark.parametrize("text", ["+15550100123", "call me", "", "a" * 65, "chat-12345678", "ünïcode", "a\nb"])
def test_a_label_is_a_word_or_other(text: str) -> None:
    """What is no constant word of ours never becomes a label value (I6)."""
    metrics = Metrics(in_flight=int)
    metrics(EventPassed(text))
    assert samples(metrics)["voicememo_events_passed_total{reason=other}"] == 1


def test_labels_are_bounded() -> None:
    """However many words come, the number of series has an end (I9)."""
    metrics = Metrics(in_flight=int)
    for number in range(1000):
        metrics(EventPassed(f"reason-{number}"))
    told = {name: value for name, value in samples(metrics).items() if name.startswith("voicememo_events_passed_total")}
    assert len(told) == 201
    assert told["voicememo_events_passed_total{reason=other}"] == 800


def test_the_metric_reference_has_a_row_for_each() -> None:
    """The table names every metric once, with type, labels and meaning."""
    rows = [line.split(" | ") for line in catalogue_table().splitlines()[2:]]
    assert [row[0].strip("| `") for row in rows] == [metric.name for metric in CATALOGUE]
    assert all(len(row) == 4 for row in rows)


@pytest.mark.usefixtures("_as_before")
def test_each_notice_is_one_line() -> None:
    """A notice's name is the event, its values are fields, and its weight is the level."""
    stream = io.StringIO()
    configure_logs("json", "DEBUG", stream)
    log = NoticeLog()
    for notice in STORY:
        log(notice)
    told = lines(stream)
    assert [line["event"] for line in told] == [notice.name for notice in STORY]
    assert [line["level"] for line in told] == [
        *("info", "info", "debug", "warning", "debug", "warning", "info", "info", "warning", "error", "debug", "debug"),
        *("warning", "warning", "info", "debug", "info"),
    ]
    assert told[3] == {
        "timestamp": told[3]["timestamp"],
        "level": "warning",
        "logger": "consumer.notices",
        "event": "rung.failed",
        "chat_id": "chat-1",
        "message_id": "message-1",
        "stage": "hear",
        "rung": "huggingface",
        "seconds": 4.5,
        "error": "timed-out",
    }
    assert "rung" not in told[2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(told[0]["timestamp"]))


@pytest.mark.usefixtures("_as_before")
def test_a_dead_memo_is_an_error() -> None:
    """A memo that met a bug is told as loudly as a buried event."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    NoticeLog()(MemoSettled(KEY, "dead", "bug-KeyError", None, 1.23456))
    assert [(line["level"], line["seconds"]) for line in lines(stream)] == [("error", 1.235)]


@pytest.mark.usefixtures("_as_before")
def test_the_level_is_for_our_own_lines() -> None:
    """Our lines are told from LOG_LEVEL on, libraries' from WARNING on at least."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    NoticeLog()(EventPassed("echo"))
    logging.getLogger("consumer.worker").info("commit.refused")
    logging.getLogger("aiokafka.conn").info("connected")
    logging.getLogger("aiokafka.conn").warning("not connected")
    assert [line["event"] for line in lines(stream)] == ["commit.refused", "not connected"]
    configure_logs("json", "ERROR", stream)
    logging.getLogger("aiokafka.conn").warning("not connected")
    assert len(lines(stream)) == 2


@pytest.mark.usefixtures("_as_before")
def test_set_up_again_replaces_what_was_set_up_before() -> None:
    """No line is written twice, and none to a stream that was given up."""
    first, second = io.StringIO(), io.StringIO()
    configure_logs("json", "INFO", first)
    configure_logs("json", "INFO", second)
    logging.getLogger("consumer.worker").info("commit.refused")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize(
    ("log_format", "stream", "environ", "human", "coloured"),
    [
        ("auto", Terminal(), {}, True, True),
        ("auto", Terminal(), {"NO_COLOR": "1"}, True, False),
        ("auto", io.StringIO(), {}, False, False),
        ("human", io.StringIO(), {}, True, False),
        ("json", Terminal(), {}, False, False),
    ],
)
def test_people_and_machines_get_what_they_can_read(
    log_format: str, stream: io.StringIO, environ: dict[str, str], *, human: bool, coloured: bool
) -> None:
    """A terminal gets people's lines, in colour unless NO_COLOR says otherwise; all else gets JSON."""
    assert log_format in {"auto", "human", "json"}
    configure_logs(log_format, "INFO", stream, environ=environ)  # type: ignore[arg-type] # pytest passes plain str
    NoticeLog()(STORY[1])
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.startswith("{") is not human
    assert ("\x1b[" in text) is coloured
    assert "memo.taken" in text
    assert "chat-1" in text


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("log_format", ["human", "json"])
def test_an_exception_is_told_by_type_and_place_only(log_format: str) -> None:
    """The text of an exception may repeat what a person said, so it is never logged (I6)."""
    stream = io.StringIO()
    configure_logs(log_format, "INFO", stream)  # type: ignore[arg-type] # pytest passes plain str

    def fails() -> None:
        spoken = "what the person said"
        raise ValueError(spoken)

    for log in (logging.getLogger("aiohttp.server"), structlog.get_logger("aiohttp.server")):
        try:
            fails()
        except ValueError:
            log.exception("Error handling request")
    assert stream.getvalue().count("ValueError") == 2
    assert stream.getvalue().count(" fails") == 2
    assert "what the person said" not in stream.getvalue()


@pytest.mark.usefixtures("_as_before")
def test_only_the_first_line_of_a_librarys_message_is_told() -> None:
    """What asyncio appends about a lost exception repeats its text; the line itself stays."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=E('said')>")
    assert lines(stream)[0]["event"] == "Task exception was never retrieved"
    assert "said" not in stream.getvalue()


@pytest.mark.usefixtures("_as_before")
def test_whoever_writes_it_it_is_redacted() -> None:
    """Libraries' messages, their extra fields, warnings and structlog's own loggers all pass the redaction."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream, secrets={"s3cr3t/key"})
    logging.getLogger("httpx").warning("GET %s with %s", "/x?phone=%2B15550100123", "s3cr3t/key")
    logging.getLogger("botocore").error("denied", extra={"headers": {"Authorization": "Bearer abc"}, "sent": b"sound"})
    structlog.get_logger("other").warning("sent to +1 (555) 010-0123", text="hello you")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("s3cr3t%2Fkey is old", UserWarning, stacklevel=1)
    for private in ("5550100123", "010-0123", "s3cr3t", "abc", "sound", "hello"):
        assert private not in stream.getvalue()
    assert len(lines(stream)) == 4
    assert lines(stream)[1]["headers"] == MASK
    assert lines(stream)[1]["sent"] == "<bytes>"


@pytest.mark.usefixtures("_as_before")
def test_a_line_that_cannot_be_written_is_told_without_its_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    """A library's broken log call neither fails the caller nor spills its arguments on standard error."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    (ours,) = (handler for handler in logging.getLogger().handlers if getattr(handler, "stream", None) is stream)
    broken = {"name": "broken", "levelno": 40, "levelname": "ERROR", "msg": "%d notes", "args": ("what they said",)}
    ours.handle(logging.makeLogRecord(broken))
    assert [(line["event"], line["logger"]) for line in lines(stream)] == [("log.unwritable", "broken")]
    stream.close()
    ours.handle(logging.makeLogRecord(broken))
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_as_before")
def test_a_field_cannot_pretend_to_be_the_lines_own() -> None:
    """Extra fields never replace when, how loud, by whom and what."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    logging.getLogger("consumer.worker").warning("drain.cut_short", extra={"level": "x", "event": "y", "timestamp": 0})
    told = lines(stream)[0]
    assert (told["level"], told["logger"]) == ("warning", "consumer.worker")
    assert told["timestamp"] != 0


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("{'xi-api-key': 'abc', 'n': 1}", f"{{'xi-api-key': '{MASK}', 'n': 1}}"),
        ("failed with Bearer abc/def== today", f"failed with Bearer {MASK} today"),
        ("password=hunter2; user=x", f"password={MASK}; user=x"),
        ("token hf_abcdefghijk refused", f"token {MASK} refused"),
        ("to +15550100123.", f"to {MASK}."),
        ("to +1 (555) 010-0123!", f"to {MASK}!"),
        ("tel=%2B15550100123&x", f"tel={MASK}&x"),
        (f"data:{'QUJD' * 30}== end", f"data:{MASK} end"),
        ("value b'\\x00\\x01it\\'s' here", f"value {MASK} here"),
        ("offset 123456789 of message.received-3", "offset 123456789 of message.received-3"),
        ("2026-11-21T04:00:00.123+00:00", "2026-11-21T04:00:00.123+00:00"),
        (f"sha {'0123456789abcdef' * 4}", f"sha {'0123456789abcdef' * 4}"),
        ("red \x1b[31malert\r", "red  [31malert "),
        ("x " * 600, f"{'x ' * 250}…"),
    ],
)
def test_what_looks_private_is_masked_and_the_rest_is_not(text: str, redacted: str) -> None:
    """Credentials, numbers and sound are masked wherever they stand; ids, offsets and times stay readable."""
    assert Redactor().text(text) == redacted


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("chat_id", "chat-1", "chat-1"),
        ("seconds", 1.5, 1.5),
        ("again", True, True),
        ("rung", None, None),
        ("person", "Ann", MASK),
        ("from_phone", 15550100123, MASK),
        ("series.api_key", "k", MASK),
        ("where", ["a.py:1 f", b"sound"], ["a.py:1 f", "<bytes>"]),
        ("context", {"text": "hello", "n": {"deep": {"er": 1}}}, {"text": MASK, "n": {"deep": {"er": 1}}}),
        ("context", [[[[["deepest"]]]]], [[[["<list>"]]]]),
        ("task", object(), "<object>"),
    ],
)
def test_a_field_is_plain_or_named_by_its_type(name: str, value: object, plain: object) -> None:
    """Private fields are masked by their name, others are told as far as they are plain."""
    assert Redactor().field(name, value) == plain


@given(st.text(max_size=200), st.text(min_size=4, max_size=40), st.text(max_size=200))
def test_a_known_secret_never_shows(before: str, secret: str, after: str) -> None:
    """Wherever a secret turns up, as it is, it is masked."""
    redacted = Redactor({secret}).text(f"{before}{secret}{after}")
    assert secret not in redacted or secret in MASK or secret in f"{before}{MASK}{after}"


def test_our_own_number_is_known_without_its_plus_too() -> None:
    """A number that is watched for is masked however a library spells its beginning."""
    redactor = Redactor({"+15550100123"})
    assert redactor.text("from 15550100123 or %2B15550100123") == f"from {MASK} or {MASK}"


@given(
    before=st.text(max_size=50),
    number=st.from_regex(r"\+[1-9]([ .-]?[0-9]){6,14}", fullmatch=True),
    after=st.text(max_size=50),
)
def test_a_phone_number_never_shows(before: str, number: str, after: str) -> None:
    """Whatever stands around it, a number with its plus sign is masked."""
    redacted = Redactor().text(f"{before}{number}{after}")
    assert number not in redacted
    assert re.sub(r"\D", "", number) not in re.sub(r"[ .-]", "", redacted)


@given(st.text(max_size=700))
def test_redacting_twice_changes_nothing(text: str) -> None:
    """A line that passes redaction again stays as it is."""
    once = Redactor().text(text)
    assert Redactor().text(once) == once or len(once) > 500
