"""The workers of the stack: processes of `voicememo run`, each with its log."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "voicememo")


@dataclass(slots=True)
class Worker:
    """One of them."""

    name: str
    folder: Path
    environment: dict[str, str] = field(repr=False)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it may write below its folder."""
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        given = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), **self.environment}
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                COMMAND, "run", env=given, cwd=self.folder, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """End it as a power loss would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self, grace_seconds: float) -> int:
        """Ask it to stop; give its exit status. One that does not within its grace is killed, and that is an error."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), grace_seconds)
            except TimeoutError:
                await self.kill()
                raise AssertionError(f"{self.name} did not stop within {grace_seconds:g} s") from None
        return self.process.returncode or 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.returncode is None

    def keys(self, event: str) -> set[tuple[str, str]]:
        """Name the memos, by chat and message, that it has logged such an event of."""
        return {(str(line["chat_id"]), str(line["message_id"])) for line in self.lines() if line["event"] == event}

    def said(self) -> str:
        """Give the end of its log."""
        return "\n".join(self._log.read_text("utf-8").splitlines()[-20:])

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def lines(self) -> list[dict[str, object]]:
        """Read what it logged; a line that is being written is left out."""
        lines = self._log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
