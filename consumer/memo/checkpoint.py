"""Checkpoints: a memo's states as facts in the ledger, and back (I10).

| stage | facts that it stores |
|---|---|
| (at once) | person, who (the same, as a pseudonym), sent_at, group · written, for a text message |
| fetch, keep | fetched · original, wav (archive keys) |
| hear, read | transcript, language, ears (the rung) |
| answer | reply, replier (the rung); or line, reason, for an apology |
| speak | spoken (archive key), said, voice (the rung) |
| deliver | idempotency_key, filename, unsure (it may be out), text_since · sent_id, form |
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.memo.states import AbsentAudio, Answering, Delivered, Form, Heard, Memo
from storage.people import person_pseudonym

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.ledger import JsonValue, MemoKey

    Facts = Mapping[str, JsonValue]


class Restart(StrEnum):
    """A stage from which a memo can be processed again."""

    FETCH = "fetch"
    HEAR = "hear"
    ANSWER = "answer"
    SPEAK = "speak"
    SEND = "send"


_GAINED_BY = {
    Restart.FETCH: ("fetched", "original", "wav", "seconds"),
    Restart.HEAR: ("transcript", "language", "ears"),
    Restart.ANSWER: ("reply", "replier", "line", "reason"),
    Restart.SPEAK: ("spoken", "voice"),  # `said` is kept: an earlier send may be searched for by it
    Restart.SEND: ("idempotency_key", "filename", "unsure", "text_since", "sent_id", "form"),
}
_SENT = _GAINED_BY[Restart.SEND]


def facts_to_drop(restart: Restart | None, *, again: bool) -> tuple[str, ...]:
    """Return the names of facts to drop; those of a send only with `again`."""
    order = tuple(Restart)
    gained = [name for each in order[order.index(restart) :] for name in _GAINED_BY[each]] if restart else []
    return tuple(name for name in (*gained, *_SENT) if again or name not in _SENT)


def initial_facts(memo: Memo, person_key: bytes | None = None) -> dict[str, JsonValue]:
    """Return the facts of a new memo; with a key also the person's pseudonym."""
    known: dict[str, JsonValue] = {"person": memo.person, "sent_at": memo.sent_at.isoformat(), "group": memo.group}
    if person_key is not None and memo.person:
        known["who"] = person_pseudonym(memo.person, person_key)
    return known if memo.text is None else {**known, "written": memo.text}


def restore_memo(key: MemoKey, facts: Facts) -> Memo:
    """Restore a memo whose event is gone."""
    sent_at, written = _text(facts, "sent_at"), _text(facts, "written")
    return Memo(
        chat_id=key.chat_id,
        message_id=key.message_id,
        person=_text(facts, "person") or "",
        sent_at=datetime.fromisoformat(sent_at) if sent_at else datetime.now(UTC),
        audio=(AbsentAudio(),) if written is None else (),
        group=facts.get("group") is True,
        text=written,
    )


def restore_heard(memo: Memo, facts: Facts) -> Heard | None:
    """Restore Heard if the words are known."""
    words, language = _text(facts, "transcript"), _text(facts, "language")
    if memo.text is not None and "ears" in facts:
        words = memo.text
    if words is None or language is None:
        return None
    return Heard(memo, words, language, _text(facts, "ears") or "unknown")


def restore_answering(memo: Memo, facts: Facts) -> Answering | None:
    """Restore Answering if there is a reply to known words."""
    heard, reply = restore_heard(memo, facts), _text(facts, "reply")
    if heard is None or reply is None:
        return None
    return Answering(memo, reply, heard.language, _text(facts, "replier") or "unknown", heard)


def restore_delivered(memo: Memo, facts: Facts, sent_id: str, form: Form) -> Delivered:
    """Restore Delivered for a reply that is in the chat."""
    said, line = _text(facts, "said") or "", _text(facts, "line")
    if line is not None:
        language, reason = _text(facts, "language") or "", _text(facts, "reason")
        answering = Answering(memo, said, language, "line", None, Line(line), reason)
    else:
        answering = restore_answering(memo, facts) or Answering(memo, said, "", "unknown")
    return Delivered(answering, said, sent_id, form)


def restore_sent(memo: Memo, facts: Facts) -> Delivered | None:
    """Restore Delivered if the reply is known to be out."""
    sent_id, form = _text(facts, "sent_id"), _text(facts, "form")
    if sent_id is None:
        return None
    return restore_delivered(memo, facts, sent_id, Form(form) if form else Form.VOICE)


def _text(facts: Facts, name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None
