"""A worker as a process, and what its log told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_END_SECONDS = 60.0


@dataclass(slots=True)
class Worker:
    """A worker process, and what its log told."""

    process: asyncio.subprocess.Process
    topic: str
    vitals_url: str
    taken: dict[str, float] = field(default_factory=dict)
    """Message id → when it was taken from the topic, by the wall clock, in seconds."""
    stages: list[tuple[str, str, float]] = field(default_factory=list)
    """Message id, stage, seconds: told where LOG_LEVEL is DEBUG."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What it logged as a warning or worse."""
    reading: asyncio.Task[None] | None = None
    stopped: bool = False
    """Whether it was asked to end."""

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    async def stop(self) -> int:
        """Ask it to end, and give its exit status."""
        self.stopped = True
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(_END_SECONDS):
            status = await self.process.wait()
        if self.reading is not None:
            await self.reading
        return status

    async def read_log(self) -> None:
        """Read what it logs, to the end."""
        if self.process.stderr is None:
            raise RuntimeError("the worker's log is not piped")
        async for line in self.process.stderr:
            try:
                self._note(json.loads(line))
            except ValueError:
                self.troubles[line.decode(errors="replace").strip()[:120]] += 1

    def _note(self, told: Mapping[str, Any]) -> None:
        if told["event"] == "memo.taken":
            self.taken[told["message_id"]] = datetime.fromisoformat(told["timestamp"]).timestamp()
        elif told["event"] == "stage.finished":
            self.stages.append((told["message_id"], told["stage"], told["seconds"]))
        elif told["level"] not in {"info", "debug"}:
            self.troubles[f"{told['event']} {told.get('stage', '')} {told.get('error', '')}".strip()] += 1
