"""Checks of the settings and of every upstream, with advice on what is wrong."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from audio.errors import AudioError
from audio.transcode import Transcoder
from consumer.kafka.client import partition_count
from consumer.kafka.ports import SourceError
from providers.errors import ProviderError, Unauthorized
from providers.factory import Adapters, make_messenger
from storage.errors import StorageError, StoreNotReady
from storage.factory import exposed, make_archive, make_store
from storage.settings import FileArchive, SqliteFile, SupabaseProject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from consumer.settings import Settings
    from providers.factory import Adapter
    from providers.settings import LadderName

_SECONDS = 20.0
_MESSENGERS = {"SERIES_API_URL", "SERIES_API_KEY", "LINQ_API_KEY"}
"""While one of them is missing there is no messenger to check."""
_LADDERS: dict[str, LadderName] = {"hear": "transcribers", "answer": "repliers", "speak": "synthesizers"}
_VARIABLES = {
    "huggingface": "HF_TOKEN and HF_*_URL",
    "elevenlabs": "ELEVENLABS_API_KEY and ELEVENLABS_BASE_URL",
    "scribe": "ELEVENLABS_API_KEY and ELEVENLABS_BASE_URL",
    "cartesia": "CARTESIA_API_KEY and CARTESIA_BASE_URL",
    "openai": "OPENAI_API_KEY and OPENAI_BASE_URL, or those of this ladder alone",
}


class CheckVerdict(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    LEFT_OUT = "left out"  # not configured, and not needed
    UNKNOWN = "unknown"  # a variable that nothing reads
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; the fields are those of --json."""

    part: str
    verdict: CheckVerdict
    words: str  # what was found, and what to do about it if it is wrong


def _good(part: str, words: str) -> Finding:
    return Finding(part, CheckVerdict.GOOD, words)


def _wrong(part: str, words: str) -> Finding:
    return Finding(part, CheckVerdict.WRONG, words)


async def examine(settings: Settings) -> list[Finding]:
    """Run all checks at once."""
    adapters, missing = Adapters(settings.models), settings.missing()
    checks = [_kafka(settings), _ffmpeg(settings), _store(settings), _archive(settings), *_rungs(adapters)]
    if _in_supabase(settings):
        checks.append(_public_key(settings))
    if not _MESSENGERS & {fault.variable for fault in missing}:
        checks.append(_messenger(settings))
    try:
        found = await asyncio.gather(*checks)
    finally:
        await adapters.close()
    return [*(_wrong(fault.variable, fault.advice) for fault in missing), *found, *_left_out(settings)]


async def _kafka(settings: Settings) -> Finding:
    topics = {"KAFKA_TOPIC": settings.kafka.topic, "KAFKA_DEAD_LETTER_TOPIC": settings.kafka.dead_letter_topic}
    try:
        found = {name: await partition_count(settings.kafka.login(), topic) for name, topic in topics.items()}
    except SourceError as error:
        return _wrong("kafka", str(error))
    absent = [f"there is no topic {topics[name]}: create it, or set {name}" for name in topics if found[name] is None]
    if absent:
        return _wrong("kafka", f"reached, but {'; '.join(absent)}")
    words = (f"{topic}, {found[name]} partitions" for name, topic in topics.items())
    return _good("kafka", f"topics {'; '.join(words)}")


async def _ffmpeg(settings: Settings) -> Finding:
    try:
        version = await Transcoder(settings.worker.ffmpeg).version()
    except AudioError as error:
        return _wrong("ffmpeg", f"{error}: set FFMPEG to its path, or unset it to use the bundled one")
    return _good("ffmpeg", version.partition(" Copyright")[0])


async def _store(settings: Settings) -> Finding:
    url = settings.store.url
    if isinstance(url, SqliteFile) and (made := await asyncio.to_thread(_to_be_made, "store", url.path, "STORE_URL")):
        return made
    store = make_store(settings.store)
    try:
        await store.open()
        await store.check()
    except StoreNotReady as error:  # of Supabase it says what to do
        return _wrong("store", str(error) if _in_supabase(settings) else f"{error}: see STORE_URL")
    except (StorageError, OSError) as error:
        advice = "see SUPABASE_URL" if _in_supabase(settings) else "set STORE_URL to a file that can be written"
        return _wrong("store", f"{error}: {advice}")
    finally:
        await store.close()
    return _good("store", str(url))


async def _public_key(settings: Settings) -> Finding:
    part, variable = "store · public key", "SUPABASE_ANON_KEY"
    if settings.store.supabase.anon_key is None:
        return Finding(part, CheckVerdict.LEFT_OUT, f"set {variable} to check that it opens nothing")
    try:
        names = await exposed(settings.store.supabase)
    except StoreNotReady:
        return _wrong(part, f"it is not accepted as a key: see {variable}")
    except StorageError as error:
        return _wrong(part, f"{error}: see SUPABASE_URL, or try again later")
    if names:
        return _wrong(part, f"it opens {', '.join(names)}: apply the migrations again")
    return _good(part, "opens nothing")


def _in_supabase(settings: Settings) -> bool:
    return isinstance(settings.store.url, SupabaseProject)


def _to_be_made(part: str, path: Path, variable: str) -> Finding | None:
    """Check whether a worker can make a path; None if it exists. Made here, a mistyped one would look right later."""
    with suppress(OSError):  # where we may not even look, the reason is found below
        if path.exists():
            return None
    try:
        nearest = next(each for each in path.absolute().parents if each.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return _wrong(part, f"{path.absolute()} cannot be made: {reason}: see {variable}")
    return _good(part, f"`voicememo run` will make {path.absolute()}, which is not there yet")


async def _archive(settings: Settings) -> Finding:
    url = settings.archive.url
    if isinstance(url, FileArchive) and (
        made := await asyncio.to_thread(_to_be_made, "archive", url.directory, "ARCHIVE_URL")
    ):
        return made
    archive = make_archive(settings.archive)
    try:
        await archive.check()
    except StorageError as error:
        return _wrong("archive", f"{url}: {error}: see ARCHIVE_URL and AWS_*")
    finally:
        await archive.close()
    return _good("archive", str(url))


async def _messenger(settings: Settings) -> Finding:
    messenger = make_messenger(
        settings.messaging, max_memo_bytes=settings.worker.max_memo_bytes, send_seconds=settings.worker.send_seconds
    )
    try:
        name = settings.messaging.messenger
        return await _check(name, messenger.check, f"{name.upper()}_API_URL and {name.upper()}_API_KEY")
    finally:
        await messenger.close()


def _rungs(adapters: Adapters) -> list[Awaitable[Finding]]:
    ladders: dict[str, Mapping[str, Adapter]] = {
        "hear": adapters.transcribers,
        "answer": adapters.repliers,
        "speak": adapters.synthesizers,
    }
    return [
        _check(f"{ladder} · {rung}", adapter.check, _VARIABLES.get(rung, "the installation"))
        for ladder, rungs in ladders.items()
        for rung, adapter in rungs.items()
    ]


async def _check(part: str, check: Callable[[], Awaitable[None]], variables: str) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            await check()
    except Unauthorized as error:
        return _wrong(part, f"answered {error.status}: the key is wrong or not allowed; see {variables}")
    except ProviderError as error:
        return _wrong(part, f"{error}; see {variables}, or try again later")
    except TimeoutError:
        return _wrong(part, f"no answer within {_SECONDS:.0f} s; see {variables}, or try again later")
    return _good(part, "answers")


def _left_out(settings: Settings) -> list[Finding]:
    return [
        Finding(f"{ladder} · {rung}", CheckVerdict.LEFT_OUT, f"set {variable} to use it")
        for ladder, name in _LADDERS.items()
        for rung, variable in settings.models.configured(name).left_out.items()
    ]
