"""`make bench`: what voicememo costs, beside what cannot be had cheaper. Everything is on loopback.

Ratios are of runs that alternate, so that they hold though the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys

from tests.benchmarks import codecs, flight, startup


async def main() -> None:
    """Run the benchmarks, one after the other."""
    arguments = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=10, help="runs of each kind (default: 10)")
    arguments.add_argument("--memos", type=int, default=64, help="memos in flight at once (default: 64)")
    chosen = arguments.parse_args()
    _say(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()}")
    _say("")
    for line in await codecs.measure(chosen.rounds):
        _say(line)
    _say("")
    for line in await startup.measure(chosen.rounds):
        _say(line)
    _say("")
    for line in await flight.measure(chosen.memos):
        _say(line)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
