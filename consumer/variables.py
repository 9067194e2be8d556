"""What each variable may say: one parser per kind of value, and the values they give.

A parser takes the text of a variable, stripped and printable, and gives its value. It raises ValueError in words that
follow the variable's name and tell what to write instead. A fault quotes a value only where it cannot be a credential.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from consumer.webhook import signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

TRANSCRIBER_RUNGS = ("huggingface", "openai", "scribe", "local")
REPLIER_RUNGS = ("huggingface", "openai", "canned")
SYNTHESIZER_RUNGS = ("elevenlabs", "cartesia", "openai", "local", "clip")

_MOST_QUOTED = 40
"""Characters of a value that a fault repeats, at most."""
_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
_LEAST_WEBHOOK_SECRET = 16
"""Characters, or bytes where it is base64."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FLAGS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "on": True, "off": False}


@dataclass(frozen=True, slots=True)
class FileArchive:
    """The archive is a directory."""

    directory: Path

    def __str__(self) -> str:
        return f"file:{self.directory}"


@dataclass(frozen=True, slots=True)
class S3ArchiveUrl:
    """The archive is a bucket; who we are to it is AWS_*, as boto3 reads it."""

    bucket: str
    prefix: str = ""
    """Stands before every key, without slashes at its ends; empty for none."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"


@dataclass(frozen=True, slots=True)
class BucketEncryption:
    """How the bucket is asked to encrypt what it keeps."""

    algorithm: str | None = None
    """As S3 calls it; None: as the bucket is set to."""
    key: str | None = None
    """Id or ARN of a KMS key; None: the one that S3 has in KMS for us."""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.algorithm or "none", self.key)))


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """History and ledger are one SQLite file."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:{self.path}"


@dataclass(frozen=True, slots=True)
class SupabaseProject:
    """History and ledger are in a project of Supabase; which one, and who we are to it, is SUPABASE_*."""

    def __str__(self) -> str:
        return "supabase"


def words(text: str) -> str:
    """Any text but none."""
    if not text:
        raise ValueError("must not be empty")
    return text


def secret(text: str) -> SecretStr:
    """Take what is never shown."""
    return SecretStr(words(text))


def webhook_secrets(text: str) -> tuple[SecretStr, ...]:
    """Secrets of webhooks, with commas between; never quoted."""
    entries = _entries(text)
    for place, entry in enumerate(entries, 1):
        if entry.startswith(signatures.PREFIX):
            if len(signatures.decoded(entry) or b"") < _LEAST_WEBHOOK_SECRET:
                raise ValueError(f"secret {place} is cut short or mistyped: whsec_ and base64, as Linq gave it")
        elif len(entry) < _LEAST_WEBHOOK_SECRET:
            raise ValueError(f"secret {place} can be guessed: it needs {_LEAST_WEBHOOK_SECRET} characters at least")
    return tuple(map(SecretStr, entries))


def path(text: str) -> str:
    """Path of a URL, from its slash on."""
    if not _PATH.fullmatch(words(text)):
        raise ValueError(f"{_quoted(text)} is no path such as /webhook: letters, digits, '.', '_', '~', '-' and '/'")
    return text


def phone_number(text: str) -> SecretStr:
    """A number in E.164 form; never shown, as no number is (I6)."""
    bare = re.sub(r"[ ().-]", "", text)
    if not _PHONE.fullmatch(bare):
        raise ValueError("must be a phone number with its country code, such as +15550100123 (E.164)")
    return SecretStr(bare)


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(words(text)):
            raise ValueError(f"{_quoted(text)} is not a whole number between {least} and {most}")
        if not least <= int(text) <= most:
            raise ValueError(f"{_quoted(text)} is not between {least} and {most}")
        return int(text)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """A duration in seconds, within bounds."""

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(words(text)):
            raise ValueError(f"{_quoted(text)} is not a number of seconds between {least:g} and {most:g}")
        if not least <= float(text) <= most:
            raise ValueError(f"{_quoted(text)} is not between {least:g} and {most:g} seconds")
        return float(text)

    return parse


def flag(text: str) -> bool:
    """True or false."""
    value = _FLAGS.get(words(text).lower())
    if value is None:
        raise ValueError(f"{_quoted(text)} is neither true nor false")
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    """One of a few words, whatever their case."""
    spelt = {choice.lower(): choice for choice in choices}

    def parse(text: str) -> str:
        choice = spelt.get(words(text).lower())
        if choice is None:
            raise ValueError(f"{_quoted(text)} is not one of {', '.join(choices)}")
        return choice

    return parse


def rungs(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Rungs of a ladder, in order."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(name.lower() for name in _entries(text))
        for place, name in enumerate(names):
            if name not in known:
                raise ValueError(f"{_quoted(name)} is no rung that we know: {', '.join(known)}")
            if name in names[:place]:
                raise ValueError(f"names {name} twice")
        return names

    return parse


def model(text: str) -> str:
    """A model's name, as its vendor writes it."""
    if any(character.isspace() for character in words(text)):
        raise ValueError(f"{_quoted(text)} must have no spaces")
    return text


def topic(text: str) -> str:
    """A topic's name, as a broker would take it (org.apache.kafka.common.internals.Topic)."""
    if not _TOPIC.fullmatch(words(text)) or text in {".", ".."}:
        raise ValueError(f"{_quoted(text)} is no topic name: letters, digits, '.', '_' and '-', 249 at most")
    return text


def servers(text: str) -> tuple[str, ...]:
    """Brokers to begin with: HOST:PORT, several with commas between."""
    entries = _entries(text)
    for entry in entries:
        try:
            parts = urlsplit(f"//{entry}")
            complete = parts.port and _is_host(parts.hostname) and parts.netloc == entry and "@" not in entry
        except ValueError:
            complete = False
        if not complete:
            raise ValueError(f"{_quoted(entry)} is not HOST:PORT, such as localhost:9092")
    return entries


def host(text: str) -> str:
    """A host's name or address, alone."""
    name = words(text).lower()
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if not _is_host(name):
        raise ValueError(f"{_quoted(text)} is no bare host, such as media.example.com: no scheme, port or path")
    return name


def hosts(text: str) -> tuple[str, ...]:
    """Hosts, with commas between."""
    return tuple(dict.fromkeys(host(entry) for entry in _entries(text)))


def url(text: str) -> str:
    """An http or https URL, given back without a slash at its end. Never quoted: people put keys into URLs."""
    parts = _split(words(text))
    if parts.scheme not in {"http", "https"} or not _is_host(parts.hostname) or any(map(str.isspace, text)):
        raise ValueError("must be a URL such as https://api.example.com")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("must not have a query or a fragment")
    return text.rstrip("/")


def voices(text: str) -> Mapping[str, str]:
    """A voice per language: `default=ID,hi=ID,fr=ID`."""
    chosen: dict[str, str] = {}
    for entry in _entries(text):
        language, equals, voice = (part.strip() for part in entry.partition("="))
        if not equals or not voice or not (language == "default" or _LANGUAGE.fullmatch(language)):
            raise ValueError(f"{_quoted(entry)} is not LANGUAGE=VOICE; write default=VOICE,hi=VOICE")
        if language in chosen:
            raise ValueError(f"names a voice for {language} twice")
        chosen[language] = voice
    return chosen


def language(text: str) -> str:
    """A primary language subtag (BCP 47)."""
    if not _LANGUAGE.fullmatch(words(text)):
        raise ValueError(f"{_quoted(text)} is no primary language subtag, such as en")
    return text


def archive(text: str) -> FileArchive | S3ArchiveUrl:
    """`file:DIR` or `s3://BUCKET[/PREFIX]`."""
    if text.startswith("file:") and text != "file:":
        return FileArchive(Path(text.removeprefix("file:")))
    if not text.startswith("s3://"):
        raise ValueError("must be file:DIR or s3://BUCKET[/PREFIX]")
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{_quoted(bucket)} is no bucket name: 3 to 63 of a-z, 0-9, '.' and '-'")
    return S3ArchiveUrl(bucket, prefix.strip("/"))


def encryption(text: str) -> BucketEncryption:
    """`none`, `AES256` or `aws:kms[:KEY]`."""
    for algorithm in ("none", "AES256", "aws:kms"):
        if text.casefold() == algorithm.casefold():
            return BucketEncryption(None if algorithm == "none" else algorithm)
    key = text.removeprefix("aws:kms:")
    if key == text or not key or any(map(str.isspace, key)):
        raise ValueError(f"{_quoted(text)} is not none, AES256 or aws:kms[:KEY], with a key's id or ARN")
    return BucketEncryption("aws:kms", key)


def folder(text: str) -> Path:
    """Path of a folder; it is made when it is needed."""
    return Path(text)


def store(text: str) -> SqliteStore | SupabaseProject:
    """`sqlite:PATH` or `supabase`."""
    if text == "supabase":
        return SupabaseProject()
    path = text.removeprefix("sqlite:")
    if path == text or not path or path == ":memory:":
        raise ValueError("must be sqlite:PATH, with the path of a file, or supabase")
    return SqliteStore(Path(path))


def _quoted(text: str) -> str:
    """Repeat a value within a fault: shortened, and not at all where it may hold a credential."""
    if "@" in text or "://" in text:
        return "the value"
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"


def _entries(text: str) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in words(text).split(","))
    if not all(entries):
        raise ValueError("has an empty entry: write A,B,C")
    return entries


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        raise ValueError("must be a URL such as https://api.example.com") from None
    return parts


def _is_host(name: str | None) -> bool:
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True
