from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanContext

from consumer.notices import MemoSettled, MemoTaken
from consumer.telemetry.notice_log import NoticeLog
from runtime.logs import configure_logs
from storage.ledger import Place
from tests.harness.logged import lines, restored
from tests.unit.consumer.telemetry.story import KEY, STORY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with restored():
        yield


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


def test_a_dead_memo_is_an_error() -> None:
    """A memo that met a bug is logged as loudly as a buried event."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    NoticeLog()(MemoSettled(KEY, "dead", "bug-KeyError", None, 1.23456))
    assert [(line["level"], line["seconds"]) for line in lines(stream)] == [("error", 1.235)]


def test_a_taken_memo_tells_where_it_came_from() -> None:
    """The event's place and the id of its trace are fields of their own."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    NoticeLog()(MemoTaken(KEY, 1, Place("message.received", 3, 41), SpanContext(10, 2, is_remote=True)))
    (line,) = lines(stream)
    assert {name: line[name] for name in ("topic", "partition", "offset", "trace_id")} == {
        "topic": "message.received",
        "partition": 3,
        "offset": 41,
        "trace_id": f"{10:032x}",
    }
    assert "trace" not in line
