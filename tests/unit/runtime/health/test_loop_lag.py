"""The lag that the loop measures itself."""

from __future__ import annotations

import asyncio

import pytest

from runtime.health.loop_lag import LoopLag
from tests.harness.virtual_time import VirtualTimeLoop, in_virtual_time


@in_virtual_time
async def test_an_idle_loop_is_never_late() -> None:
    """An idle loop has no lag; all listeners are called."""
    felt: list[float] = []
    heard: list[float] = []
    async with LoopLag(felt.append, heard.append, interval_seconds=0.25):
        await asyncio.sleep(1.1)
    assert felt == pytest.approx([0, 0, 0, 0], abs=1e-6)
    assert heard == felt


@in_virtual_time
async def test_a_long_stall_counts_for_each_look_that_it_cost() -> None:
    """A stall counts with its whole length, and again for each measurement that it cost."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    felt: list[float] = []
    async with LoopLag(felt.append, interval_seconds=0.25):
        await asyncio.sleep(0)
        loop._now += 1.0  # as if something had blocked for so long
        await asyncio.sleep(0.01)
    assert felt == pytest.approx([0.75, 0.5, 0.25], abs=1e-6)


@in_virtual_time
async def test_nothing_is_left_behind() -> None:
    """After the block nothing is measured."""
    felt: list[float] = []
    async with LoopLag(felt.append, interval_seconds=0.25):
        await asyncio.sleep(0.3)
    await asyncio.sleep(5)
    assert len(felt) == 1
