"""What the demo says of an event that repeats another, and how it counts it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from console.demo.story import DemoEvent, event_report, repeat_of, summary
from console.follow import EventOutcome
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from sandbox.upstreams.series import Sent
from storage.ledger import MemoKey, Step, Story
from storage.states import State

if TYPE_CHECKING:
    from rich.console import RenderableType

HERE = Path("var")


def _answered(chat: str, message_id: str) -> EventOutcome:
    facts = {"said": "Yes, on Sunday.", "language": "en"}
    steps = [Step("deliver", 0.1, "voice")]
    story = Story(MemoKey(chat, message_id), State.ANSWERED, None, 1, None, 0.0, 0.0, facts, steps)
    return EventOutcome("answered", None, story)


def _told(what: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(what)
    return out.getvalue()


@pytest.fixture
def accounts() -> list[DemoEvent]:
    """Two memos, something to be ignored, and the first memo once more."""
    made: list[DemoEvent] = []
    for name, followed in {
        "01.json": _answered("5", "7"),
        "02.json": _answered("6", "7"),
        "03.json": EventOutcome("ignored", "typing", None),
        "04.json": _answered("5", "7"),
    }.items():
        made.append(DemoEvent(name, followed, {"outcome": followed.outcome}, repeat_of(followed, made)))
    return made


def test_a_repeat_is_known_by_its_chat_and_message(accounts: list[DemoEvent]) -> None:
    """The same message in the same chat is a repeat of the first; another chat's is its own memo."""
    assert [account.repeats for account in accounts] == [None, None, None, "01.json"]
    assert repeat_of(EventOutcome("ignored", "typing", None), accounts) is None


def test_a_repeat_is_reported_in_one_line(accounts: list[DemoEvent]) -> None:
    """It does not look like a second answer: its line names the first, and the first's story is not repeated."""
    (line,) = _told(event_report(accounts[-1])).splitlines()
    assert line.endswith("answered  (a repeat of 01.json: nothing goes out again)")
    assert "Yes, on Sunday." in _told(event_report(accounts[0]))


def test_the_sum_is_right(accounts: list[DemoEvent]) -> None:
    """A repeat is counted by itself, so that as many were answered as replies went out."""
    sandbox = Sandbox(ScriptedMind())
    at = datetime(2025, 11, 8, tzinfo=UTC)
    sandbox.sent.extend(Sent(f"m{n}", "5", "", f"k{n}", "r.m4a", "audio/mp4", b"sound", at) for n in range(2))
    said = _told(summary(accounts, sandbox, scripted=0, folder=HERE)).splitlines()
    assert said[:2] == ["4 events: 2 answered, 1 ignored, 1 repeated", "2 of 2 replies to 2 memos went out as voice."]
