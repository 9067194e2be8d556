"""Cutting a long recording: nothing lost, nothing twice, each piece short enough, each cut in a pause."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.clip import WAV_RATE, Clip, pcm_of, wav_clip
from audio.pieces import LONGEST_SECONDS, Piece, cut_at_pauses
from tests.unit.audio.recordings import RATE, Samples, loud, pcm, tone, voice

if TYPE_CHECKING:
    from collections.abc import Sequence


NOISE = loud(np.random.default_rng(5).normal(size=8 * RATE), -20.0)
"""Eight seconds of a voice that never closes its mouth."""

stretches = st.tuples(st.sampled_from(["silence", "hiss", "noise", "tone"]), st.floats(0.01, 20.0))
talks = st.lists(st.tuples(st.floats(0.5, 3.8), st.floats(0.3, 1.4)), min_size=8, max_size=36)
"""(Seconds of speech, seconds of the pause after it): there is a pause in any sixth of the longest piece."""


def wav(samples: Samples) -> Clip:
    """As decode() makes it."""
    return wav_clip(pcm(samples), sample_rate=RATE)


def stretch(kind: str, seconds: float) -> Samples:
    """Some sound of a kind."""
    count = round(seconds * RATE)
    match kind:
        case "silence":
            return np.zeros(count)
        case "tone":
            return tone(seconds) if count else np.zeros(0)
        case "hiss":
            return np.resize(NOISE / 300, count)
        case _:
            return np.resize(NOISE, count)


def whole_seconds(whole: Clip) -> float:
    """How long a WAV plays."""
    return len(pcm_of(whole)) / 2 / WAV_RATE


def check(whole: Clip, pieces: Sequence[Piece]) -> None:
    """Check what holds for any recording."""
    assert b"".join(pcm_of(piece.clip()) for piece in pieces) == pcm_of(whole)
    assert all(piece.clip().seconds == piece.seconds <= LONGEST_SECONDS for piece in pieces)
    even, farthest = whole_seconds(whole) / len(pieces), LONGEST_SECONDS / 6
    for number, piece in enumerate(pieces[:-1], 1):
        assert piece.end / WAV_RATE == pytest.approx(number * even, abs=farthest + 0.001)
    assert all(piece.seconds >= 6.0 for piece in pieces) or len(pieces) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(stretches, max_size=12))
def test_nothing_is_lost(parts: list[tuple[str, float]]) -> None:
    """The pieces of any recording, put together, are the recording; each is short enough, and none is tiny."""
    whole = wav(np.concatenate([np.zeros(0), *(stretch(*part) for part in parts)]))
    check(whole, cut_at_pauses(whole))


@settings(max_examples=60, deadline=None)
@given(talks)
def test_cuts_fall_into_pauses(talk: list[tuple[float, float]]) -> None:
    """Where a person pauses, no cut goes through their words."""
    parts = [part for said, pause in talk for part in (stretch("noise", said), stretch("hiss", pause))]
    whole = wav(np.concatenate(parts))
    pieces = cut_at_pauses(whole)
    check(whole, pieces)
    samples = np.frombuffer(pcm_of(whole), "<i2")
    for piece in pieces[:-1]:
        around = samples[piece.end - RATE // 50 : piece.end + RATE // 50]
        assert np.abs(around).max() < 100


def test_the_longest_pause_is_taken() -> None:
    """A breath between sentences is preferred to the shorter one between words, in its middle."""
    parts = [("noise", 16.0), ("hiss", 0.2), ("noise", 2.0), ("hiss", 0.4), ("noise", 14.0)]
    first, *_ = cut_at_pauses(wav(np.concatenate([stretch(*part) for part in parts])))
    assert first.seconds == pytest.approx(18.4, abs=0.03)


def test_of_long_pauses_the_nearer_is_taken() -> None:
    """Between sentences is between sentences: a pause of two seconds is no better than one of 0.7 that cuts evenly."""
    parts = [("noise", 14.0), ("hiss", 2.0), ("noise", 4.0), ("hiss", 0.7), ("noise", 19.3)]
    first, _ = cut_at_pauses(wav(np.concatenate([stretch(*part) for part in parts])))
    assert first.seconds == pytest.approx(20.35, abs=0.05)


def test_closed_lips_are_no_pause() -> None:
    """A silence of 60 ms within a word is passed over for a pause that is not quite as quiet."""
    parts = [stretch("noise", 16), np.zeros(RATE * 6 // 100), stretch("noise", 2), stretch("hiss", 0.4)]
    first, *_ = cut_at_pauses(wav(np.concatenate([*parts, stretch("noise", 14)])))
    assert first.seconds == pytest.approx(18.26, abs=0.05)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 27.9, 28.0])
def test_a_short_one_stays_whole(seconds: float) -> None:
    """What a recogniser takes at once is not even copied."""
    whole = wav(stretch("noise", seconds))
    (piece,) = cut_at_pauses(whole)
    assert piece.clip() is whole
    assert piece.seconds == seconds


@pytest.mark.parametrize("seconds", [30, 40, 46, 48, 64, 90])
def test_no_piece_keeps_the_others_waiting(seconds: int) -> None:
    """With a long pause every two seconds, the longest piece, for which all wait, is at most two above an even one."""
    second = np.concatenate([stretch("noise", 1.2), stretch("hiss", 0.8)])
    pieces = cut_at_pauses(wav(np.tile(second, seconds // 2)))
    assert len(pieces) == math.ceil(seconds / (LONGEST_SECONDS * 5 / 6))
    assert max(piece.seconds for piece in pieces) <= seconds / len(pieces) + 2.0


def test_one_sample_too_many() -> None:
    """A sample above the limit makes two pieces, of which the second is worth listening to."""
    whole = wav_clip(bytes(2 * (28 * WAV_RATE + 1)), sample_rate=WAV_RATE)
    pieces = cut_at_pauses(whole)
    assert len(pieces) == 2
    check(whole, pieces)


def test_a_long_one_is_not_copied() -> None:
    """Cutting a quarter of an hour, and opening its pieces one by one, takes a few megabytes besides the 29 (I9)."""
    whole = wav(np.resize(loud(voice(30.0), -20.0), 15 * 60 * RATE))
    tracemalloc.start()
    try:
        heard = sum(len(pcm_of(piece.clip())) for piece in cut_at_pauses(whole))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert heard == len(pcm_of(whole))
    assert peak < 6e6
