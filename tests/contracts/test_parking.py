"""The ledger's contract on parked memos: none is overtaken, each is taken up when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.errors import Fenced
from storage.ledger import Behind, Claim, Held, MemoKey, Parked, Place, Settled, Step
from storage.states import State
from tests.contracts.ledgers import (
    ELSEWHERE,
    KEY,
    LEASE,
    SECOND,
    THIRD,
    Clock,
    ask_for,
    ask_to_resume,
    behind,
    claimed,
    due_keys,
    event_at,
    park,
    parked,
    resumed,
    settle,
    story_of,
)

if TYPE_CHECKING:
    from storage.ledger import Ledger


@pytest.mark.parametrize("waited", [0.0, 10.0, 1000.0])
async def test_parked_memo_is_not_claimed(ledger: Ledger, clock: Clock, waited: float) -> None:
    """A parked memo that comes again is Parked, whether it is due or not."""
    await parked(ledger, seconds=10)
    clock.now += waited
    assert await ask_for(ledger) == Parked()


async def test_parked_memo_tells_its_story(ledger: Ledger, clock: Clock) -> None:
    """Parking ends the lease, counts a try, and keeps state, facts, steps, reason and due time."""
    claim = await claimed(ledger)
    await ledger.advance(claim, State.HEARD, {"transcript": "x"})
    steps = [Step("deliver", 0.5, None, "down")]
    await ledger.park(claim, event_at(7), seconds=10, reason="deliver-down", facts={"reply": "hi"}, steps=steps)
    story = await story_of(ledger)
    assert (story.state, story.reason, story.tries) == (State.HEARD, "deliver-down", 1)
    assert story.facts == {"first": "one", "transcript": "x", "reply": "hi"}
    assert (story.due_at, story.owner, story.lease_until) == (clock.now + 10, None, None)
    assert list(story.steps) == [Step("deliver", 0.5, None, "down", fence=1)]
    assert await ledger.event(KEY) == event_at(7)


async def test_only_the_holder_parks(ledger: Ledger, clock: Clock) -> None:
    """A holder parks nothing once its lease has run out, or the memo is taken over, settled or parked."""
    old = await claimed(ledger)
    clock.now += LEASE
    with pytest.raises(Fenced):
        await park(ledger, old, event_at(1))
    new = await claimed(ledger, owner="two")
    with pytest.raises(Fenced):
        await park(ledger, old, event_at(1))
    await park(ledger, new, event_at(1))
    with pytest.raises(Fenced):
        await park(ledger, new, event_at(1))
    last = await resumed(ledger)
    await settle(ledger, last)
    with pytest.raises(Fenced):
        await park(ledger, last, event_at(1))


async def test_nobody_overtakes_a_parked_memo(ledger: Ledger) -> None:
    """A new memo of the same chat is behind the first that is parked, and is not stored; other chats go on."""
    await parked(ledger)
    await behind(ledger, SECOND, 2)
    assert await ask_for(ledger, THIRD) == Behind(KEY)
    assert await ledger.find(THIRD.message_id) == []
    assert isinstance(await ask_for(ledger, ELSEWHERE), Claim)


async def test_known_memo_does_not_overtake_either(ledger: Ledger) -> None:
    """A memo that was released before is behind one that was parked since, and stays as it was."""
    await ledger.release(await claimed(ledger, SECOND), steps=[])
    await parked(ledger)
    assert await ask_for(ledger, SECOND) == Behind(KEY)
    assert (await story_of(ledger, SECOND)).fence == 1


async def test_who_holds_a_memo_is_reported_before_what_it_is_behind_of(ledger: Ledger, clock: Clock) -> None:
    """A memo that is worked on is Held though an earlier one of its chat was parked since; then Behind."""
    await claimed(ledger, SECOND)
    await parked(ledger)
    assert await ask_for(ledger, SECOND) == Held("one", LEASE)
    clock.now += LEASE
    assert await ask_for(ledger, SECOND) == Behind(KEY)


async def test_followers_wait_in_their_order(ledger: Ledger, clock: Clock) -> None:
    """Memos parked behind others are due one by one, each once those before it are settled."""
    await parked(ledger, seconds=10)
    events = [event_at(1), await behind(ledger, THIRD, 3), await behind(ledger, SECOND, 2)]
    assert await due_keys(ledger) == []
    clock.now += 10
    for key, event in zip((KEY, THIRD, SECOND), events, strict=True):
        assert await due_keys(ledger) == [key]
        assert await ledger.event(key) == event
        await settle(ledger, await resumed(ledger, key))
    assert await due_keys(ledger) == []
    assert isinstance(await ask_for(ledger, MemoKey(KEY.chat_id, "new")), Claim)


async def test_follower_is_new_and_due_at_once(ledger: Ledger, clock: Clock) -> None:
    """A memo parked behind another has its facts, no try, and no holder."""
    await parked(ledger)
    await behind(ledger, SECOND, 2)
    story = await story_of(ledger, SECOND)
    assert (story.state, story.facts, story.reason) == (State.RECEIVED, {"first": "behind"}, None)
    assert (story.tries, story.fence, story.due_at, story.owner) == (0, 0, clock.now, None)


async def test_nothing_to_be_behind_of(ledger: Ledger) -> None:
    """Where none of the chat is parked, or none any more, nothing is parked behind, and nothing stored."""
    assert not await ledger.park_behind(SECOND, event_at(2), facts={})
    await parked(ledger, seconds=0)
    await settle(ledger, await resumed(ledger))
    assert not await ledger.park_behind(SECOND, event_at(2), facts={})
    await parked(ledger, ELSEWHERE)
    assert not await ledger.park_behind(SECOND, event_at(2), facts={})
    assert await ledger.find(SECOND.message_id) == []


async def test_held_memo_is_not_parked_behind(ledger: Ledger, clock: Clock) -> None:
    """A memo that is held is not parked behind; once the lease has run out it is."""
    holder = await claimed(ledger, SECOND)
    await parked(ledger)
    assert not await ledger.park_behind(SECOND, event_at(2), facts={})
    clock.now += LEASE
    await behind(ledger, SECOND, 2)
    assert (await story_of(ledger, SECOND)).facts == {"first": "one"}
    with pytest.raises(Fenced):
        await settle(ledger, holder)


async def test_parking_behind_again_changes_nothing(ledger: Ledger, clock: Clock) -> None:
    """A memo that is parked or settled already is done with, and stays as it is."""
    await settle(ledger, await claimed(ledger, THIRD))
    await parked(ledger, seconds=10)
    before = await story_of(ledger)
    clock.now += 1
    assert await ledger.park_behind(KEY, event_at(5), facts={"other": 1})
    assert await ledger.park_behind(THIRD, event_at(6), facts={})
    assert await story_of(ledger) == before
    assert await ledger.event(KEY) == event_at(1)
    assert await ledger.event(THIRD) is None
    assert await ask_for(ledger, THIRD) == Settled(State.ANSWERED)


async def test_due_names_what_may_be_taken_up(ledger: Ledger, clock: Clock) -> None:
    """Of the topic and partitions asked for, those whose time has come are named, the longest due first."""
    for number, seconds in enumerate((30.0, 10.0, 20.0, 99.0)):
        await parked(ledger, MemoKey(f"c{number}", "m"), seconds=seconds, offset=number)
    for number, event in enumerate((event_at(8, partition=1), event_at(9, topic="other"))):
        await park(ledger, await claimed(ledger, MemoKey(f"d{number}", "m")), event)
    clock.now += 9.5
    assert await ledger.due("t", [0, 1, 2], limit=9) == []
    clock.now += 20.5
    expected = [(MemoKey(f"c{number}", "m"), Place("t", 0, number)) for number in (1, 2, 0)]
    assert list(await ledger.due("t", [0], limit=9)) == expected
    assert list(await ledger.due("t", frozenset({0}), limit=2)) == expected[:2]
    other = (MemoKey("d0", "m"), Place("t", 1, 8))
    assert list(await ledger.due("t", [1], limit=9)) == [other]
    assert list(await ledger.due("t", [1, 0], limit=2)) == [expected[0], other]
    assert list(await ledger.due("t", [], limit=9)) == []


async def test_of_those_due_at_once_the_first_parked_comes_first(ledger: Ledger) -> None:
    """Memos that became due at the same moment are named in the order in which they were first parked."""
    keys = [MemoKey(chat, "m") for chat in ("z", "a", "m")]
    for key in keys:
        await parked(ledger, key, seconds=0)
    assert await due_keys(ledger) == keys
    await park(ledger, await resumed(ledger, keys[0]), event_at(1), seconds=0)
    assert await due_keys(ledger) == keys


async def test_resumed_memo_stays_parked(ledger: Ledger, clock: Clock) -> None:
    """A parked memo is taken up with its facts; it is Parked for others, and its chat stays behind it."""
    await parked(ledger, seconds=10)
    clock.now += 10
    claim = await resumed(ledger)
    assert (claim.fence, claim.tries, claim.age_seconds) == (2, 1, 10.0)
    assert claim.facts == {"first": "one", "reply": "hi"}
    assert await ask_for(ledger) == Parked()
    assert await ask_for(ledger, SECOND) == Behind(KEY)
    assert await due_keys(ledger) == []
    assert await ask_to_resume(ledger) == Held("two", LEASE)


@pytest.mark.parametrize("by_release", [True, False])
async def test_memo_that_was_let_go_is_due_again(ledger: Ledger, clock: Clock, by_release: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """Released, it is due again at once; after a crash, when the lease has run out."""
    await parked(ledger, seconds=0)
    claim = await resumed(ledger)
    if by_release:
        await ledger.release(claim, steps=[])
    else:
        clock.now += LEASE
    assert await due_keys(ledger) == [KEY]
    assert (await resumed(ledger)).fence == 3


async def test_resume_of_what_cannot_be_had(ledger: Ledger) -> None:
    """Unknown is KeyError, settled is Settled, held is Held, and behind an earlier one is Behind that."""
    with pytest.raises(KeyError):
        await ask_to_resume(ledger)
    await settle(ledger, await claimed(ledger, THIRD))
    assert await ask_to_resume(ledger, THIRD) == Settled(State.ANSWERED)
    await claimed(ledger, ELSEWHERE)
    assert await ask_to_resume(ledger, ELSEWHERE) == Held("one", LEASE)
    fourth = MemoKey(KEY.chat_id, "4")
    await ledger.release(await claimed(ledger, fourth), steps=[])
    await parked(ledger, seconds=0)
    await behind(ledger, SECOND, 2)
    assert await ask_to_resume(ledger, SECOND) == Behind(KEY)
    assert await ask_to_resume(ledger, fourth) == Behind(KEY)


async def test_memo_that_was_released_can_be_resumed(ledger: Ledger) -> None:
    """A memo that is not parked at all can be taken up too, if its chat does not wait."""
    await ledger.release(await claimed(ledger), steps=[])
    assert (await resumed(ledger)).fence == 2
    assert await due_keys(ledger) == []


async def test_parked_again_keeps_its_place(ledger: Ledger, clock: Clock) -> None:
    """A memo that is parked again is still first in its chat, for as long as it then has to wait."""
    await parked(ledger, seconds=0)
    await behind(ledger, SECOND, 2)
    await park(ledger, await resumed(ledger), event_at(1), seconds=20)
    assert await due_keys(ledger) == []
    assert await ask_to_resume(ledger, SECOND) == Behind(KEY)
    clock.now += 20
    assert await due_keys(ledger) == [KEY]
    assert (await resumed(ledger)).tries == 2


async def test_settled_memo_is_parked_no_more(ledger: Ledger) -> None:
    """When a parked memo is settled its event is forgotten, and nothing tells of a time any more."""
    await parked(ledger, seconds=0)
    await settle(ledger, await resumed(ledger))
    story = await story_of(ledger)
    assert (story.state, story.due_at, story.reason) == (State.ANSWERED, None, None)
    assert await ledger.event(KEY) is None
    assert isinstance(await ask_for(ledger, SECOND), Claim)


async def test_memo_parked_aside_holds_up_no_other(ledger: Ledger, clock: Clock) -> None:
    """A memo may be parked without its chat: later ones pass it, and it is Parked, and due when its time comes."""
    await park(ledger, await claimed(ledger), event_at(1), holds_chat=False)
    assert await ask_for(ledger) == Parked()
    assert isinstance(await ask_for(ledger, SECOND), Claim)
    assert not await ledger.park_behind(THIRD, event_at(3), facts={})
    assert await due_keys(ledger) == []
    clock.now += 10
    assert list(await ledger.due("t", [0], limit=9)) == [(KEY, Place("t", 0, 1))]
    assert (await resumed(ledger)).tries == 1
    assert await due_keys(ledger) == []


async def test_memo_parked_aside_is_behind_nobody(ledger: Ledger, clock: Clock) -> None:
    """It is due though its chat waits, and can be had."""
    claim = await claimed(ledger, SECOND)
    await parked(ledger, seconds=100)
    await park(ledger, claim, event_at(2), seconds=10, holds_chat=False)
    clock.now += 10
    assert await due_keys(ledger) == [SECOND]
    await settle(ledger, await resumed(ledger, SECOND))
    assert (await due_keys(ledger), await ledger.event(SECOND)) == ([], None)


async def test_memo_that_steps_aside_lets_its_chat_go_on(ledger: Ledger) -> None:
    """The first of a queue that is parked aside gives up its place; parked with its chat again, it stands last."""
    await parked(ledger, seconds=0)
    await behind(ledger, SECOND, 2)
    await park(ledger, await resumed(ledger), event_at(1), seconds=0, holds_chat=False)
    assert await due_keys(ledger) == [KEY, SECOND]
    assert await ask_for(ledger, THIRD) == Behind(SECOND)
    await park(ledger, await resumed(ledger), event_at(1), seconds=0)
    assert await due_keys(ledger) == [SECOND]
    assert await ask_to_resume(ledger) == Behind(SECOND)
