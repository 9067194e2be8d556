"""`make bench`: what voicememo costs, compared with the unavoidable. Everything is on loopback.

Ratios are of runs that take turns, so that they hold though the machine's speed drifts. The exit status is 1 where
something was asked and missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import codecs, coders, cpu, flight, intake, latency, scale, soak, startup, throughput
from tests.benchmarks.processes import machine
from tests.benchmarks.upstreams import REPLY
from tests.benchmarks.world import MEMO_SECONDS, world
from tests.integration.kafka.broker import NoKafka

if TYPE_CHECKING:
    from tests.benchmarks.report import Section
    from tests.benchmarks.world import World

_SECTIONS = ("codecs", "startup", "latency", "cpu", "throughput", "flight", "soak", "intake", "scale")
_BY_DEFAULT = _SECTIONS[:6]


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What is measured, and how often."""

    sections: tuple[str, ...]
    rounds: int
    memos: int
    soak_memos: int
    events: int
    kafka: bool
    json: Path | None
    speech: tuple[Path, ...]


def _wishes() -> _Wishes:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", help=f"sections, with commas between: {', '.join(_SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=12, help="runs of each kind (default: 12)")
    parser.add_argument("--memos", type=int, default=120, help="memos in a run for throughput (default: 120)")
    parser.add_argument("--soak", action="store_true", help="thousands of memos as well; takes many minutes")
    parser.add_argument("--soak-memos", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--intake", action="store_true", help="events from a real Kafka as well; needs Java")
    parser.add_argument("--scale", action="store_true", help="one to four workers on a real Kafka; needs Java")
    parser.add_argument("--events", type=int, default=300_000, help="how many (default: 300000)")
    parser.add_argument("--kafka", action="store_true", help="a real Kafka, not the embedded broker; needs Java")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--speech", type=Path, nargs="+", default=[], help="recordings to judge AAC by, besides ours")
    told = parser.parse_args()
    sections = tuple(told.only.split(",")) if told.only else _BY_DEFAULT
    sections += tuple(name for name in _SECTIONS[6:] if getattr(told, name) and name not in sections)
    if unknown := set(sections) - set(_SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return _Wishes(
        sections, told.rounds, told.memos, told.soak_memos, told.events, told.kafka, told.json, (*told.speech,)
    )


async def main(wishes: _Wishes) -> int:
    """Run the benchmarks, one after the other; give the exit status."""
    about = {"python": platform.python_version(), "machine": platform.machine(), **machine()}
    _say(", ".join(f"{name} {value}" for name, value in about.items()))
    found = []
    for name in wishes.sections:
        load = machine()["load_1_minute"]
        try:
            sections = await _measured(name, wishes)
        except NoKafka as reason:
            _say(f"\n{name}: skipped, there is no real Kafka: {reason}")
            continue
        sections[-1].notes.append(
            f"load of the machine (1 minute): {load:.1f} before, {machine()['load_1_minute']:.1f} after"
        )
        for section in sections:
            _say("", *section.lines())
        found += sections
    if wishes.json is not None:
        report = {"machine": about, "sections": [section.as_json() for section in found]}
        await asyncio.to_thread(wishes.json.write_text, json.dumps(report, indent=1, ensure_ascii=False))
    missed = [verdict for section in found for verdict in section.verdicts if not verdict.met and not verdict.excuse]
    return 1 if missed else 0


async def _measured(name: str, wishes: _Wishes) -> list[Section]:
    if name == "codecs":
        heard = await coders.measure(wishes.rounds, recordings=wishes.speech)
        return [await codecs.measure(wishes.rounds), heard]
    if name == "startup":
        return [await startup.measure(wishes.rounds)]
    async with AsyncExitStack() as closing:
        servers = None
        if wishes.kafka or name in {"intake", "scale"}:
            servers = await closing.enter_async_context(intake.kafka())
        if name == "latency":
            return await latency.measure(servers, rounds=wishes.rounds)
        short = name in {"soak", "flight", "scale"}
        clips = (flight.REPLY, flight.MEMO_SECONDS) if short else (REPLY, MEMO_SECONDS)
        place = await closing.enter_async_context(world(servers, reply=clips[0], memo_seconds=clips[1]))
        return [await _measured_in(place, name, wishes)]


async def _measured_in(place: World, name: str, wishes: _Wishes) -> Section:
    match name:
        case "cpu":
            section = await cpu.measure(place, rounds=max(1, wishes.rounds // 3), memos=16)
        case "throughput":
            section = await throughput.measure(place, rounds=max(1, wishes.rounds // 4), memos=wishes.memos)
        case "flight":
            section = await flight.measure(place)
        case "scale":
            section = await scale.measure(place)
        case "soak":
            section = await soak.measure(place, memos=wishes.soak_memos)
        case _:
            section = await intake.measure(place, events=wishes.events)
    return section


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_wishes())))
