"""Cutting a long recording: nothing lost, nothing twice, each piece short enough, each cut in a pause."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.pieces import LONGEST_SECONDS, Piece, cut
from audio.transcode import WAV_RATE, pcm_of, wav_clip
from tests.unit.audio.recordings import RATE, Samples, loud, pcm, tone, voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audio.clip import Clip

NOISE = loud(np.random.default_rng(5).normal(size=8 * RATE), -20.0)
"""Eight seconds of a voice that never closes its mouth."""

stretches = st.tuples(st.sampled_from(["silence", "hiss", "noise", "tone"]), st.floats(0.01, 20.0))
talks = st.lists(st.tuples(st.floats(0.5, 6.0), st.floats(0.3, 1.4)), min_size=8, max_size=24)
"""(Seconds of speech, seconds of the pause after it): the last third of any piece holds a pause."""


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


def check(whole: Clip, pieces: Sequence[Piece]) -> None:
    """Check what holds for any recording."""
    assert b"".join(pcm_of(piece.clip()) for piece in pieces) == pcm_of(whole)
    assert all(piece.clip().seconds == piece.seconds <= LONGEST_SECONDS for piece in pieces)
    assert all(piece.seconds >= LONGEST_SECONDS * 2 / 3 for piece in pieces[:-1])
    assert len(pieces) == 1 or pieces[-1].seconds >= 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(stretches, max_size=12))
def test_nothing_is_lost(parts: list[tuple[str, float]]) -> None:
    """The pieces of any recording, put together, are the recording; each is short enough, and none is tiny."""
    whole = wav(np.concatenate([np.zeros(0), *(stretch(*part) for part in parts)]))
    check(whole, cut(whole))


@settings(max_examples=60, deadline=None)
@given(talks)
def test_cuts_fall_into_pauses(talk: list[tuple[float, float]]) -> None:
    """Where somebody pauses, no cut goes through what they say."""
    parts = [part for said, pause in talk for part in (stretch("noise", said), stretch("hiss", pause))]
    whole = wav(np.concatenate(parts))
    pieces = cut(whole)
    check(whole, pieces)
    samples = np.frombuffer(pcm_of(whole), "<i2")
    for piece in pieces[:-1]:
        around = samples[piece.end - RATE // 50 : piece.end + RATE // 50]
        assert np.abs(around).max() < 100


def test_the_longest_pause_is_taken() -> None:
    """A breath between sentences is preferred to the shorter one between words, in its middle."""
    parts = [stretch("noise", 20), stretch("hiss", 0.2), stretch("noise", 2), stretch("hiss", 0.6), stretch("noise", 9)]
    first, *_ = cut(wav(np.concatenate(parts)))
    assert first.seconds == pytest.approx(22.5, abs=0.03)


def test_closed_lips_are_no_pause() -> None:
    """A silence of 60 ms within a word is passed over for a pause that is not quite as quiet."""
    parts = [stretch("noise", 20), np.zeros(RATE * 6 // 100), stretch("noise", 2), stretch("hiss", 0.4)]
    first, *_ = cut(wav(np.concatenate([*parts, stretch("noise", 9)])))
    assert first.seconds == pytest.approx(22.26, abs=0.05)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 27.9, 28.0])
def test_a_short_one_stays_whole(seconds: float) -> None:
    """What a recogniser takes at once is not even copied."""
    whole = wav(stretch("noise", seconds))
    (piece,) = cut(whole)
    assert piece.clip() is whole
    assert piece.seconds == seconds


def test_one_sample_too_many() -> None:
    """A sample above the limit makes two pieces, of which the second is worth listening to."""
    whole = wav_clip(bytes(2 * (28 * WAV_RATE + 1)), sample_rate=WAV_RATE)
    pieces = cut(whole)
    assert len(pieces) == 2
    check(whole, pieces)


def test_a_long_one_is_not_copied() -> None:
    """Cutting a quarter of an hour, and opening its pieces one by one, takes a few megabytes beside the 29 (I9)."""
    whole = wav(np.resize(loud(voice(30.0), -20.0), 15 * 60 * RATE))
    tracemalloc.start()
    try:
        heard = sum(len(pcm_of(piece.clip())) for piece in cut(whole))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert heard == len(pcm_of(whole))
    assert peak < 6e6
