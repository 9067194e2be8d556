"""The ledger's contract on dead letters: written with the memo's end, taken until published."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from storage.errors import Fenced
from storage.ledger import DEAD_LETTER_SECONDS, MemoKey, Place
from storage.states import State
from tests.contracts.ledgers import (
    KEY,
    LEASE,
    Clock,
    claimed,
    event_at,
    letter_at,
    park,
    parked,
    resumed,
    revived,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import DeadLetter, Ledger


async def _offsets(ledger: Ledger, *, limit: int = 9, seconds: float = 60.0) -> list[int]:
    return [each.event.place.offset for each in await ledger.unpublished(limit=limit, seconds=seconds)]


def _without_contents(letters: Sequence[DeadLetter]) -> bool:
    return all((each.event.key, each.event.value, each.event.headers) == (None, None, ()) for each in letters)


async def test_buried_once(ledger: Ledger, clock: Clock) -> None:
    """A letter of an event that is no memo is kept once, as it was first; the newest comes first."""
    begun = clock.now
    for letter in (letter_at(1), letter_at(2), letter_at(1, reason="again")):
        await ledger.bury(letter)
        clock.now += 1
    told = await ledger.dead_letters(limit=9)
    assert [(each.event.place.offset, each.reason, each.first_at) for each in told] == [
        (2, "not-json", begun + 1),
        (1, "not-json", begun),
    ]
    assert [each.event.place.offset for each in await ledger.dead_letters(limit=1)] == [2]


async def test_same_offset_elsewhere_is_another_letter(ledger: Ledger) -> None:
    """Topic, partition and offset together tell a letter from others."""
    places = [Place("t", 0, 1), Place("t", 1, 1), Place("u", 0, 1)]
    for place in places:
        await ledger.bury(replace(letter_at(1), event=replace(event_at(1), place=place)))
    assert [each.event.place for each in await ledger.dead_letters(limit=9)] == places[::-1]


async def test_letters_are_listed_without_contents(ledger: Ledger) -> None:
    """A list of letters tells when, where and why, and nothing that the events say."""
    await settle(ledger, await claimed(ledger), State.DEAD, letter=letter_at(1, KEY, reason="bug-KeyError"))
    (told,) = await ledger.dead_letters(limit=9)
    assert _without_contents([told])
    assert (told.event.at, told.key, told.reason, told.stage) == (1.25, KEY, "bug-KeyError", "hear")
    assert (told.attempts, told.digest) == (3, "ab12")


async def test_letter_comes_with_the_settlement(ledger: Ledger, clock: Clock) -> None:
    """A memo's letter is written as it settles, with the time of its first attempt and its whole event."""
    begun = clock.now
    await parked(ledger, seconds=20)
    clock.now += 20
    await settle(ledger, await resumed(ledger), State.FAILED, letter=letter_at(1, KEY))
    assert await ledger.event(KEY) == event_at(1)
    clock.now += DEAD_LETTER_SECONDS
    assert list(await ledger.unpublished(limit=9, seconds=60)) == [replace(letter_at(1, KEY), first_at=begun)]


async def test_no_letter_without_the_settlement(ledger: Ledger, clock: Clock) -> None:
    """Who may not settle leaves no letter either."""
    claim = await claimed(ledger)
    clock.now += LEASE
    with pytest.raises(Fenced):
        await settle(ledger, claim, State.FAILED, letter=letter_at(1, KEY))
    assert await ledger.dead_letters(limit=9) == []
    assert await ledger.event(KEY) is None


async def test_letter_of_a_memo_that_failed_again(ledger: Ledger, clock: Clock) -> None:
    """A memo that is revived and fails again has one letter, of its last death, that is to be published again."""
    begun = clock.now
    await settle(ledger, await claimed(ledger), State.FAILED, letter=letter_at(1, KEY, fence=1))
    await ledger.mark_published(letter_at(1, KEY, fence=1))
    clock.now += 100
    again = replace(letter_at(1, KEY, reason="bug-OSError", fence=2), stage="speak", attempts=9, digest=None)
    await settle(ledger, await revived(ledger), State.DEAD, letter=again)
    assert await _offsets(ledger) == []
    clock.now += DEAD_LETTER_SECONDS
    assert list(await ledger.unpublished(limit=9, seconds=60)) == [replace(again, first_at=begun)]


async def test_letter_of_before_is_not_the_one_of_now(ledger: Ledger, clock: Clock) -> None:
    """A letter published late does not mark the one written over it."""
    old, new = (letter_at(1, KEY, fence=fence) for fence in (1, 2))
    await settle(ledger, await claimed(ledger), State.FAILED, letter=old)
    await settle(ledger, await revived(ledger), State.FAILED, letter=new)
    await ledger.mark_published(old)
    clock.now += DEAD_LETTER_SECONDS
    (taken,) = await ledger.unpublished(limit=9, seconds=60)
    assert taken.fence == new.fence
    await ledger.mark_published(taken)
    clock.now += 60
    assert await _offsets(ledger) == []
    assert [each.fence for each in await ledger.dead_letters(limit=9)] == [2]


async def test_writer_has_the_letter_first(ledger: Ledger, clock: Clock) -> None:
    """The writer of a letter has half a minute before others get it."""
    await ledger.bury(letter_at(1))
    clock.now += DEAD_LETTER_SECONDS - 0.5
    assert await _offsets(ledger) == []
    clock.now += 0.5
    assert await _offsets(ledger) == [1]


async def test_letter_is_taken_until_it_is_published(ledger: Ledger, clock: Clock) -> None:
    """A taken letter is not given out for so long, then again, and never once it is published."""
    await ledger.bury(letter_at(1))
    clock.now += DEAD_LETTER_SECONDS
    for _ in range(3):
        assert await _offsets(ledger, seconds=60) == [1]
        clock.now += 59
        assert await _offsets(ledger) == []
        clock.now += 1
    await ledger.mark_published(letter_at(1))
    clock.now += 10_000
    assert await _offsets(ledger) == []
    assert len(await ledger.dead_letters(limit=9)) == 1


async def test_oldest_letters_are_taken_first(ledger: Ledger, clock: Clock) -> None:
    """Letters are taken in the order in which they were written, so many at a time, by two takers never the same."""
    for offset in (3, 1, 2, 5, 4):
        await ledger.bury(letter_at(offset))
    clock.now += DEAD_LETTER_SECONDS
    taken = await asyncio.gather(*(_offsets(ledger, limit=2) for _ in range(3)))
    assert sorted(taken) == [[2, 5], [3, 1], [4]]


async def test_publishing_what_is_unknown(ledger: Ledger) -> None:
    """A place that has no letter changes nothing."""
    await ledger.mark_published(letter_at(1))
    assert await ledger.dead_letters(limit=9) == []


async def test_event_without_contents_is_kept_whole(ledger: Ledger, clock: Clock) -> None:
    """Nothing and an empty value are distinguished, in key and in value, parked or buried."""
    for offset, contents in enumerate((None, b"")):
        event = replace(event_at(offset), key=contents, value=contents, headers=())
        key = MemoKey("c", str(offset))
        await park(ledger, await claimed(ledger, key), event, seconds=0)
        assert await ledger.event(key) == event
        await settle(ledger, await resumed(ledger, key), State.FAILED, letter=replace(letter_at(0, key), event=event))
        assert await ledger.event(key) == event
    clock.now += DEAD_LETTER_SECONDS
    letters = await ledger.unpublished(limit=9, seconds=1)
    assert [each.event.value for each in letters] == [None, b""]


async def test_event_is_the_memos_own_before_its_letters(ledger: Ledger) -> None:
    """A memo's event is the one that it is parked with, else that of its newest letter, else unknown."""
    assert await ledger.event(KEY) is None
    claim = await claimed(ledger)
    assert await ledger.event(KEY) is None
    await settle(ledger, claim, State.FAILED, letter=letter_at(1, KEY))
    await settle(ledger, await revived(ledger), State.FAILED, letter=letter_at(2, KEY))
    await ledger.bury(letter_at(3, MemoKey("c", "other")))
    assert await ledger.event(KEY) == event_at(2)
    await park(ledger, await revived(ledger), event_at(4), seconds=0)
    assert await ledger.event(KEY) == event_at(4)
    await settle(ledger, await resumed(ledger))
    assert await ledger.event(KEY) == event_at(2)
