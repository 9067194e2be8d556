"""`voicememo doctor`: settings, redacted, and every upstream, checked."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from audio.errors import AudioError
from audio.transcode import Transcoder
from console.exits import FAILED, MISUSED, told
from console.places import why_not_makeable
from console.printing import printer
from consumer.archives import make_archive
from consumer.connection import describe
from consumer.ladders import Adapters
from consumer.login import login_of
from consumer.parts import make_messenger
from consumer.reference import redacted
from consumer.settings import ConfigurationError, load
from consumer.source import SourceError
from consumer.stores import exposed, make_store
from consumer.variables import FileArchive, SupabaseProject
from consumer.variables import SqliteStore as SqliteFile
from providers.errors import ProviderError, Unauthorized
from storage.errors import StorageError, StoreNotReady

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from consumer.agreement import Fault
    from consumer.ladders import Adapter
    from consumer.rungs import LadderName
    from consumer.settings import Settings

_SECONDS = 20.0
_MESSENGERS = {"SERIES_API_URL", "SERIES_API_KEY", "LINQ_API_KEY"}
"""Without which there is no messenger to ask."""
_VARIABLES = {
    "huggingface": "HF_TOKEN and HF_*_URL",
    "elevenlabs": "ELEVENLABS_API_KEY and ELEVENLABS_BASE_URL",
    "scribe": "ELEVENLABS_API_KEY and ELEVENLABS_BASE_URL",
    "cartesia": "CARTESIA_API_KEY and CARTESIA_BASE_URL",
    "openai": "OPENAI_API_KEY, OPENAI_BASE_URL and what stands in their place for one ladder",
}


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    LEFT_OUT = "left out"
    """Not configured, and not needed."""
    WRONG = "wrong"


_STYLES = {Verdict.GOOD: "bold green", Verdict.LEFT_OUT: "yellow", Verdict.WRONG: "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    part: str
    verdict: Verdict
    words: str
    """What is so, and what to do about it where it is wrong."""


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def command(as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Check the settings and ask every upstream, and say what to do about what is wrong.

    Each upstream is asked for something that is free or next to free. Nothing is sent to anybody. Exit status 1 when
    something is wrong, 2 when a variable cannot be read at all.
    """
    with told():
        try:
            settings = load(os.environ, complete=False)
        except ConfigurationError as error:
            if not as_json:
                raise
            _tell_programs([], [_of(fault) for fault in error.faults])
            raise click.exceptions.Exit(MISUSED) from error
        findings = asyncio.run(examine(settings))
    if as_json:
        _tell_programs(redacted(settings), findings)
    else:
        _print(settings, findings, printer())
    if any(each.verdict is Verdict.WRONG for each in findings):
        raise click.exceptions.Exit(FAILED)


async def examine(settings: Settings) -> list[Finding]:
    """Check everything, side by side."""
    adapters = Adapters(settings)
    checks = [_kafka(settings), _ffmpeg(settings), _store(settings), _archive(settings), *_rungs(adapters)]
    if _in_supabase(settings):
        checks.append(_public_key(settings))
    if not _MESSENGERS & {fault.variable for fault in settings.missing()}:
        checks.append(_messenger(settings))
    try:
        found = await asyncio.gather(*checks)
    finally:
        await adapters.close()
    return [*map(_of, settings.missing()), *found, *_left_out(settings)]


def _of(fault: Fault) -> Finding:
    return Finding(fault.variable, Verdict.WRONG, fault.advice)


async def _kafka(settings: Settings) -> Finding:
    topics = {"KAFKA_TOPIC": settings.kafka_topic, "KAFKA_DEAD_LETTER_TOPIC": settings.kafka_dead_letter_topic}
    try:
        found = {name: await describe(login_of(settings), topic) for name, topic in topics.items()}
    except SourceError as error:
        return Finding("kafka", Verdict.WRONG, str(error))
    absent = [f"there is no topic {topics[name]}: create it, or set {name}" for name in topics if found[name] is None]
    if absent:
        return Finding("kafka", Verdict.WRONG, f"reached, but {'; '.join(absent)}")
    words = (f"{topic}, {found[name]} partitions" for name, topic in topics.items())
    return Finding("kafka", Verdict.GOOD, f"topics {'; '.join(words)}")


async def _ffmpeg(settings: Settings) -> Finding:
    try:
        version = await Transcoder(settings.ffmpeg).version()
    except AudioError as error:
        return Finding("ffmpeg", Verdict.WRONG, f"{error}: set FFMPEG to its path, or unset it to use the bundled one")
    return Finding("ffmpeg", Verdict.GOOD, version.partition(" Copyright")[0])


async def _store(settings: Settings) -> Finding:
    url = settings.store_url
    if isinstance(url, SqliteFile):
        made = await asyncio.to_thread(_to_be_made, "store", url.path, "STORE_URL")
        if made is not None:
            return made
    store = make_store(settings)
    try:
        await store.open()
        await store.check()
    except StoreNotReady as error:  # of Supabase it says what to do
        words = str(error) if _in_supabase(settings) else f"{error}: see STORE_URL"
        return Finding("store", Verdict.WRONG, words)
    except (StorageError, OSError) as error:
        advice = "see SUPABASE_URL" if _in_supabase(settings) else "set STORE_URL to a file that can be written"
        return Finding("store", Verdict.WRONG, f"{error}: {advice}")
    finally:
        await store.close()
    return Finding("store", Verdict.GOOD, str(settings.store_url))


async def _public_key(settings: Settings) -> Finding:
    """See that the key which everybody may have opens nothing of ours."""
    part, variable = "store · public key", "SUPABASE_ANON_KEY"
    if settings.supabase_anon_key is None:
        return Finding(part, Verdict.LEFT_OUT, f"set {variable} to have it seen that it opens nothing")
    try:
        names = await exposed(settings)
    except StoreNotReady:
        return Finding(part, Verdict.WRONG, f"it is not accepted as a key: see {variable}")
    except StorageError as error:
        return Finding(part, Verdict.WRONG, f"{error}: see SUPABASE_URL, or try again later")
    if names:
        return Finding(part, Verdict.WRONG, f"it opens {', '.join(names)}: apply the migrations again")
    return Finding(part, Verdict.GOOD, "opens nothing")


def _in_supabase(settings: Settings) -> bool:
    return isinstance(settings.store_url, SupabaseProject)


def _to_be_made(part: str, path: Path, variable: str) -> Finding | None:
    """Tell of what a worker will make: to make it here would have a mistyped name look right. None where it is."""
    with suppress(OSError):  # where we may not even look, the reason is told below
        if path.exists():
            return None
    reason = why_not_makeable(path)
    if reason is not None:
        return Finding(part, Verdict.WRONG, f"{path.absolute()} cannot be made: {reason}: see {variable}")
    return Finding(part, Verdict.GOOD, f"`voicememo run` will make {path.absolute()}, which is not there yet")


async def _archive(settings: Settings) -> Finding:
    url = settings.archive_url
    if isinstance(url, FileArchive):
        made = await asyncio.to_thread(_to_be_made, "archive", url.directory, "ARCHIVE_URL")
        if made is not None:
            return made
    archive = make_archive(settings)
    try:
        await archive.check()
    except StorageError as error:
        return Finding("archive", Verdict.WRONG, f"{settings.archive_url}: {error}: see ARCHIVE_URL and AWS_*")
    finally:
        await archive.close()
    return Finding("archive", Verdict.GOOD, str(settings.archive_url))


async def _messenger(settings: Settings) -> Finding:
    messenger = make_messenger(settings)
    try:
        name = settings.messenger
        return await _asked(name, messenger.check, f"{name.upper()}_API_URL and {name.upper()}_API_KEY")
    finally:
        await messenger.close()


def _rungs(adapters: Adapters) -> list[Awaitable[Finding]]:
    ladders: dict[str, Mapping[str, Adapter]] = {
        "hear": adapters.transcribers,
        "answer": adapters.repliers,
        "speak": adapters.synthesizers,
    }
    return [
        _asked(f"{ladder} · {rung}", adapter.check, _VARIABLES.get(rung, "the installation"))
        for ladder, rungs in ladders.items()
        for rung, adapter in rungs.items()
    ]


async def _asked(part: str, check: Callable[[], Awaitable[None]], variables: str) -> Finding:
    """Ask an upstream, and put its answer in words that can be acted on."""
    try:
        async with asyncio.timeout(_SECONDS):
            await check()
    except Unauthorized as error:
        return Finding(
            part, Verdict.WRONG, f"answered {error.status}: the key is wrong or not allowed; see {variables}"
        )
    except ProviderError as error:
        return Finding(part, Verdict.WRONG, f"{error}; see {variables}, or try again later")
    except TimeoutError:
        return Finding(part, Verdict.WRONG, f"no answer within {_SECONDS:.0f} s; see {variables}, or try again later")
    return Finding(part, Verdict.GOOD, "answers")


def _left_out(settings: Settings) -> list[Finding]:
    """Tell of the rungs that are named and not configured: nothing is wrong with that, but it should be known."""
    ladders: dict[str, LadderName] = {"hear": "transcribers", "answer": "repliers", "speak": "synthesizers"}
    return [
        Finding(f"{ladder} · {rung}", Verdict.LEFT_OUT, f"set {variable} to use it")
        for ladder, name in ladders.items()
        for rung, variable in settings.configured(name).left_out.items()
    ]


def _tell_programs(values: Iterable[tuple[str, str, bool]], findings: Iterable[Finding]) -> None:
    shown = {name: value for name, value, _ in values}
    click.echo(json.dumps({"settings": shown, "findings": [asdict(each) for each in findings]}))


def _print(settings: Settings, findings: Sequence[Finding], console: Console) -> None:
    table = Table("", "", Column(overflow="fold"), box=None, padding=(0, 2), pad_edge=False, show_header=False)
    for each in findings:
        table.add_row(Text(each.verdict.value, style=_STYLES[each.verdict]), each.part, Text(each.words))
    console.print(table)
    console.print()
    values = Table("", Column(overflow="fold"), box=None, padding=(0, 2), pad_edge=False, show_header=False)
    for name, value, is_default in redacted(settings):
        if not is_default:
            values.add_row(name, Text(value))
    if values.row_count:
        heading = "Set in the environment (all others have their defaults, see docs/configuration.md):"
        console.print(Text(heading, style="bold"))
        console.print(values)
        console.print()
    wrong = sum(each.verdict is Verdict.WRONG for each in findings)
    verdict = f"{wrong} to put right." if wrong else "All is well: `voicememo run` can start."
    console.print(Text(verdict, style="bold red" if wrong else "bold green"))
