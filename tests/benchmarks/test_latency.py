"""The sizes that are compared, and that what is measured of them is what they say."""

from __future__ import annotations

import pytest

from conversation.speakable.sentences import Sentences, join_sentences
from sandbox.pace import Speed
from tests.benchmarks import latency
from tests.benchmarks.critical_path import Script, Sentence
from tests.benchmarks.published import PUBLISHED
from tests.benchmarks.sizes import SIZES, Size
from tests.benchmarks.world import world


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_a_reply_is_spoken_whole(size: Size) -> None:
    """No reply is longer than voicememo speaks, nor has anything in it that is spoken in other words."""
    cutter = Sentences("en")
    assert join_sentences(cutter.feed(size.reply) + cutter.end(), "en") == size.reply


def test_the_sizes_are_those_of_the_original() -> None:
    """From the lower end to the upper one, with the middle between: WAVs of 0.5, 1.25 and 2 MB."""
    assert [round(size.memo_seconds * 32_000 / 1e6, 1) for size in SIZES] == [0.5, 1.3, 2.0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
async def test_the_script_is_of_what_is_sent(size: Size) -> None:
    """The memo is as long as its size says, and cut as voicememo cuts it; the reply has 100 to 400 KB of M4A."""
    async with world(reply=size.reply, memo_seconds=size.memo_seconds) as place:
        script = await size.script(place.memo)
    assert sum(script.pieces) == pytest.approx(size.memo_seconds, abs=0.1)
    assert len(script.pieces) == (1 if size.memo_seconds < 28 else 2 if size.memo_seconds < 56 else 3)
    kilobytes = sum(sentence.seconds for sentence in script.reply) * 64 / 8
    assert 100 < kilobytes < 420
    assert script.sequential_seconds() > script.critical_seconds()


def test_each_size_is_judged() -> None:
    """A size is a row of times and ratios with three verdicts, and a stage a row of what it took over its script."""
    speeds = {service: Speed(first_seconds=1) for service in PUBLISHED}
    script = Script(speeds, 40, [Sentence(1, 5)], pieces=[25, 15])
    found = latency.Waited(SIZES[1], script, ours=[5.5, 6.0, 8.0], plain=[10.5, 11.0, 12.0], handed=[0.1])
    for stage in latency._MAIN_LINE:
        found.stages[stage].append(1.25)
    table, stages = latency._table([found], rounds=3, real_kafka=False), latency._stages([found])
    assert list(table.rows[0][1:]) == [5, 6, 8, 1.2, 1.6, 9, 11, 11 / 6, 11 / 5]
    assert [verdict.met for verdict in table.verdicts] == [False, False, True]
    assert [row[0] for row in stages.rows] == list(latency._MAIN_LINE)
    assert list(stages.rows[0]) == ["fetch", 1, 1.25, 0.25]
    assert list(stages.rows[1]) == ["decode", 0, 1.25, 1.25]
