"""Settings of the webhook server."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from runtime.settings.faults import quoted
from runtime.settings.groups import Group
from runtime.settings.kinds import Host, Port, entries

PREFIX = "whsec_"
"""Prefix of a v3 secret."""
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
_LEAST_SECRET = 16
"""Characters, or bytes where it is base64."""


def _secrets(text: str) -> tuple[str, ...]:
    found = entries(text)
    for place, entry in enumerate(found, 1):
        if entry.startswith(PREFIX):
            if len(decoded(entry) or b"") < _LEAST_SECRET:
                raise ValueError(f"secret {place} is cut short or mistyped: whsec_ and base64, as Linq gave it")
        elif len(entry) < _LEAST_SECRET:
            raise ValueError(f"secret {place} can be guessed: it needs {_LEAST_SECRET} characters at least")
    return found


def decoded(secret: str) -> bytes | None:
    """Return the key in a v3 secret; None for any other secret."""
    if not secret.startswith(PREFIX):
        return None
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no path such as /webhook: letters, digits, '.', '_', '~', '-' and '/'")
    return text


class WebhookSettings(
    Group, env_prefix="WEBHOOK_", own_prefix=True, title="Events without a Kafka feed: Linq's webhooks"
):
    """Where webhooks arrive, and their secrets."""

    secrets: Annotated[tuple[SecretStr, ...], BeforeValidator(_secrets)] = Field(
        (), description="secrets that Linq may sign with, with commas between; needed by `voicememo webhook`"
    )
    host: Host = Field("127.0.0.1", description="address that takes webhooks")
    port: Port = Field(8081, description="its port; 0 takes any that is free")
    path: Annotated[str, AfterValidator(_path)] = Field("/webhook", description="its path; any other is not found")
    tolerance_seconds: float = Field(300.0, ge=1, le=86_400, description="seconds a webhook's timestamp may be off")
