"""A worker as a process, and its log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.harness.processes import END_SECONDS, RunningProcess

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping


@dataclass(slots=True)
class MeasuredWorker(RunningProcess):
    """A worker process, and its log."""

    topic: str
    vitals_url: str
    taken: dict[str, float] = field(default_factory=dict)
    """Message id → when it was taken from the topic, by the wall clock, in seconds."""
    stages: list[tuple[str, str, float]] = field(default_factory=list)
    """Message id, stage, seconds: logged where LOG_LEVEL is DEBUG."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What it logged as a warning or worse."""
    reading: asyncio.Task[None] | None = None
    stopped: bool = False
    """Whether it was asked to end."""

    async def stop(self, seconds: float = END_SECONDS) -> int:
        """Ask it to stop, read its log to the end, and return its exit status."""
        self.stopped = True
        status = await RunningProcess.stop(self, seconds)  # slots: super() would name the class without them
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
