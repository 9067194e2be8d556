"""A private scratch directory, and programs (ffmpeg) run in it under one time budget."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from audio.errors import TranscodeTimeout
from audio.uncancelled import in_thread, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from audio.errors import TranscodeError

T = TypeVar("T")

_PREFIX = "voicememo-bench-"
_JUST_MADE_SECONDS = 60.0
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
_OUTPUT_BYTES = 64 * 1024
_LAST_WORDS = 300
_PATHS = re.compile(r"(?:file:|/)[^\s'\"]+")
_ADDRESSES = re.compile(r" @ 0x[0-9a-f]+")
_NOT_ASCII = re.compile(r"[^ -~]+")


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended by itself."""

    status: int
    output: str  # the last 64 KiB of standard output and standard error

    @property
    def last_words(self) -> str:
        """The end of the output on one line, without paths, addresses and non-ASCII."""
        words = " ".join(self.output.split())
        for pattern, instead in ((_PATHS, "(file)"), (_ADDRESSES, "")):
            words = pattern.sub(instead, words)
        return _NOT_ASCII.sub("?", words)[-_LAST_WORDS:]


class TimeBudget:
    """Seconds for programs in all; waiting for their input does not count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left_seconds = seconds

    async def wait(self, work: Awaitable[T]) -> T:
        """Await something that a program must do. Raises TranscodeTimeout."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        scope = asyncio.timeout(self._left_seconds)
        try:
            async with scope:
                return await work
        except TimeoutError as late:
            if not scope.expired():
                raise
            raise TranscodeTimeout(f"no end within {self._seconds:g} s") from late
        finally:
            self._left_seconds -= loop.time() - began


class Program:
    """A running program."""

    def __init__(self, process: asyncio.subprocess.Process, budget: TimeBudget) -> None:
        self._process = process
        self._budget = budget
        self._output = asyncio.create_task(_tail(process.stdout))

    async def write(self, piece: bytes) -> bool:
        """Write to its input; return whether it takes more. Raises TranscodeTimeout."""
        stdin = self._process.stdin
        if stdin is None or self._process.returncode is not None:
            return False
        try:
            stdin.write(piece)
            await self._budget.wait(stdin.drain())
        except (BrokenPipeError, ConnectionResetError):
            return False  # its exit status and its last words say more
        return True

    async def finish(self) -> Exit:
        """Close its input and wait for its end. Raises TranscodeTimeout."""
        self._close_input()
        status = await self._budget.wait(self._process.wait())
        output = await self._budget.wait(asyncio.shield(self._output))
        return Exit(status, output.decode(errors="replace"))

    async def kill(self) -> None:
        """Kill and reap it, and read its output to the end: an unread pipe would stay open."""
        self._close_input()
        if self._process.returncode is None or not self._output.done():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._output

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


@dataclass(frozen=True, slots=True)
class ScratchDir:
    """A private directory, and the time budget of its programs."""

    path: Path
    budget: TimeBudget
    failure: type[TranscodeError]

    async def read(self, name: str) -> bytes:
        """Read a file, or b"" if it was never written. Raises `failure`."""
        file = self.path / name
        return await _disk_work(self.failure, lambda: file.read_bytes() if file.exists() else b"")

    def running(self, command: Sequence[str], *, with_input: bool = False) -> AbstractAsyncContextManager[Program]:
        """Run a program, with input from us or none, no longer than the block. Raises `failure`."""
        return started(self._start(command, with_input=with_input), Program.kill)

    async def _start(self, command: Sequence[str], *, with_input: bool) -> Program:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if with_input else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.path,  # so its messages hold no path of ours
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},  # so it sees no key
                start_new_session=True,  # so its children end with it
            )
        except OSError as error:
            raise self.failure(f"ffmpeg cannot be started: {error.strerror}") from error
        return Program(process, self.budget)

    async def run(self, command: Sequence[str]) -> Exit:
        """Run a program without input to its end."""
        async with self.running(command) as program:
            return await program.finish()


@asynccontextmanager
async def scratch_dir(
    failure: type[TranscodeError], *, seconds: float, files: Mapping[str, bytes] | None = None
) -> AsyncIterator[ScratchDir]:
    """Make a scratch directory for a block; `failure` is raised when the machine refuses."""
    made: list[_LockedDir] = []

    def set_up() -> None:
        made.append(_LockedDir())
        for name, data in (files or {}).items():
            (made[0].path / name).write_bytes(data)

    try:
        await _disk_work(failure, set_up)
        yield ScratchDir(made[0].path, TimeBudget(seconds), failure)
    finally:
        for folder in made:
            await in_thread(folder.remove)


class _LockedDir:  # locked until this process ends, however it ends (flock(2))
    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned_dirs(*, older_than_seconds: float = _JUST_MADE_SECONDS) -> int:
    """Remove the scratch directories of killed processes; return how many. Blocks."""
    youngest = time.time() - older_than_seconds
    abandoned = [path for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_abandoned(path, youngest)]
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)
    return len(abandoned)


def _is_abandoned(path: Path, youngest: float) -> bool:
    try:
        if path.stat().st_mtime > youngest:
            return False
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # removed in between, another user's, or no directory
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)


async def _disk_work(failure: type[TranscodeError], work: Callable[[], T]) -> T:
    try:
        return await in_thread(work)
    except OSError as error:
        raise failure(f"the temporary directory cannot be used: {error.strerror}") from error


async def _tail(output: asyncio.StreamReader | None) -> bytes:
    kept = b""
    while output is not None and (piece := await output.read(_OUTPUT_BYTES)):
        kept = (kept + piece)[-_OUTPUT_BYTES:]
    return kept
