"""Local engines run as child processes: a slow decode, or a crash in a C library, harms nobody but itself.

An engine is a module of ours that reads its whole standard input, writes its answer to standard output, and ends.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from audio.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

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

    async def stream(self, arguments: Sequence[str], given: bytes) -> AsyncIterator[bytes]:
        """Give what the engine writes, as it comes.

        Raises:
            EngineError: it failed, or did not end in time.
        """
        async with self._slots, self._process(arguments) as process:
            try:
                async with asyncio.timeout(self._deadline_seconds) as scope:
                    feeding = asyncio.create_task(_feed(process.stdin, given))
                    try:
                        while process.stdout is not None and (piece := await process.stdout.read(_PIECE_BYTES)):
                            yield piece
                    finally:
                        feeding.cancel()
                        await asyncio.gather(feeding, return_exceptions=True)
                    status = await process.wait()
            except TimeoutError as late:
                if not scope.expired():
                    raise
                raise EngineError(f"{self._module}: no end within {self._deadline_seconds:g} s") from late
        if status != 0:
            raise EngineError(f"{self._module}: ended with status {status}")

    @asynccontextmanager
    async def _process(self, arguments: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await asyncio.shield(asyncio.ensure_future(process.wait()))


async def _feed(stdin: asyncio.StreamWriter | None, given: bytes) -> None:
    if stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # its exit status says more
        stdin.write(given)
        await stdin.drain()
    stdin.close()
