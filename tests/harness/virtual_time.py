"""An event loop whose clock jumps to the next timer when nothing else is ready: hours pass at once, and always alike.

    @in_virtual_time
    async def test_an_hour_passes() -> None:
        await asyncio.sleep(3600)

`asyncio.get_running_loop().time` is the clock to inject. Work in threads (asyncio.to_thread) is waited for in real
time, while the clock stands still. Sockets and subprocesses are not known to the clock: keep them out.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

T = TypeVar("T")
P = ParamSpec("P")

_RESOLUTION_SECONDS = 1e-9
"""Above what rounding may take from a jump, below any difference that a test would make."""


class Deadlock(RuntimeError):
    """Nothing is ready, no timer runs, no thread works: the test would wait for ever."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0 and is counted in seconds that do not really pass."""

    def __init__(self) -> None:
        self._now = 0.0
        self._threads = 0
        self.mishaps: list[dict[str, Any]] = []
        """What a callback raised, or a task that was not awaited: any other loop would only log it."""
        super().__init__(_JumpingSelector(self))
        self._clock_resolution = _RESOLUTION_SECONDS

    def time(self) -> float:
        """Tell the time, in seconds since the loop was made."""
        return self._now

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Run in a thread; the clock does not jump before the thread has answered."""
        self._threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_answered)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:  # noqa: ANN401 (3.12 added a timeout)
        """Wait for the threads to end, as at the end of any loop."""
        self._threads += 1
        await super().shutdown_default_executor(*args)
        self._threads -= 1

    def _thread_answered(self, _: object) -> None:
        self._threads -= 1

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong where it could not be caught."""
        self.mishaps.append(context)

    @property
    def awaits_threads(self) -> bool:
        """Whether a thread still works: nothing else could have anything ready."""
        return self._threads > 0

    def jump(self, seconds: float | None) -> bool:
        """Let these seconds pass; False when they may not, for a thread still works.

        Raises:
            Deadlock: there is no timer to jump to, and nothing that could still wake us.
        """
        if self._threads:
            return False
        if seconds is None:
            raise Deadlock("nothing is ready and no timer runs")
        self._now += seconds
        return True


class _JumpingSelector(selectors.DefaultSelector):
    """Lets the loop's clock jump where it would have waited; asks the system only while a thread may have an answer."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return super().select(0) if self._loop.awaits_threads else []
        return [] if self._loop.jump(timeout) else super().select(None)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in virtual time; a callback that raised, or an error that was not awaited, fails the test."""
    loop = VirtualTimeLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        ended = runner.run(main)
    assert not loop.mishaps, loop.mishaps
    return ended


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a plain test of an async one, which runs in virtual time."""

    @functools.wraps(test)
    def plain(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return plain
