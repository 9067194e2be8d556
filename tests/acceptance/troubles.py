"""Troubles of the outage matrix: what each upstream may suffer, what a story says of it, and how it comes about."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from aiohttp import web

from sandbox.fault_injection import fault_middleware
from sandbox.faults import FaultKind, Faults, ScriptedFault
from storage.history import PastTurn
from storage.sqlite.store import SqliteStore
from tests.acceptance.matrix import rows_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

WELL: Final = "well"
TROUBLES: Final = {
    "refused": ScriptedFault(FaultKind.RESET),
    "timeout": ScriptedFault(FaultKind.HANG),
    "hang-after-headers": ScriptedFault(FaultKind.HANG_AFTER_HEADERS),
    "401": ScriptedFault(FaultKind.STATUS, 401),
    "402": ScriptedFault(FaultKind.STATUS, 402),
    "429": ScriptedFault(FaultKind.STATUS, 429, retry_after="3600"),
    "500": ScriptedFault(FaultKind.STATUS, 500),
    "empty": ScriptedFault(FaultKind.EMPTY),
    "garbage": ScriptedFault(FaultKind.GARBAGE),
    "cut": ScriptedFault(FaultKind.CUT_MIDWAY),
}
TOLD: Final = {
    "refused": {"unreachable"},
    "timeout": {"timed-out", "stalled"},
    "hang-after-headers": {"timed-out", "stalled"},
    "401": {"unauthorized"},
    "402": {"unauthorized"},
    "429": {"rate-limited"},
    "500": {"unavailable"},
    "empty": {"bad-answer"},
    "garbage": {"bad-answer"},
    "cut": {"bad-answer", "unreachable"},
}
"""Trouble → the words that a story may say of it."""
SERVICES: Final = {
    "media": "series.media",
    "whisper": "whisper",
    "second ears": "openai.transcribe",
    "llama": "llama",
    "second model": "openai.chat",
    "elevenlabs": "elevenlabs",
    "cartesia": "cartesia",
}
"""Upstream → the sandbox's name for it."""
_LEVELS: Final = {
    **dict.fromkeys((*SERVICES, "archive"), (WELL, *TROUBLES)),
    "history": (WELL, "locked", "no-table", "garbage"),
}
_TRANSCRIBERS: Final = (
    WELL,
    *(f"{service}={trouble}" for service in ("whisper", "second ears") for trouble in TROUBLES),
)


@cache
def any_rows() -> Sequence[Mapping[str, str]]:
    """Return rows, each a trouble, or none, for each upstream, in which each pair of troubles is met.

    In most of them nothing is heard, as the recording or both transcribers are in trouble, and what follows is not
    called.
    """
    return rows_of(_LEVELS)


@cache
def heard_rows() -> Sequence[Mapping[str, str]]:
    """Return rows in which the words are heard, by one transcriber at least, so that model and voice are asked.

    Each pair of troubles of transcribers, model, voice and archive is in one of them.
    """
    levels = {name: its for name, its in _LEVELS.items() if name not in {"media", "whisper", "second ears"}}
    return [_with_transcribers(row) for row in rows_of({"ears": _TRANSCRIBERS, **levels})]


def _with_transcribers(row: Mapping[str, str]) -> Mapping[str, str]:
    deaf, _, trouble = row["ears"].partition("=")
    others = {name: it for name, it in row.items() if name != "ears"}
    transcribers = {name: trouble if name == deaf else WELL for name in ("whisper", "second ears")}
    return {"media": WELL, **transcribers, **others}


LANGUAGE: Final = "es"


def suffer(faults: Faults, row: Mapping[str, str]) -> None:
    """Have the sandbox's upstreams suffer."""
    for upstream, service in SERVICES.items():
        if row[upstream] != WELL:
            faults.always(service, TROUBLES[row[upstream]])


@asynccontextmanager
async def s3(rows: int) -> AsyncIterator[tuple[Faults, str]]:
    """Serve S3's wire as far as a put needs it, with a bucket for each row, whose name its faults go by; give the URL.

    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html)
    """
    faults, closing = Faults(), asyncio.Event()

    async def put(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(headers={"ETag": '"0"'})

    app = web.Application(middlewares=[fault_middleware(faults, closing)], client_max_size=64 * 1024 * 1024)
    app.add_routes([web.put(f"/row-{number}/{{key:.+}}", put, name=f"row{number}") for number in range(rows)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield faults, f"http://{host}:{port}"
    finally:
        closing.set()
        await runner.cleanup()


@asynccontextmanager
async def history(trouble: str, path: Path, chat_id: str) -> AsyncIterator[SqliteStore]:
    """Open a store whose history is in trouble: it is locked, or its table, or all that was in the file, is gone."""
    store = SqliteStore(path)
    await store.open()
    await store.history.append(chat_id, "earlier", [PastTurn("user", "hola", LANGUAGE, datetime.now(UTC))])
    other = await asyncio.to_thread(_other, path, trouble)
    try:
        yield store
    finally:
        await asyncio.to_thread(other.close)
        await store.close()


def _other(path: Path, trouble: str) -> sqlite3.Connection:
    """Make the trouble, by another connection."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if trouble == "locked":
        other.execute("BEGIN EXCLUSIVE")
    elif trouble == "no-table":
        other.executescript("PRAGMA foreign_keys=OFF; DROP TABLE turns;")
    elif trouble == "garbage":
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"garbage" * (path.stat().st_size // 7))
    return other
