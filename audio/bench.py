"""A place to run ffmpeg: a private folder, a limit of time, and nothing left behind.

The program gets a relative view of the world: it works in the folder, so that no path of ours stands in what it says;
of our environment it sees no more than it needs to start, so no key; and it leads a process group of its own, so that
what it may have started itself ends with it.
"""

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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from audio.errors import TranscodeTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence

    from audio.errors import TranscodeError

T = TypeVar("T")

_FOLDER_PREFIX = "voicememo-bench-"
_JUST_MADE_SECONDS = 60.0
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
_KEPT_BYTES = 64 * 1024
_LAST_WORDS = 300
_NAMES = re.compile(r"(?:file:|/)[^\s'\"]+")
_ADDRESSES = re.compile(r" @ 0x[0-9a-f]+")
_NOT_ASCII = re.compile(r"[^ -~]+")
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of a program that ended by itself."""

    status: int
    """0: well."""
    said: str
    """The end of all that it wrote to standard output and standard error."""

    @property
    def last_words(self) -> str:
        """The end of that on one line, without file names, memory addresses and what is not ASCII."""
        words = " ".join(self.said.split())
        for pattern, instead in ((_NAMES, "(file)"), (_ADDRESSES, "")):
            words = pattern.sub(instead, words)
        return _NOT_ASCII.sub("?", words)[-_LAST_WORDS:]


class Patience:
    """How long we wait for a program in all, in seconds. What the giver of its input takes does not count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left_seconds = seconds

    async def wait(self, work: Awaitable[T]) -> T:
        """Wait for a thing that the program must do.

        Raises:
            TranscodeTimeout: patience is at an end.
        """
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


class Running:
    """A program at work."""

    def __init__(self, process: asyncio.subprocess.Process, patience: Patience) -> None:
        self._process = process
        self._patience = patience
        self._said = asyncio.create_task(_tail(process.stdout))

    async def take(self, piece: bytes) -> bool:
        """Give it a piece of its input; say whether it will take more.

        Raises:
            TranscodeTimeout: it does not read.
        """
        stdin = self._process.stdin
        if stdin is None or self._process.returncode is not None:
            return False
        try:
            stdin.write(piece)
            await self._patience.wait(stdin.drain())
        except (BrokenPipeError, ConnectionResetError):
            return False  # its exit status and its last words say more
        return True

    async def ended(self) -> Ended:
        """End its input, and see it end.

        Raises:
            TranscodeTimeout: it does not end.
        """
        self._close()
        status = await self._patience.wait(self._process.wait())
        said = await self._patience.wait(asyncio.shield(self._said))
        return Ended(status, said.decode(errors="replace"))

    async def put_down(self) -> None:
        """Kill what still runs, reap it, and read its output to the end: an unread pipe would stay open."""
        self._close()
        if self._process.returncode is None or not self._said.done():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._said

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


@dataclass(frozen=True, slots=True)
class Bench:
    """A private folder to work in, and the patience for all that is done there."""

    folder: Path
    patience: Patience
    failure: type[TranscodeError]
    """What it is called when the machine refuses: no room on the disk, no such program."""

    async def get(self, name: str) -> bytes:
        """Read a file; one that was never written is empty. Raises the bench's failure."""
        return await _work(_read, self.folder / name, failure=self.failure)

    @asynccontextmanager
    async def running(self, command: Sequence[str], *, fed: bool = False) -> AsyncIterator[Running]:
        """Run a program in the folder; afterwards it has ended, one way or the other.

        Args:
            command: the program, and its arguments.
            fed: whether it gets input from us; else its standard input is closed.

        Raises:
            TranscodeError: the bench's failure: it cannot be started.
        """
        started: list[Running] = []
        try:
            # To the end: asyncio, cancelled while it starts a program, may leave it running.
            await to_the_end(self._start(command, fed, started))
            yield started[0]
        finally:
            for running in started:
                await to_the_end(running.put_down())

    async def _start(self, command: Sequence[str], fed: bool, started: list[Running]) -> None:  # noqa: FBT001 (as above)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.folder,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise self.failure(f"ffmpeg cannot be started: {error.strerror}") from error
        started.append(Running(process, self.patience))

    async def run(self, command: Sequence[str]) -> Ended:
        """Run a program that needs no input from us, to its end. Raises as running() and ended() do."""
        async with self.running(command) as program:
            return await program.ended()


@asynccontextmanager
async def bench(
    failure: type[TranscodeError], *, seconds: float, files: Mapping[str, bytes] = _NOTHING
) -> AsyncIterator[Bench]:
    """Set up a bench; afterwards its folder is gone.

    Args:
        failure: what it is called when the machine refuses.
        seconds: how long the programs may take, in all.
        files: what lies there from the start: name → content.
    """
    made: list[_Folder] = []

    def set_up() -> None:
        made.append(_Folder())
        for name, data in files.items():
            (made[0].path / name).write_bytes(data)

    try:
        await _work(set_up, failure=failure)
        yield Bench(made[0].path, Patience(seconds), failure)
    finally:
        for folder in made:
            await in_thread(folder.remove)


class _Folder:
    """A private folder that is locked for as long as we live: the lock ends with us, however we end (flock(2))."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def clear_left_behind(*, older_than_seconds: float = _JUST_MADE_SECONDS) -> int:
    """Remove the folders of processes that were killed; give how many. To be called in a thread.

    Args:
        older_than_seconds: younger ones are left alone: their owner may be about to lock them.
    """
    youngest = time.time() - older_than_seconds
    found = [path for path in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*") if _is_left_behind(path, youngest)]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return len(found)


def _is_left_behind(path: Path, youngest: float) -> bool:
    try:
        if path.stat().st_mtime > youngest:
            return False
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, somebody else's, or no folder
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)


async def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401 (whatever it takes)
    """Do blocking work in a thread. A cancellation waits for its end: what it makes can then be cleared away."""
    return await to_the_end(asyncio.to_thread(function, *args, **kwargs))


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish short work even when cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not complain that nobody did
    raise cancelled


async def _work(function: Callable[..., T], *args: Any, failure: type[TranscodeError]) -> T:  # noqa: ANN401 (the same)
    try:
        return await in_thread(function, *args)
    except OSError as error:
        raise failure(f"no room to work in: {error.strerror}") from error


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


async def _tail(output: asyncio.StreamReader | None) -> bytes:
    """Read to the end, and keep the end only."""
    kept = b""
    while output is not None and (piece := await output.read(_KEPT_BYTES)):
        kept = (kept + piece)[-_KEPT_BYTES:]
    return kept
