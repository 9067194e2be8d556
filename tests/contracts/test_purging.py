"""Purging of every store: listed first, emptied in one step, never answered again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from storage.errors import Fenced
from storage.history import PastTurn
from storage.ledger import Claim, Held, MemoKey, Parked, Settled, Step
from storage.states import State
from tests.contracts.ledgers import (
    ELSEWHERE,
    KEY,
    LEASE,
    SECOND,
    THIRD,
    ask_for,
    ask_to_resume,
    behind,
    claimed,
    due_keys,
    event_at,
    letter_at,
    parked,
    settle,
    story_of,
)

if TYPE_CHECKING:
    from storage.factory import Store
    from storage.ledger import Ledger
    from storage.purging import Purging
    from tests.contracts.ledgers import Clock

WHO = "0123456789abcdef"
HOUR = 3600.0


@pytest.fixture
def purging(store: Store) -> Purging:
    """Purging of each store."""
    return store.purging


async def _taken(purging: Purging, key: MemoKey = KEY, *, seconds: float | None = None) -> Claim:
    claim = await purging.take(key, owner="purger", lease_seconds=LEASE, seconds=seconds)
    assert isinstance(claim, Claim)
    return claim


async def _answered(ledger: Ledger, key: MemoKey) -> None:
    claim = await claimed(ledger, key)
    facts = {"transcript": "words of theirs", "person": "+15550100001"}
    await ledger.settle(claim, State.ANSWERED, reason=None, facts=facts, steps=[Step("hear", 0.5)])


async def _said(store: Store, chat_id: str, message_id: str, *, at: datetime) -> None:
    await store.history.append(
        chat_id, message_id, [PastTurn("user", "q", "en", at), PastTurn("assistant", "a", "en", at)]
    )


def _at(clock: Clock, *, ago: float = 0.0) -> datetime:
    return datetime.fromtimestamp(clock.now, UTC) - timedelta(seconds=ago)


async def test_settled_memos_are_listed_oldest_first(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """Only old settled memos are listed, up to the limit, apart from emptied ones."""
    for key in (SECOND, KEY, ELSEWHERE):
        await _answered(ledger, key)
        clock.now += HOUR
    await claimed(ledger, THIRD)
    assert [story.key for story in await purging.settled(1.5 * HOUR, purged=False, limit=9)] == [SECOND, KEY]
    assert [story.key for story in await purging.settled(0, purged=False, limit=1)] == [SECOND]
    assert list(await purging.settled(0, purged=True, limit=9)) == []
    await purging.empty(await _taken(purging, KEY))
    assert [story.key for story in await purging.settled(0, purged=False, limit=9)] == [SECOND, ELSEWHERE]
    assert [story.key for story in await purging.settled(0, purged=True, limit=9)] == [KEY]


async def test_all_memos_are_reported_page_by_page(ledger: Ledger, purging: Purging) -> None:
    """Every memo is listed once, chat by chat, whatever the page size."""
    keys = [MemoKey(chat, message) for chat in ("a", "b", "ab") for message in ("1", "2", "10")]
    for key in keys:
        await claimed(ledger, key)
    for limit in (1, 2, 9, 100):
        found: list[MemoKey] = []
        while page := await purging.memos(after=found[-1] if found else None, limit=limit):
            found += [story.key for story in page]
        assert set(found) == set(keys)
        assert len(found) == len(keys)
        assert len(list(dict.fromkeys(key.chat_id for key in found))) == 3
        assert all(one.chat_id == other.chat_id for one, other in zip(found[::3], found[2::3], strict=True))


async def test_emptied_memo_keeps_only_that_it_was(
    store: Store, ledger: Ledger, purging: Purging, clock: Clock
) -> None:
    """Words, steps, letters, events and turns are gone; state, fence and times stay, and others' are whole."""
    for number, key in enumerate((KEY, SECOND)):
        claim = await claimed(ledger, key)
        letter = letter_at(number, key, reason="hear-down", fence=claim.fence)
        facts = {"transcript": "words"}
        await ledger.settle(
            claim, State.FAILED, reason="hear-down", facts=facts, steps=[Step("hear", 0.5)], letter=letter
        )
        await _said(store, key.chat_id, key.message_id, at=_at(clock))
    settled_at, clock.now = clock.now, clock.now + HOUR
    await purging.empty(await _taken(purging))
    story = await story_of(ledger)
    assert (story.state, story.reason, story.fence) == (State.FAILED, "hear-down", 2)
    assert (story.settled_at, story.purged_at) == (settled_at, clock.now)
    assert (dict(story.facts), tuple(story.steps), story.owner) == ({}, (), None)
    assert await ledger.event(KEY) is None
    assert [letter.key for letter in await ledger.dead_letters(limit=9)] == [SECOND]
    assert [each.key for each in await ledger.waiting(limit=9)] == [SECOND]
    assert len(await store.history.recent(KEY.chat_id, limit=9)) == 2
    assert (await story_of(ledger, SECOND)).facts["transcript"] == "words"


async def test_emptied_memo_is_never_had_again(ledger: Ledger, purging: Purging) -> None:
    """Its event is acknowledged again; no worker, operator or purge can claim it."""
    await _answered(ledger, KEY)
    claim = await _taken(purging)
    await purging.empty(claim, who=WHO)
    assert await ask_for(ledger) == Settled(State.ANSWERED)
    assert await ask_to_resume(ledger) == Settled(State.ANSWERED)
    assert await ledger.park_behind(KEY, event_at(1), facts={})
    for again in (False, True):
        answer = await ledger.revive(KEY, owner="x", lease_seconds=LEASE, without=["transcript"], again=again)
        assert answer == Settled(State.ANSWERED)
    assert await purging.take(KEY, owner="x", lease_seconds=LEASE) is None
    with pytest.raises(Fenced):
        await purging.empty(claim)
    assert dict((await story_of(ledger)).facts) == {"who": WHO}


async def test_failed_memo_that_was_emptied(ledger: Ledger, purging: Purging) -> None:
    """It no longer waits for an operator, and cannot be reprocessed."""
    await settle(ledger, await claimed(ledger), State.FAILED, letter=letter_at(1, KEY))
    await purging.empty(await _taken(purging))
    assert await ledger.waiting(limit=9) == []
    assert await ledger.revive(KEY, owner="x", lease_seconds=LEASE, without=[], again=False) == Settled(State.FAILED)


async def test_who_purges_holds_the_memo(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """No other can claim it meanwhile; after the lease nothing is deleted."""
    await parked(ledger, seconds=0)
    claim = await _taken(purging)
    assert isinstance(await ask_to_resume(ledger), Held)
    assert await due_keys(ledger) == []
    assert isinstance(await purging.take(KEY, owner="another", lease_seconds=LEASE), Held)
    assert isinstance(await ledger.revive(KEY, owner="x", lease_seconds=LEASE, without=[], again=True), Held)
    clock.now += LEASE
    with pytest.raises(Fenced):
        await purging.empty(claim)
    assert await due_keys(ledger) == [KEY]


async def test_memo_that_is_held_is_left_alone(ledger: Ledger, purging: Purging) -> None:
    """A held memo is reported and not disturbed."""
    claim = await claimed(ledger)
    assert isinstance(await purging.take(KEY, owner="purger", lease_seconds=LEASE), Held)
    await ledger.advance(claim, State.HEARD, {})


@pytest.mark.parametrize("seconds", [0.0, HOUR])
async def test_only_what_is_old_enough_is_taken(ledger: Ledger, purging: Purging, clock: Clock, seconds: float) -> None:
    """An unsettled, younger or revived memo is not taken."""
    await _answered(ledger, KEY)
    await parked(ledger, SECOND, seconds=0)
    clock.now += seconds
    for key in (KEY, SECOND, THIRD):
        assert await purging.take(key, owner="purger", lease_seconds=LEASE, seconds=seconds) is None
    clock.now += 1
    assert isinstance(await purging.take(KEY, owner="x", lease_seconds=LEASE, seconds=seconds), Claim)


async def test_parked_memo_ends_when_it_is_emptied(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """A parked memo ends as ignored without its event, and its chat goes on."""
    await parked(ledger, seconds=0)
    await behind(ledger, SECOND, 2)
    assert await due_keys(ledger) == [KEY]
    await purging.empty(await _taken(purging), who=WHO)
    story = await story_of(ledger)
    assert (story.state, story.reason, story.settled_at) == (State.IGNORED, "forgotten", clock.now)
    assert (story.due_at, await ledger.event(KEY)) == (None, None)
    assert await due_keys(ledger) == [SECOND]


async def test_only_an_emptied_memo_is_removed(ledger: Ledger, purging: Purging) -> None:
    """Only an emptied row is removed; then its event would be new."""
    await _answered(ledger, KEY)
    await purging.remove(KEY)
    assert (await story_of(ledger)).state is State.ANSWERED
    await purging.empty(await _taken(purging))
    for _ in range(2):
        await purging.remove(KEY)
    assert list(await ledger.find(KEY.message_id)) == []
    assert isinstance(await ask_for(ledger), Claim)


async def test_letters_of_no_memo_are_listed_by_age(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """Only old ones are listed, without contents; a deleted one is gone."""
    for offset in (1, 2):
        await ledger.bury(letter_at(offset))
        clock.now += HOUR
    await settle(ledger, await claimed(ledger), State.FAILED, letter=letter_at(3, KEY))
    clock.now += HOUR
    (old,) = await purging.old_dead_letters(2.5 * HOUR, limit=9)
    assert (old.event.place, old.event.value, old.event.key, old.event.headers) == (event_at(1).place, None, None, ())
    assert [letter.event.place.offset for letter in await purging.old_dead_letters(0, limit=9)] == [1, 2]
    assert [letter.event.place.offset for letter in await purging.old_dead_letters(0, limit=1)] == [1]
    for _ in range(2):
        await purging.drop_dead_letter(old.event.place)
    assert [letter.event.place.offset for letter in await purging.old_dead_letters(0, limit=9)] == [2]
    assert [letter.event.place.offset for letter in await ledger.unpublished(limit=9, seconds=1)] == [2, 3]


async def test_letters_are_found_by_what_their_events_say(ledger: Ledger, purging: Purging) -> None:
    """Bytes are found in value, key and headers of stray letters."""
    word = b"15550100001"
    plain = letter_at(0)
    await ledger.bury(plain)
    events = [
        replace(event_at(1), value=b'\xff{"from": "+15550100001'),
        replace(event_at(2), key=b"+15550100001"),
        replace(event_at(3), headers=(("a", b""), ("from", b"+15550100001\x00"))),
        replace(event_at(4), value=None, key=None, headers=()),
    ]
    for event in events:
        await ledger.bury(replace(plain, event=event))
    found = await purging.dead_letters_with(word, limit=9)
    assert [letter.event.place.offset for letter in found] == [1, 2, 3]
    assert not any(letter.event.value or letter.event.key or letter.event.headers for letter in found)
    assert [letter.event.place.offset for letter in await purging.dead_letters_with(word, limit=2)] == [1, 2]


async def test_turns_of_which_the_ledger_knows_nothing(
    store: Store, ledger: Ledger, purging: Purging, clock: Clock
) -> None:
    """Old turns without a memo are listed; a memo's own and young ones are not."""
    await _answered(ledger, KEY)
    for chat_id, message_id, ago in ((*_parts(KEY), HOUR), ("51", "unknown", HOUR), ("51", "young", 0.0)):
        await _said(store, chat_id, message_id, at=_at(clock, ago=ago))
    assert list(await purging.turns(HOUR / 2, limit=9)) == [MemoKey("51", "unknown")]
    await purging.drop_turns("51", "unknown")
    assert list(await purging.turns(HOUR / 2, limit=9)) == []
    assert len(await store.history.recent("51", limit=9)) == 4


async def test_what_was_said_in_a_chat_is_dropped(store: Store, purging: Purging, clock: Clock) -> None:
    """All turns of a chat are deleted, and no other's; later ones are kept."""
    for chat_id in ("51", "52"):
        await _said(store, chat_id, "1", at=_at(clock))
    for _ in range(2):
        await purging.drop_turns("51")
    assert list(await store.history.recent("51", limit=9)) == []
    assert len(await store.history.recent("52", limit=9)) == 2
    await _said(store, "51", "1", at=_at(clock))
    assert len(await store.history.recent("51", limit=9)) == 2


async def test_forgotten_persons_old_memos_are_not_answered(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """A new memo sent before its person was forgotten is settled unseen; a later one is answered."""
    before, now = (_at(clock, ago=seconds).isoformat() for seconds in (HOUR, 0))
    clock.now += HOUR / 2
    later, other = _at(clock, ago=-1).isoformat(), "fedcba9876543210"
    await purging.forget(WHO)

    async def brought(who: str, sent_at: str) -> object:
        facts = {"who": who, "sent_at": sent_at}
        answer = await ledger.claim(KEY, owner="x", lease_seconds=0.0, facts=facts)
        parks = await ledger.park_behind(KEY, event_at(1), facts=facts)
        return answer if not isinstance(answer, Claim) else (answer.fence, parks)

    assert await brought(WHO, before) == Settled(State.IGNORED)
    assert await brought(WHO, now) == Settled(State.IGNORED)
    assert list(await ledger.find(KEY.message_id)) == []
    assert await brought(other, before) == (1, False)
    assert await brought(WHO, later) == (2, False)
    clock.now += 2
    await purging.forget(WHO)
    claim = await ledger.claim(SECOND, owner="x", lease_seconds=LEASE, facts={"who": WHO, "sent_at": later})
    assert claim == Settled(State.IGNORED)


async def test_memo_of_a_forgotten_person_is_not_parked(ledger: Ledger, purging: Purging, clock: Clock) -> None:
    """Nor is it stored behind a parked memo."""
    await parked(ledger, seconds=0)
    facts = {"who": WHO, "sent_at": _at(clock).isoformat()}
    await purging.forget(WHO)
    assert await ledger.park_behind(SECOND, event_at(2), facts=facts)
    assert list(await ledger.find(SECOND.message_id)) == []
    assert await ask_for(ledger, KEY) == Parked()


async def test_nothing_is_in_the_way_of_a_clean_file(ledger: Ledger, purging: Purging) -> None:
    """Alone with its store, a purge leaves no bytes of what was deleted."""
    await _answered(ledger, KEY)
    await purging.empty(await _taken(purging))
    assert await purging.scrub()
    assert (await story_of(ledger)).state is State.ANSWERED


def _parts(key: MemoKey) -> tuple[str, str]:
    return key.chat_id, key.message_id
