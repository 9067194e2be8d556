"""The command as a process: its variables, its start, its end, and the JSON lines that it logs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND: Final = str(Path(sys.executable).parent / "voicememo")
END_SECONDS: Final = 60.0
"""The longest that a process which was asked to stop may take."""
_LONGEST_LINE_BYTES: Final = 16 * 1024 * 1024


def environment(
    folder: Path, *, sandbox: Mapping[str, str] | None = None, broker: str | None = None, **more: str
) -> dict[str, str]:
    """Return the variables of a worker that keeps everything in a folder, on any free port for its vitals.

    Args:
        folder: of store, archive and spool.
        sandbox: variables that point to the upstreams, as Sandbox.environment() returns them.
        broker: Kafka's bootstrap servers.
        more: further variables, or others in the place of these.
    """
    return {
        **(sandbox or {}),
        **({"KAFKA_BOOTSTRAP_SERVERS": broker} if broker is not None else {}),
        "ARCHIVE_URL": f"file:{folder / 'archive'}",
        "ARCHIVE_SPOOL": str(folder / "owed"),
        "STORE_URL": f"sqlite:{folder / 'voicememo.db'}",
        "VITALS_PORT": "0",
        **more,
    }


async def start(
    *command: str, variables: Mapping[str, str], log: Path | None = None, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    """Start `voicememo` with these variables and PATH alone; without a log file both its outputs are piped."""
    return await start_program(COMMAND, *command, variables=variables, log=log, cwd=cwd)


async def start_program(
    *command: str, variables: Mapping[str, str], log: Path | None = None, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    """Start any program in the same way."""
    given = {"PATH": os.environ["PATH"], **variables}
    if log is None:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *command, env=given, cwd=cwd, stdout=pipe, stderr=pipe, limit=_LONGEST_LINE_BYTES
        )
    with log.open("ab") as stream:
        return await asyncio.create_subprocess_exec(*command, env=given, cwd=cwd, stdout=stream, stderr=stream)


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    out: str
    err: str


async def run_to_end(*command: str, variables: Mapping[str, str]) -> Ended:
    """Run `voicememo` to its end."""
    return await ended(await start(*command, variables=variables))


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a process whose outputs are piped."""
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


def lines_of(log: str | Path) -> list[dict[str, Any]]:
    """Parse a log of JSON lines, or its file; one that is still being written is left out."""
    text = log if isinstance(log, str) else log.read_text("utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


@dataclass(slots=True)
class RunningProcess:
    """A started process that a test kills, pauses or stops."""

    process: asyncio.subprocess.Process
    paused: bool = field(default=False, kw_only=True)

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a paused one is alive."""
        return self.process.returncode is None

    async def kill(self) -> None:
        """End it as a power loss would."""
        self.process.kill()
        await self.process.wait()

    def pause(self) -> None:
        """Let it stand still."""
        self.paused = True
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, where it is still alive."""
        self.paused = False
        if self.alive:
            self.process.send_signal(signal.SIGCONT)

    async def stop(self, seconds: float = END_SECONDS) -> int:
        """Ask it to stop, and return its exit status.

        Raises:
            AssertionError: it did not end in time, and was killed.
        """
        if self.alive:
            self.resume()
            self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"process {self.pid} did not stop within {seconds:g} s") from None


@dataclass(slots=True)
class LoggedProcess(RunningProcess):
    """One that logs to a file."""

    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged so far."""
        return lines_of(self.log)

    def last_words(self) -> str:
        """Return the end of its log, for a failure."""
        return "\n".join(self.log.read_text("utf-8").splitlines()[-20:])
