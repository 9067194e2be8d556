"""Local engines run as child processes: a slow decode, or a crash in a C library, harms nobody but itself.

An engine is a module of ours that reads its whole standard input, writes its answer to standard output, and ends.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from audio.bench import to_the_end
from audio.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence

T = TypeVar("T")

_PIECE_BYTES = 32 * 1024


class Engine:
    """Starts one module, again and again, and never too many at once.

    Args:
        module: what to run, as for `python -m`.
        deadline_seconds: from its start to its end, in seconds.
        processes: how many may run at once.
    """

    def __init__(self, module: str, *, deadline_seconds: float, processes: int) -> None:
        self._module = module
        self._deadline_seconds = deadline_seconds
        self._slots = asyncio.Semaphore(processes)

    async def stream(self, arguments: Sequence[str], given: bytes) -> AsyncGenerator[bytes]:
        """Give what the engine writes, as it comes. Who may leave early closes it: then the process is gone.

        Raises:
            EngineError: it failed, or did not end in time.
        """
        async with self._slots, self._process(arguments) as process:
            end = asyncio.get_running_loop().time() + self._deadline_seconds
            async with _fed(process.stdin, given):
                while piece := await self._by(end, _read(process.stdout)):
                    yield piece
            status = await self._by(end, process.wait())
        if status != 0:
            raise EngineError(f"{self._module}: ended with status {status}")

    async def _by(self, end: float, work: Coroutine[None, None, T]) -> T:
        """Do one thing before the deadline. What waits between two of them is the reader, whose time is not ours."""
        scope = asyncio.timeout_at(end)
        try:
            async with scope:
                return await work
        except TimeoutError as late:
            if not scope.expired():
                raise
            raise EngineError(f"{self._module}: no end within {self._deadline_seconds:g} s") from late

    @asynccontextmanager
    async def _process(self, arguments: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
        started: list[asyncio.subprocess.Process] = []
        try:
            # To the end: asyncio, cancelled while it starts a program, may leave it running.
            await to_the_end(self._start(arguments, started))
            yield started[0]
        finally:
            for process in started:
                await _put_down(process)

    async def _start(self, arguments: Sequence[str], started: list[asyncio.subprocess.Process]) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        started.append(process)


async def _put_down(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(asyncio.ensure_future(_reaped(process)))


async def _reaped(process: asyncio.subprocess.Process) -> None:
    """See it end, and read its output to the end: an unread pipe would stay open."""
    while await _read(process.stdout):
        pass
    await process.wait()


@asynccontextmanager
async def _fed(stdin: asyncio.StreamWriter | None, given: bytes) -> AsyncIterator[None]:
    """Write its input beside reading its output: either side may fill its pipe first."""
    feeding = asyncio.create_task(_feed(stdin, given))
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _read(stdout: asyncio.StreamReader | None) -> bytes:
    return await stdout.read(_PIECE_BYTES) if stdout is not None else b""


async def _feed(stdin: asyncio.StreamWriter | None, given: bytes) -> None:
    if stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # its exit status says more
        stdin.write(given)
        await stdin.drain()
    stdin.close()
