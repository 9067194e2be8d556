"""A message that was written is made again from what the ledger knows, and nothing of it is done twice."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from audio.clips import Line
from consumer.events.parse import TextMessage
from consumer.handling.work import Work
from consumer.memo import checkpoint
from consumer.memo.checkpoint import Restart
from consumer.memo.states import Form, Memo
from storage.ledger import Event, MemoKey, Place

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TEXT = Memo("chat", "7", "+15550100001", AT, (), group=True, text="Where is the station?")
KEY = MemoKey("chat", "7")
EVENT = Event(Place("topic", 0, 1), AT.timestamp(), None, b"{}", ())


@given(text=st.text(min_size=1), group=st.booleans())
def test_a_text_outlives_its_event(text: str, *, group: bool) -> None:
    """When Kafka has forgotten the event, the row alone gives the same message, and no recording is asked for."""
    memo = Memo("chat", "7", "+15550100001", AT, (), group=group, text=text)
    assert checkpoint.restore_memo(KEY, checkpoint.initial_facts(memo)) == memo


def test_a_recording_has_no_text() -> None:
    """A voice memo's row says nothing of a text, so its recording is looked for."""
    memo = Memo("chat", "7", "", AT, ())
    assert "written" not in checkpoint.initial_facts(memo)
    assert checkpoint.restore_memo(KEY, checkpoint.initial_facts(memo)).text is None
    assert checkpoint.restore_memo(KEY, {}).audio


def test_it_is_read_once() -> None:
    """Its language is known once it was identified from the text, and not from an apology alone."""
    known = checkpoint.initial_facts(TEXT)
    assert checkpoint.restore_heard(TEXT, known) is None
    assert checkpoint.restore_heard(TEXT, {**known, "language": "en", "line": Line.NOT_PROCESSED.value}) is None
    heard = checkpoint.restore_heard(TEXT, {**known, "language": "en", "ears": "read"})
    assert heard is not None
    assert (heard.words, heard.language, heard.rung) == (TEXT.text, "en", "read")


def test_the_model_is_asked_once() -> None:
    """With a reply in the ledger there is nothing left but to send it; and once sent, not even that."""
    facts = {**checkpoint.initial_facts(TEXT), "language": "en", "ears": "read", "reply": "Left.", "replier": "openai"}
    answering = checkpoint.restore_answering(TEXT, facts)
    assert answering is not None
    assert (answering.text, answering.rung, answering.heard and answering.heard.words) == ("Left.", "openai", TEXT.text)
    sent = checkpoint.restore_sent(TEXT, {**facts, "said": "Left.", "sent_id": "9", "form": "text"})
    assert sent is not None
    assert (sent.said, sent.sent_id, sent.form) == ("Left.", "9", Form.TEXT)


def test_what_was_written_is_never_dropped() -> None:
    """From whatever stage an operator restarts, the text is kept: it is stored nowhere else."""
    for restart in (None, *Restart):
        assert "written" not in checkpoint.facts_to_drop(restart, again=True)


def test_a_text_is_work_as_it_came() -> None:
    """Who wrote what, where and when stays; of a text without end so much is kept as can be answered."""
    said = TextMessage("chat", "7", "+15550100001", AT, "Hello? " * 100_000, group=True)
    work = Work.from_event(EVENT, said)
    assert work.memo.text is not None
    assert work.memo.text.startswith("Hello? Hello?")
    assert len(work.memo.text) <= 8_000
    assert (work.memo.chat_id, work.memo.message_id, work.memo.group, work.memo.audio) == ("chat", "7", True, ())
    assert "Hello" not in repr(work)
