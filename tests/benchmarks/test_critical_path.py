"""The formula that measured times are held against."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.pace import Speed
from tests.benchmarks.critical_path import Script, Sentence
from tests.benchmarks.published import PUBLISHED

SPEEDS = {
    "series.media": Speed(first_seconds=1),
    "series.send": Speed(first_seconds=2),
    "archive.put": Speed(first_seconds=10),
    "archive.get": Speed(first_seconds=20),
    "whisper": Speed(first_seconds=4, heard_factor=0.5),
    "llama": Speed(first_seconds=8, tokens_per_second=2),
    "elevenlabs": Speed(first_seconds=16, spoken_factor=4),
}
times = st.floats(0, 100)
speeds = st.fixed_dictionaries(
    {service: st.builds(Speed, times, times, st.floats(0.1, 1000), st.floats(0.1, 1000)) for service in SPEEDS}
)
replies = st.lists(st.builds(Sentence, st.integers(1, 50), times), max_size=6)


def test_one_sentence() -> None:
    """All that a reply of one sentence waits for stands one after the other."""
    script = Script(SPEEDS, memo_seconds=6, reply=[Sentence(tokens=5, seconds=8)])
    assert script.critical_seconds() == 1 + (4 + 3) + (8 + 2) + (16 + 2) + 2


def test_the_last_sentence_decides() -> None:
    """Of equal sentences the earlier ones are spoken while the later ones are written."""
    sentence = Sentence(tokens=5, seconds=8)
    one = Script(SPEEDS, 6, [sentence])
    three = Script(SPEEDS, 6, [sentence] * 3)
    assert three.critical_seconds() - one.critical_seconds() == pytest.approx(10 / 2)


def test_a_long_first_sentence_decides() -> None:
    """A sentence that takes longer to speak than the next one to write is what is waited for."""
    script = Script(SPEEDS, 6, [Sentence(5, 800), Sentence(5, 8)])
    assert script.critical_seconds() == Script(SPEEDS, 6, [Sentence(5, 800)]).critical_seconds()


def test_the_longest_piece_decides() -> None:
    """Pieces of a memo are heard side by side; the sequential path hears the whole."""
    whole = Script(SPEEDS, 60, [Sentence(5, 8)])
    cut = replace(whole, pieces=(20, 28, 12))
    assert whole.critical_seconds() - cut.critical_seconds() == (60 - 28) * 0.5
    assert cut.sequential_seconds() == whole.sequential_seconds()
    assert cut.stages()["hear"] == 4 + 28 * 0.5


def test_one_after_the_other() -> None:
    """In sequence the reply is spoken when it is written, and the archive is waited for three times, and once read."""
    script = Script(SPEEDS, 6, [Sentence(5, 8), Sentence(4, 4)])
    assert script.sequential_seconds() == 1 + 50 + (4 + 3) + (8 + 4) + (16 + 3) + 2


@given(speeds, st.lists(times, min_size=1, max_size=4), replies)
def test_the_critical_path_is_never_longer(
    speeds: dict[str, Speed], pieces: list[float], reply: list[Sentence]
) -> None:
    """Nothing that is done side by side takes longer than one after the other, nor does a quicker service."""
    script = Script(speeds, sum(pieces), reply, pieces)
    assert script.critical_seconds() <= script.sequential_seconds() + 1e-6
    assert script.critical_seconds() <= replace(script, pieces=()).critical_seconds()
    quicker = {service: replace(speed, first_seconds=speed.first_seconds / 2) for service, speed in speeds.items()}
    assert replace(script, speeds=quicker).critical_seconds() <= script.critical_seconds() + 1e-6


def test_the_published_pace_is_that_of_the_original() -> None:
    """With the published figures the sequential path lies within the 3 to 6 s that the original architecture names."""
    script = Script(PUBLISHED, 16, [Sentence(12, 3.5)] * 4)
    assert 3 < script.sequential_seconds() < 6


@given(speeds, st.lists(times, min_size=1, max_size=4), replies)
def test_the_stages_add_up(speeds: dict[str, Speed], pieces: list[float], reply: list[Sentence]) -> None:
    """What each stage waits for makes up the critical path, where there is anything to say."""
    script = Script(speeds, sum(pieces), reply, pieces)
    if reply:
        assert sum(script.stages().values()) == pytest.approx(script.critical_seconds())
