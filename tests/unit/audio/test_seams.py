"""Takes that were spoken apart are heard as one: no click, no gap but a breath, nothing of the sound lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.seams import SpokenPiece

RATE = 24_000


def tone(seconds: float, *, level: float = 8000.0) -> np.ndarray:
    """A tone that begins and ends where the wave is not at rest."""
    return (level * np.cos(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype("<i2")


def silence(seconds: float) -> np.ndarray:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), "<i2")


def taken(*sound: np.ndarray, size: int = 997) -> np.ndarray:
    """Feed a take in pieces of so many samples."""
    take, whole = SpokenPiece(RATE), np.concatenate(sound)
    pieces = [take.feed(whole[at : at + size].tobytes()) for at in range(0, whole.size, size)]
    return np.frombuffer(b"".join([*pieces, take.end()]), "<i2")


@pytest.mark.parametrize("before", [0.0, 0.01, 0.5, 3.0])
@pytest.mark.parametrize("after", [0.0, 0.01, 0.5, 3.0])
def test_silence_is_measured(before: float, after: float) -> None:
    """However much silence a voice puts around a take, it comes out with little before it and a breath after it."""
    out = taken(silence(before), tone(1), silence(after))
    assert 1.26 <= out.size / RATE <= 1.33


def test_no_click() -> None:
    """A take that begins and ends in the middle of a wave does so without a step that the wave itself has not."""
    out = np.concatenate([taken(tone(0.5)), taken(tone(0.5))]).astype(int)
    assert np.abs(np.diff(tone(0.5).astype(int))).max() * 1.2 > np.abs(np.diff(out)).max()
    assert abs(int(out[0])) < 100


def test_pauses_within_are_kept() -> None:
    """A pause inside a take is a pause of the voice: it stays as long as it is."""
    for pause in (0.2, 0.9, 1.5, 4.0):
        assert taken(tone(0.3), silence(pause), tone(0.3)).size / RATE == pytest.approx(0.86 + pause, abs=0.01)


def test_nothing_said() -> None:
    """Silence, and no sound at all, leave nothing, so that they can be recognised."""
    assert taken(silence(2)).size == 0
    assert SpokenPiece(RATE).end() == b""


@given(st.integers(16, 5000), st.floats(0, 1.2))
def test_pieces_do_not_matter(size: int, pause: float) -> None:
    """However the network cuts it, the same is heard; and the middle of the sound is untouched."""
    sound = (tone(0.2), silence(pause), tone(0.2))
    out = taken(*sound, size=size)
    assert np.array_equal(out, taken(*sound, size=100_000))
    middle = np.concatenate(sound)[200:-200]
    assert np.array_equal(out[200 : 200 + middle.size], middle)
