"""Waiting for what another task or process brings about."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


@overload
async def until(
    condition: Callable[[], Awaitable[T]], what: str | None = None, *, seconds: float = ..., pause_seconds: float = ...
) -> T: ...
@overload
async def until(
    condition: Callable[[], T], what: str | None = None, *, seconds: float = ..., pause_seconds: float = ...
) -> T: ...
async def until(
    condition: Callable[[], object], what: str | None = None, *, seconds: float = 60.0, pause_seconds: float = 0.005
) -> object:
    """Poll a condition until it holds, and return its value.

    Args:
        condition: a plain or an async function; it holds when its value is true.
        what: the condition in words, for the failure; its source where it says enough.
        seconds: the longest wait.
        pause_seconds: between two polls.

    Raises:
        AssertionError: it did not hold in time.
    """
    try:
        return await asyncio.wait_for(_polled(condition, pause_seconds), seconds)
    except TimeoutError:
        raise AssertionError(f"waited {seconds:g} s in vain: {what or _source(condition)}") from None


async def _polled(condition: Callable[[], object], pause_seconds: float) -> object:
    while True:
        held = condition()
        if inspect.isawaitable(held):
            held = await held
        if held:
            return held
        await asyncio.sleep(pause_seconds)


def _source(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):  # of what is built in
        return repr(condition)
