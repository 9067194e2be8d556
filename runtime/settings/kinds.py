"""Types of settings that several groups use. Their errors follow the variable's name and quote no credential."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from runtime.settings.faults import quoted

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def entries(text: str) -> tuple[str, ...]:
    """Split a list at its commas."""
    found = tuple(entry.strip() for entry in text.split(","))
    if not all(found):
        raise ValueError("has an empty entry: write A,B,C")
    return found


def phone_number(text: str) -> str:
    """Check a number (E.164) and cut its separators. Never quotes it (I6)."""
    bare = re.sub(r"[ ().-]", "", text)
    if not _PHONE.fullmatch(bare):
        raise ValueError("must be a phone number with its country code, such as +15550100123 (E.164)")
    return bare


def is_language(text: str) -> bool:
    """Return whether a text is a primary language subtag (BCP 47)."""
    return _LANGUAGE.fullmatch(text) is not None


def is_host(name: str | None) -> bool:
    """Return whether a text is a host's name or address, in lower case."""
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ValueError(f"names {name} twice")
    return names


def _host(text: str) -> str:
    name = re.sub(r"\A\[(.*)\]\Z", r"\1", text.lower())
    if not is_host(name):
        raise ValueError(f"{quoted(text)} is no bare host, such as media.example.com: no scheme, port or path")
    return name


def _server(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        complete = parts.port and is_host(parts.hostname) and parts.netloc == text and "@" not in text
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(f"{quoted(text)} is not HOST:PORT, such as localhost:9092")
    return text


def _url(text: str) -> str:
    """Check a URL and cut the slash at its end. Never quotes it: people put keys into URLs."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is wrong
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not is_host(parts.hostname) or any(map(str.isspace, text)):
        raise ValueError("must be a URL such as https://api.example.com")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("must not have a query or a fragment")
    return text.rstrip("/")


def _language(text: str) -> str:
    if not is_language(text):
        raise ValueError(f"{quoted(text)} is no primary language subtag, such as en")
    return text


Upper, Lower = BeforeValidator(str.upper), BeforeValidator(str.lower)
"""Validators of choices that may be written in any case."""
Entries = BeforeValidator(entries)
"""Validator of tuples, written with commas between entries."""
EachOnce = AfterValidator(_each_once)

Host = Annotated[str, AfterValidator(_host)]
Hosts = Annotated[tuple[Host, ...], Entries, AfterValidator(lambda hosts: tuple(dict.fromkeys(hosts)))]
Port = Annotated[int, Field(ge=0, le=65_535)]
Servers = Annotated[tuple[Annotated[str, AfterValidator(_server)], ...], Entries]
Url = Annotated[str, AfterValidator(_url)]
Language = Annotated[str, AfterValidator(_language)]
PhoneNumber = Annotated[SecretStr, BeforeValidator(phone_number)]
