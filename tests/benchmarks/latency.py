"""Memo in to voice out at the pace that services publish: voicememo beside a sequential worker, and the critical path.

The two take turns, memo by memo, so that both meet the same machine. Memo in is the moment in which the worker says
that it has taken the memo: the embedded broker keeps an idle consumer waiting for up to half a second, which no worker
can help. On a real Kafka (`--kafka`) it is the moment in which the event is put on the topic.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from statistics import mean, median
from typing import TYPE_CHECKING

from providers.sentences import split
from sandbox.pace import PUBLISHED, PUBLISHED_CONNECT_SECONDS
from tests.benchmarks.bare import SPEECH_RATE
from tests.benchmarks.critical_path import Script, Sentence
from tests.benchmarks.report import Section, Verdict, quantile
from tests.benchmarks.upstreams import REPLY, RehearsedMind
from tests.benchmarks.world import MEMO_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.world import Worker, World

_MAIN_LINE = ("fetch", "decode", "hear", "answer", "speak", "keep-reply", "deliver")
"""The stages that the person waits for, in order; those of the reply's keeping only as far as the send waits for it."""
_SAMPLE_BYTES = 2


async def measure(world: World, *, rounds: int, real_kafka: bool) -> Section:
    """Let both answer so many memos."""
    script = await published()
    await world.pace(PUBLISHED, connect_seconds=PUBLISHED_CONNECT_SECONDS)
    ours, plain = await world.worker(LOG_LEVEL="DEBUG"), await world.sequential()
    await asyncio.gather(world.warm(ours), world.warm(plain))
    waited: dict[int, list[float]] = defaultdict(list)
    handed = []
    for _ in range(rounds):
        for worker in (ours, plain):
            message = await world.put(worker)
            await world.answered([message])
            taken = worker.taken[message]
            begun = world.asked[message] if real_kafka else taken
            waited[worker.pid].append(world.sent[message].at - begun)
            handed.append(taken - world.asked[message])
    section = _section(script, waited[ours.pid], waited[plain.pid])
    section.rows += _stages(script, ours)
    section.notes.append(
        f"from the topic to the worker (in these figures: {_word(real_kafka)}): {median(handed):.3f} s"
    )
    section.notes += [
        f"trouble: {count} × {what}" for worker in (ours, plain) for what, count in worker.troubles.items()
    ]
    await asyncio.gather(ours.stop(), plain.stop())
    return section


async def published() -> Script:
    """Give the script of the published pace, with the reply as it is spoken here."""
    mind, sentences = RehearsedMind(), []
    for sentence in split(REPLY):
        pcm = await mind.speak(sentence, language="en", sample_rate=SPEECH_RATE)
        sentences.append(Sentence(len(sentence.split()), len(pcm) / _SAMPLE_BYTES / SPEECH_RATE))
    return Script(PUBLISHED, MEMO_SECONDS, sentences)


def _section(script: Script, ours: Sequence[float], plain: Sequence[float]) -> Section:
    critical, sequence = script.critical_seconds(), script.sequential_seconds()
    section = Section("latency", f"memo in → voice out, at the published pace, {len(ours)} memos each (s)")
    section.columns = ("", "p50", "p95", "longest", "mean", "p50 ÷ critical")
    for name, waited in (("sequential worker", plain), ("voicememo", ours)):
        p50 = quantile(waited, 0.5)
        section.rows.append((name, p50, quantile(waited, 0.95), max(waited), mean(waited), p50 / critical))
    for name, seconds in (("critical path, by formula", critical), ("sequential path, by formula", sequence)):
        section.rows.append((name, seconds, "", "", "", seconds / critical))
    p50, p95 = quantile(ours, 0.5), quantile(ours, 0.95)
    slow = quantile(plain, 0.5)
    section.verdicts = [
        Verdict("p50 ÷ critical path", p50 / critical, 1.15),
        Verdict("p95 ÷ critical path", p95 / critical, 1.3),
        Verdict("sequential worker ÷ voicememo, p50", slow / p50, 1.8, at_least=True),
    ]
    section.notes.append(f"the most that any worker could be quicker than the sequential one: {slow / critical:.2f} ×")
    section.notes.append(f"of the time that could be saved, voicememo saves {(slow - p50) / (slow - critical):.0%}")
    return section


def _stages(script: Script, worker: Worker) -> list[Sequence[str | float]]:
    """Say where the time goes, stage by stage, beside what the script makes each take."""
    took = defaultdict(list)
    for _, stage, seconds in worker.stages:
        took[stage].append(seconds)
    scripted = script.stages()
    return [_stage(name, took, scripted) for name in _MAIN_LINE if took[name]]


def _stage(name: str, took: Mapping[str, Sequence[float]], scripted: Mapping[str, float]) -> Sequence[str | float]:
    seconds = took[name]
    p50, script = quantile(seconds, 0.5), scripted.get(name, 0.0)
    return (f"  {name}, scripted {script:.3f}", p50, quantile(seconds, 0.95), max(seconds), mean(seconds), "")


def _word(real_kafka: bool) -> str:  # noqa: FBT001 (a word for a flag)
    return "counted" if real_kafka else "not counted"
