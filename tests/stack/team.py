"""The workers of the stack: processes of `voicememo run`, each with its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness.processes import LoggedProcess, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(slots=True)
class StackWorker(LoggedProcess):
    """One of them."""

    name: str
    variables: Mapping[str, str] = field(repr=False)

    def keys(self, event: str) -> set[tuple[str, str]]:
        """Return the memos, by chat and message, that it has logged such an event of."""
        return {(line["chat_id"], line["message_id"]) for line in self.lines() if line["event"] == event}


async def started(name: str, folder: Path, variables: Mapping[str, str]) -> StackWorker:
    """Start one; it may write below its folder."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    process = await start("run", variables={**variables, "TMPDIR": str(temporary)}, log=log, cwd=folder)
    return StackWorker(process, log, name, variables)
