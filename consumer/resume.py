"""Resume: the typed states of a memo, made again from what the ledger knows of it, so that nothing is paid for twice.

The facts, by the stage that stores them:

| stage | facts |
|---|---|
| (at once) | person, who (the same, as a pseudonym), sent_at, group · written, for a text message |
| fetch, keep | fetched · original, wav (archive keys) |
| hear | transcript, language, ears (the rung) |
| answer | reply, replier (the rung); or line, reason, for a spoken fallback |
| speak | spoken (archive key), said, voice (the rung) |
| deliver | idempotency_key, filename, unsure (it may be out), text_since · sent_id, form |
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.handles import who
from consumer.memo import AbsentAudio, Answering, Delivered, Form, Heard, Memo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.history import Turn
    from storage.ledger import JsonValue, MemoKey

    Facts = Mapping[str, JsonValue]


class Restart(StrEnum):
    """Where an operator may have a memo begun again; what the stages before it gained is kept."""

    FETCH = "fetch"
    HEAR = "hear"
    ANSWER = "answer"
    SPEAK = "speak"
    SEND = "send"


_GAINED_BY = {
    Restart.FETCH: ("fetched", "original", "wav", "seconds"),
    Restart.HEAR: ("transcript", "language", "ears"),
    Restart.ANSWER: ("reply", "replier", "line", "reason"),
    Restart.SPEAK: ("spoken", "voice"),  # what was said is kept: an earlier send may be looked for by it
    Restart.SEND: ("idempotency_key", "filename", "unsure", "text_since", "sent_id", "form"),
}
_SENT = _GAINED_BY[Restart.SEND]


def facts_to_drop(restart: Restart | None, *, again: bool) -> tuple[str, ...]:
    """Name the facts to forget, so that a memo begins again at a stage.

    What is known of a send that may have happened is kept, or it might happen twice; unless another reply is wanted.
    """
    order = tuple(Restart)
    gained = [name for each in order[order.index(restart) :] for name in _GAINED_BY[each]] if restart else []
    return tuple(name for name in (*gained, *_SENT) if again or name not in _SENT)


def known_facts(memo: Memo, person_key: bytes | None = None) -> dict[str, JsonValue]:
    """Give what the ledger is told of a memo when it is new: enough to ask for it again when Kafka has forgotten it.

    With the key also by which name it knows people who asked to be forgotten.
    """
    known: dict[str, JsonValue] = {"person": memo.person, "sent_at": memo.sent_at.isoformat(), "group": memo.group}
    if person_key is not None and memo.person:
        known["who"] = who(memo.person, person_key)
    return known if memo.text is None else {**known, "written": memo.text}


def memo_of(key: MemoKey, facts: Facts) -> Memo:
    """Make the memo from its row; its recording is in the archive, or the Series API is asked for it."""
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


def heard(memo: Memo, facts: Facts, past: tuple[Turn, ...] = ()) -> Heard | None:
    """Make Heard again, if the words are known."""
    words, language = _text(facts, "transcript"), _text(facts, "language")
    if memo.text is not None and "ears" in facts:
        words = memo.text
    if words is None or language is None:
        return None
    return Heard(memo, words, language, _text(facts, "ears") or "unknown", past)


def answering(memo: Memo, facts: Facts) -> Answering | None:
    """Make Answering again, if there is a reply to what was heard."""
    known, reply = heard(memo, facts), _text(facts, "reply")
    if known is None or reply is None:
        return None
    return Answering(memo, reply, known.language, _text(facts, "replier") or "unknown", known)


def delivered(memo: Memo, facts: Facts, sent_id: str, form: Form) -> Delivered:
    """Make Delivered again, of a reply that was found to be with the Series API."""
    said = _text(facts, "said") or ""
    line = _text(facts, "line")
    if line is not None:
        language, reason = _text(facts, "language") or "", _text(facts, "reason")
        apology = Answering(memo, said, language, "line", None, Line(line), reason)
        return Delivered(apology, said, sent_id, form)
    return Delivered(answering(memo, facts) or Answering(memo, said, "", "unknown"), said, sent_id, form)


def sent_before(memo: Memo, facts: Facts) -> Delivered | None:
    """Make Delivered again, if an earlier holder knew that the reply had gone out."""
    sent_id, form = _text(facts, "sent_id"), _text(facts, "form")
    if sent_id is None:
        return None
    return delivered(memo, facts, sent_id, Form(form) if form else Form.VOICE)


def _text(facts: Facts, name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None
