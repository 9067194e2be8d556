"""Local engines as child processes, so that a C library that crashes or hangs harms only itself."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from audio.errors import EngineError
from audio.uncancelled import started

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence

T = TypeVar("T")

_PIECE_BYTES = 32 * 1024


class Engine:
    """Runner of `python -m module`, which reads its input, writes its answer, and ends."""

    def __init__(self, module: str, *, deadline_seconds: float, processes: int) -> None:
        self._module = module
        self._deadline_seconds = deadline_seconds
        self._slots = asyncio.Semaphore(processes)

    async def stream(self, arguments: Sequence[str], data: bytes) -> AsyncGenerator[bytes]:
        """Stream the output; closing the stream kills the process. Raises EngineError."""
        async with self._slots, started(self._start(arguments), _kill) as process:
            end = asyncio.get_running_loop().time() + self._deadline_seconds
            async with _feeding(process.stdin, data):
                while piece := await self._by(end, _read(process.stdout)):
                    yield piece
            status = await self._by(end, process.wait())
        if status != 0:
            raise EngineError(f"{self._module}: ended with status {status}")

    async def _by(self, end: float, work: Coroutine[None, None, T]) -> T:
        scope = asyncio.timeout_at(end)
        try:
            async with scope:
                return await work
        except TimeoutError as late:
            if not scope.expired():
                raise
            raise EngineError(f"{self._module}: no end within {self._deadline_seconds:g} s") from late

    async def _start(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    while await _read(process.stdout):  # to the end: an unread pipe would stay open
        pass
    await process.wait()


@asynccontextmanager
async def _feeding(stdin: asyncio.StreamWriter | None, data: bytes) -> AsyncIterator[None]:
    # Beside reading its output: either pipe may fill up.
    feeding = asyncio.create_task(_feed(stdin, data))
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _read(stdout: asyncio.StreamReader | None) -> bytes:
    return await stdout.read(_PIECE_BYTES) if stdout is not None else b""


async def _feed(stdin: asyncio.StreamWriter | None, data: bytes) -> None:
    if stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # its exit status says more
        stdin.write(data)
        await stdin.drain()
    stdin.close()
