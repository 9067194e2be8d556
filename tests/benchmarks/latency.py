"""Memo in to voice out at the pace that services publish: voicememo and a sequential worker, and the critical path.

For each size of memos and replies the two take turns, memo by memo, so that both meet the same machine. Memo in is the
moment in which the worker says that it has taken the memo: the embedded broker keeps an idle consumer waiting for up to
half a second, which no worker can help. On a real Kafka (`--kafka`) it is the moment in which the event is put on the
topic.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.published import PUBLISHED, PUBLISHED_CONNECT_SECONDS
from tests.benchmarks.report import Section, Verdict, quantile
from tests.benchmarks.sizes import SIZES
from tests.benchmarks.world import world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.critical_path import Script
    from tests.benchmarks.report import Cell
    from tests.benchmarks.sizes import Size
    from tests.benchmarks.world import World

_MAIN_LINE = ("fetch", "decode", "hear", "answer", "speak", "keep-reply", "deliver")
"""The stages that the person waits for, in order; those of the reply's keeping only as far as the send waits for it."""
_WAV_BYTES = 32_000
"""For a second."""


@dataclass(slots=True)
class Waited:
    """What the memos of one size waited, in seconds."""

    size: Size
    script: Script
    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    handed: list[float] = field(default_factory=list)
    """From the topic to the worker."""
    stages: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Times of voicememo's stages, by name."""
    reply_bytes: int = 0
    """What voicememo sent last."""
    troubles: Counter[str] = field(default_factory=Counter)


async def measure(servers: str | None, *, rounds: int, sizes: Sequence[Size] = SIZES) -> list[Section]:
    """Let both answer so many memos of each size; on the embedded broker unless a real one is named."""
    found = []
    for size in sizes:
        async with world(
            servers, reply=size.reply, memo_seconds=size.memo_seconds, words_per_minute=size.words_per_minute
        ) as place:
            found.append(await _measured(place, size, rounds=rounds, real_kafka=servers is not None))
    return [_table(found, rounds=rounds, real_kafka=servers is not None), _stages(found)]


async def _measured(world: World, size: Size, *, rounds: int, real_kafka: bool) -> Waited:
    waited = Waited(size, await size.script(world.memo))
    await world.pace(PUBLISHED, connect_seconds=PUBLISHED_CONNECT_SECONDS)
    ours, plain = await world.worker(LOG_LEVEL="DEBUG"), await world.sequential()
    await asyncio.gather(world.warm(ours), world.warm(plain))
    for _ in range(rounds):
        for worker, times in ((ours, waited.ours), (plain, waited.plain)):
            message = await world.put(worker)
            await world.answered([message])
            taken, sent = worker.taken[message], world.sent[message]
            if sent.text != size.reply:
                raise RuntimeError("a worker did not say the whole reply: the two cannot be compared")
            times.append(sent.at - (world.asked[message] if real_kafka else taken))
            waited.handed.append(taken - world.asked[message])
            if worker is ours:
                waited.reply_bytes = sent.audio_bytes
    await asyncio.gather(ours.stop(), plain.stop())
    for _, stage, seconds in ours.stages:
        waited.stages[stage].append(seconds)
    waited.troubles = ours.troubles + plain.troubles
    return waited


def _table(found: Sequence[Waited], *, rounds: int, real_kafka: bool) -> Section:
    section = Section("latency", f"memo in → voice out, at the published pace, {rounds} memos of each size each (s)")
    section.columns = (
        "", "critical path", "voicememo p50", "p95", "p50 ÷ critical", "p95 ÷ critical",
        "sequential, by formula", "sequential worker p50", "÷ voicememo", "÷ critical",
    )  # fmt: skip
    for each in found:
        section.rows.append(_row(each))
        section.verdicts += _verdicts(each)
        section.notes += [f"trouble ({each.size.name}): {count} × {what}" for what, count in each.troubles.items()]
    section.notes.append(
        "÷ critical, the last column: the most that any worker could be quicker than the sequential one"
    )
    handed = median(seconds for each in found for seconds in each.handed)
    word = "counted" if real_kafka else "not counted"
    section.notes.append(f"from the topic to the worker (in these figures: {word}): {handed:.3f} s")
    for each in found:
        name, pieces = each.size.name, ", ".join(f"{seconds:.0f} s" for seconds in each.script.pieces)
        slow, quick = quantile(each.plain, 0.5), quantile(each.ours, 0.5)
        saved = (slow - quick) / (slow - each.script.critical_seconds())
        section.notes.append(
            f"{name}: heard in pieces of {pieces}; of the time that could be saved, voicememo saves {saved:.0%}"
        )
    return section


def _row(waited: Waited) -> Sequence[Cell]:
    size, script = waited.size, waited.script
    critical, sequence = script.critical_seconds(), script.sequential_seconds()
    p50, p95, slow = quantile(waited.ours, 0.5), quantile(waited.ours, 0.95), quantile(waited.plain, 0.5)
    memo = f"{size.memo_seconds:.0f} s, WAV of {size.memo_seconds * _WAV_BYTES / 1e6:.2f} MB"
    spoken = sum(sentence.seconds for sentence in script.reply)
    name = f"{size.name}: memo of {memo}, reply of {spoken:.0f} s, {waited.reply_bytes / 1e3:.0f} KB"
    ratios = (p50 / critical, p95 / critical)
    return (name, critical, p50, p95, *ratios, sequence, slow, slow / p50, slow / critical)


def _verdicts(waited: Waited) -> list[Verdict]:
    name, critical = waited.size.name, waited.script.critical_seconds()
    p50, p95, slow = quantile(waited.ours, 0.5), quantile(waited.ours, 0.95), quantile(waited.plain, 0.5)
    return [
        Verdict(f"{name}: p50 ÷ critical path", p50 / critical, 1.15),
        Verdict(f"{name}: p95 ÷ critical path", p95 / critical, 1.3),
        Verdict(f"{name}: sequential worker ÷ voicememo, p50", slow / p50, 1.8, at_least=True),
    ]


def _stages(found: Sequence[Waited]) -> Section:
    """Show where the time goes, by stage, and what the script makes each take."""
    section = Section("stages", "where voicememo's time goes, stage by stage (s)")
    names = [each.size.name for each in found]
    section.columns = ("", *(f"{name}, {what}" for name in names for what in ("scripted", "p50", "over")))
    scripted = [each.script.stages() for each in found]
    for stage in _MAIN_LINE:
        cells: list[Cell] = []
        for each, script in zip(found, scripted, strict=True):
            p50, told = quantile(each.stages[stage], 0.5), script.get(stage, 0.0)
            cells += [told, p50, p50 - told]
        section.rows.append((stage, *cells))
    return section
