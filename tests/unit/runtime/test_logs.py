from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING

import pytest
import structlog

from runtime.logs import configure_logs
from runtime.redaction import MASK
from tests.harness.logged import lines, restored

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE, CHAT = "9b1d44e0-1111-4444-8888-123456789abc", "3f2a91bc-2222-4444-8888-123456789abc"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with restored():
        yield


def test_the_level_is_for_our_own_lines() -> None:
    """Our lines are logged from LOG_LEVEL on, libraries' from WARNING on at least."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    logging.getLogger("consumer.notices").debug("event.passed")
    logging.getLogger("consumer.worker.worker").info("commit.refused")
    logging.getLogger("aiokafka.conn").info("connected")
    logging.getLogger("aiokafka.conn").warning("not connected")
    assert [line["event"] for line in lines(stream)] == ["commit.refused", "not connected"]
    configure_logs("json", "ERROR", stream)
    logging.getLogger("aiokafka.conn").warning("not connected")
    assert len(lines(stream)) == 2


def test_set_up_again_replaces_what_was_set_up_before() -> None:
    """No line is written twice, and none to a stream that was given up."""
    first, second = io.StringIO(), io.StringIO()
    configure_logs("json", "INFO", first)
    configure_logs("json", "INFO", second)
    logging.getLogger("consumer.worker.worker").info("commit.refused")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


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
    logging.getLogger("consumer.notices").info("memo.taken", extra={"chat_id": "chat-1"})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.startswith("{") is not human
    assert ("\x1b[" in text) is coloured
    assert "memo.taken" in text
    assert "chat-1" in text


@pytest.mark.parametrize("log_format", ["human", "json"])
def test_an_exception_is_reported_by_type_and_place_only(log_format: str) -> None:
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


def test_only_the_first_line_of_a_librarys_message_is_reported() -> None:
    """What asyncio appends about a lost exception repeats its text; the line itself stays."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=E('said')>")
    assert lines(stream)[0]["event"] == "Task exception was never retrieved"
    assert "said" not in stream.getvalue()


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


def test_a_line_that_cannot_be_written_is_reported_without_its_arguments(capfd: pytest.CaptureFixture[str]) -> None:
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


def test_a_field_cannot_pretend_to_be_the_lines_own() -> None:
    """Extra fields never replace when, how loud, by whom and what."""
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    logging.getLogger("consumer.worker.worker").warning(
        "drain.cut_short", extra={"level": "x", "event": "y", "timestamp": 0}
    )
    told = lines(stream)[0]
    assert (told["level"], told["logger"]) == ("warning", "consumer.worker.worker")
    assert told["timestamp"] != 0


def rows(stream: io.StringIO, level: int, event: str, **fields: object) -> list[str]:
    """Log one event for people, without colours; return what was written, without the time."""
    configure_logs("human", "DEBUG", stream, environ={"NO_COLOR": "1"})
    logging.getLogger("consumer.notices").log(level, event, extra=fields)
    return [line[9:] if number == 0 else line for number, line in enumerate(stream.getvalue().splitlines())]


def test_a_row_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant words stand by themselves, ids are cut, and what does not fit into 80 columns is left out."""
    monkeypatch.setenv("COLUMNS", "80")
    fields = {"chat_id": CHAT, "message_id": MESSAGE, "stage": "hear", "rung": "huggingface", "seconds": 4.5}
    assert rows(Terminal(), logging.WARNING, "rung.failed", **fields, error="timed-out", fence=1) == [
        "warning rung.failed hear huggingface timed-out 4.5s 9b1d44e0… 3f2a91bc…"
    ]
    place = {"topic": "message.received", "partition": 3, "offset": 41}
    assert rows(Terminal(), logging.INFO, "memo.taken", chat_id=CHAT, message_id=MESSAGE, fence=1, **place) == [
        "memo.taken 9b1d44e0… 3f2a91bc… fence=1 partition=3 offset=41"
    ]


def test_a_reason_is_reported_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator has to act on is never cut, however narrow the terminal."""
    monkeypatch.setenv("COLUMNS", "40")
    reason = "Kafka at 127.0.0.1:9092 cannot be used: it does not answer"
    assert rows(Terminal(), logging.WARNING, "webhook.unpublished", reason=reason, times=3) == [
        f"warning webhook.unpublished {reason}"
    ]


def test_a_file_has_every_field() -> None:
    """People's rows that go to a file have no width to fit into: ids stay whole, and nothing is left out."""
    told = rows(io.StringIO(), logging.INFO, "memo.taken", chat_id=CHAT, message_id=MESSAGE, topic="message.received")
    assert told == [f"memo.taken {MESSAGE} {CHAT} topic=message.received"]
