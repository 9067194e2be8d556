"""What a ledger promises of memos that wait: nobody overtakes them, and each is taken up when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.errors import Fenced
from storage.ledger import Behind, Claim, Held, MemoKey, Parked, Place, Settled, State, Step
from tests.contracts.ledgers import (
    ELSEWHERE,
    KEY,
    LEASE,
    SECOND,
    THIRD,
    Clock,
    claimed,
    event_at,
    letter_at,
    park,
    parked,
    resumed,
    revived,
    settle,
    story_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import Event, Ledger


async def _claim(ledger: Ledger, key: MemoKey = KEY) -> object:
    return await ledger.claim(key, owner="two", lease_seconds=LEASE, facts={})


async def _resume(ledger: Ledger, key: MemoKey = KEY) -> object:
    return await ledger.resume(key, owner="two", lease_seconds=LEASE)


async def _behind(ledger: Ledger, key: MemoKey, offset: int) -> Event:
    event = event_at(offset)
    assert await ledger.park_behind(key, event, facts={"first": "behind"})
    return event


async def _due(ledger: Ledger) -> Sequence[MemoKey]:
    return [key for key, _ in await ledger.due("t", [0], limit=9)]


@pytest.mark.parametrize("waited", [0.0, 10.0, 1000.0])
async def test_parked_memo_is_not_claimed(ledger: Ledger, clock: Clock, waited: float) -> None:
    """A parked memo is Parked for whoever brings it again, whether it is due or not."""
    await parked(ledger, seconds=10)
    clock.now += waited
    assert await _claim(ledger) == Parked()


async def test_parked_memo_tells_its_story(ledger: Ledger, clock: Clock) -> None:
    """Parking gives up the lease, counts a try, and keeps state, facts, steps, reason and the time when it is due."""
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
    """Whose lease has run out, who was followed by another, and who has settled or parked it already, parks nothing."""
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
    await _behind(ledger, SECOND, 2)
    assert await _claim(ledger, THIRD) == Behind(KEY)
    assert await ledger.find(THIRD.message_id) == []
    assert isinstance(await _claim(ledger, ELSEWHERE), Claim)


async def test_known_memo_does_not_overtake_either(ledger: Ledger) -> None:
    """A memo that was released before is behind one that was parked since, and stays as it was."""
    await ledger.release(await claimed(ledger, SECOND), steps=[])
    await parked(ledger)
    assert await _claim(ledger, SECOND) == Behind(KEY)
    assert (await story_of(ledger, SECOND)).fence == 1


async def test_followers_wait_in_their_order(ledger: Ledger, clock: Clock) -> None:
    """Memos parked behind others are due one by one, in their order, each as soon as those before it are settled."""
    await parked(ledger, seconds=10)
    events = [event_at(1), await _behind(ledger, THIRD, 3), await _behind(ledger, SECOND, 2)]
    assert await _due(ledger) == []
    clock.now += 10
    for key, event in zip((KEY, THIRD, SECOND), events, strict=True):
        assert await _due(ledger) == [key]
        assert await ledger.event(key) == event
        await settle(ledger, await resumed(ledger, key))
    assert await _due(ledger) == []
    assert isinstance(await _claim(ledger, MemoKey(KEY.chat_id, "new")), Claim)


async def test_follower_is_new_and_due_at_once(ledger: Ledger, clock: Clock) -> None:
    """A memo that was parked behind another has its facts, no try, and nobody holds it."""
    await parked(ledger)
    await _behind(ledger, SECOND, 2)
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
    """While somebody works on a memo it is not parked by another; when their lease has run out it is."""
    holder = await claimed(ledger, SECOND)
    await parked(ledger)
    assert not await ledger.park_behind(SECOND, event_at(2), facts={})
    clock.now += LEASE
    await _behind(ledger, SECOND, 2)
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
    assert await _claim(ledger, THIRD) == Settled(State.ANSWERED)


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
    assert await _due(ledger) == keys
    await park(ledger, await resumed(ledger, keys[0]), event_at(1), seconds=0)
    assert await _due(ledger) == keys


async def test_resumed_memo_stays_parked(ledger: Ledger, clock: Clock) -> None:
    """Who takes up a parked memo has what was gained; it is Parked for others, and its chat stays behind it."""
    await parked(ledger, seconds=10)
    clock.now += 10
    claim = await resumed(ledger)
    assert (claim.fence, claim.tries, claim.age_seconds) == (2, 1, 10.0)
    assert claim.facts == {"first": "one", "reply": "hi"}
    assert await _claim(ledger) == Parked()
    assert await _claim(ledger, SECOND) == Behind(KEY)
    assert await _due(ledger) == []
    assert await _resume(ledger) == Held("two", LEASE)


@pytest.mark.parametrize("by_release", [True, False])
async def test_memo_that_was_let_go_is_due_again(ledger: Ledger, clock: Clock, by_release: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """When the one who took it up releases it, or dies, it is due again at once, or when the lease has run out."""
    await parked(ledger, seconds=0)
    claim = await resumed(ledger)
    if by_release:
        await ledger.release(claim, steps=[])
    else:
        clock.now += LEASE
    assert await _due(ledger) == [KEY]
    assert (await resumed(ledger)).fence == 3


async def test_resume_of_what_cannot_be_had(ledger: Ledger) -> None:
    """Unknown is KeyError, settled is Settled, held is Held, and behind an earlier one is Behind that."""
    with pytest.raises(KeyError):
        await _resume(ledger)
    await settle(ledger, await claimed(ledger, THIRD))
    assert await _resume(ledger, THIRD) == Settled(State.ANSWERED)
    await claimed(ledger, ELSEWHERE)
    assert await _resume(ledger, ELSEWHERE) == Held("one", LEASE)
    fourth = MemoKey(KEY.chat_id, "4")
    await ledger.release(await claimed(ledger, fourth), steps=[])
    await parked(ledger, seconds=0)
    await _behind(ledger, SECOND, 2)
    assert await _resume(ledger, SECOND) == Behind(KEY)
    assert await _resume(ledger, fourth) == Behind(KEY)


async def test_memo_that_was_released_can_be_resumed(ledger: Ledger) -> None:
    """A memo that is not parked at all can be taken up too, if its chat does not wait."""
    await ledger.release(await claimed(ledger), steps=[])
    assert (await resumed(ledger)).fence == 2
    assert await _due(ledger) == []


async def test_parked_again_keeps_its_place(ledger: Ledger, clock: Clock) -> None:
    """A memo that is parked again is still first in its chat, for as long as it then has to wait."""
    await parked(ledger, seconds=0)
    await _behind(ledger, SECOND, 2)
    await park(ledger, await resumed(ledger), event_at(1), seconds=20)
    assert await _due(ledger) == []
    assert await _resume(ledger, SECOND) == Behind(KEY)
    clock.now += 20
    assert await _due(ledger) == [KEY]
    assert (await resumed(ledger)).tries == 2


async def test_settled_memo_is_parked_no_more(ledger: Ledger) -> None:
    """When a parked memo is settled its event is forgotten, and nothing tells of a time any more."""
    await parked(ledger, seconds=0)
    await settle(ledger, await resumed(ledger))
    story = await story_of(ledger)
    assert (story.state, story.due_at, story.reason) == (State.ANSWERED, None, None)
    assert await ledger.event(KEY) is None
    assert isinstance(await _claim(ledger, SECOND), Claim)


async def test_revive_of_what_cannot_be_had(ledger: Ledger, clock: Clock) -> None:
    """Unknown is KeyError; what somebody holds is Held; what was answered is Settled."""
    with pytest.raises(KeyError):
        await ledger.revive(KEY, owner="x", lease_seconds=LEASE, without=(), again=False)
    await parked(ledger, seconds=0)
    await resumed(ledger)
    clock.now += 5
    for again in (False, True):
        assert await ledger.revive(KEY, owner="x", lease_seconds=1, without=(), again=again) == Held("two", 25.0)
    for number, state in enumerate((State.ANSWERED, State.APOLOGISED, State.IGNORED)):
        key = MemoKey("other", str(number))
        await settle(ledger, await claimed(ledger, key), state)
        answer = await ledger.revive(key, owner="x", lease_seconds=1, without=("first",), again=False)
        assert answer == Settled(state)
        assert (await story_of(ledger, key)).facts == {"first": "one"}


@pytest.mark.parametrize("state", [State.FAILED, State.DEAD])
async def test_failed_memo_is_revived(ledger: Ledger, clock: Clock, state: State) -> None:
    """A memo that failed is received anew: no try, no age, no reason, but with what was gained and its generation."""
    await parked(ledger, seconds=0)
    await settle(ledger, await resumed(ledger), state, letter=letter_at(1, KEY))
    clock.now += 500
    claim = await revived(ledger)
    assert (claim.fence, claim.state, claim.generation) == (3, State.RECEIVED, 1)
    assert (claim.tries, claim.age_seconds, claim.facts) == (0, 0.0, {"first": "one", "reply": "hi"})
    story = await story_of(ledger)
    assert (story.state, story.reason, story.settled_at, story.owner) == (State.RECEIVED, None, None, "operator")
    assert story.received_at == clock.now - 500
    await settle(ledger, claim)


@pytest.mark.parametrize("state", [State.ANSWERED, State.FAILED])
async def test_again_is_another_reply(ledger: Ledger, state: State) -> None:
    """Asked for again, a memo is to have one reply more, whether it had one or not."""
    await settle(ledger, await claimed(ledger), state)
    claim = await revived(ledger, again=True, without=("first",))
    assert (claim.state, claim.generation, claim.facts) == (State.RECEIVED, 2, {})
    await settle(ledger, claim)
    assert (await story_of(ledger)).generation == 2


async def test_unsettled_memo_is_revived_where_it_stands(ledger: Ledger, clock: Clock) -> None:
    """A memo that nobody holds goes on from where it was, unless something that it gained is dropped."""
    claim = await claimed(ledger)
    await ledger.advance(claim, State.HEARD, {"transcript": "x"})
    await ledger.release(claim, steps=[])
    assert (await revived(ledger)).state is State.HEARD
    clock.now += LEASE
    anew = await revived(ledger, without=("transcript", "never-known"))
    assert (anew.state, anew.facts, anew.generation) == (State.RECEIVED, {"first": "one"}, 1)


async def test_revived_memo_is_parked_no_more(ledger: Ledger, clock: Clock) -> None:
    """Who revives a parked memo has its event; its chat goes on, and parked anew it stands last."""
    event = await parked(ledger, seconds=100)
    await _behind(ledger, SECOND, 2)
    claim = await revived(ledger)
    assert (await story_of(ledger)).due_at is None
    assert await ledger.event(KEY) == event
    assert await _due(ledger) == [SECOND]
    assert await _claim(ledger) == Behind(SECOND)
    await park(ledger, claim, event, seconds=0)
    assert await _resume(ledger) == Behind(SECOND)
    clock.now += 1
    assert await _due(ledger) == [SECOND]


async def test_waiting_tells_of_failed_and_parked_memos(ledger: Ledger, clock: Clock) -> None:
    """What has failed or is parked is told of, the newest first, without steps; what was answered is not."""
    for number, state in enumerate((State.FAILED, State.ANSWERED, State.DEAD, State.IGNORED)):
        claim = await claimed(ledger, MemoKey("c", str(number)))
        await ledger.settle(claim, state, reason="why", facts={}, steps=[Step("hear", 1.0)])
        clock.now += 1
    await parked(ledger, seconds=0)
    await claimed(ledger, ELSEWHERE)
    told = await ledger.waiting(limit=9)
    assert [story.key for story in told] == [KEY, MemoKey("c", "2"), MemoKey("c", "0")]
    assert [(story.reason, story.steps) for story in told] == [("deliver-down", ()), ("why", ()), ("why", ())]
    assert [story.key for story in await ledger.waiting(limit=1)] == [KEY]
    await resumed(ledger)
    assert KEY in [story.key for story in await ledger.waiting(limit=9)]
    assert (await ledger.waiting(limit=1))[0].owner == "two"
