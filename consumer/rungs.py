"""Which rungs of a ladder are configured, what the others miss, and who serves the rung openai."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from consumer.settings import Settings

LadderName = Literal["transcribers", "repliers", "synthesizers"]
"""A ladder, as the variable that lists its rungs is called."""

_NEEDS = {
    "huggingface": "hf_token",
    "elevenlabs": "elevenlabs_api_key",
    "scribe": "elevenlabs_api_key",
    "cartesia": "cartesia_api_key",
}
"""The field without which a rung is not configured; beside openai, rungs that are not named need nothing."""
_KINDS: Mapping[LadderName, str] = {"transcribers": "transcribe", "repliers": "chat", "synthesizers": "speech"}
"""What the OpenAI wire's own variables for each ladder are named for."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """What configuration leaves of a ladder."""

    used: tuple[str, ...]
    """In order."""
    left_out: Mapping[str, str]
    """Rung to the variable that it misses, or to those of which it needs one."""


@dataclass(frozen=True, slots=True)
class OpenAiEndpoint:
    """A server of the OpenAI wire."""

    url: str | None
    """Base URL; the vendor's when None."""
    key: SecretStr | None
    """Its Bearer key; a local server may need none."""


def configured(settings: Settings, ladder: LadderName, names: tuple[str, ...]) -> Rungs:
    """Tell which of these rungs of a ladder can be used, and what the others miss."""
    left_out = dict(_left_out(settings, ladder, names))
    return Rungs(tuple(name for name in names if name not in left_out), left_out)


def openai_endpoint(settings: Settings, ladder: LadderName) -> OpenAiEndpoint:
    """Tell which server of the OpenAI wire serves a ladder: its own, where one is set, else the common one."""
    kind = _KINDS[ladder]
    url: str | None = getattr(settings, f"openai_{kind}_url")
    key: SecretStr | None = getattr(settings, f"openai_{kind}_key")
    return OpenAiEndpoint(url or settings.openai_base_url, key or settings.openai_api_key)


def _left_out(settings: Settings, ladder: LadderName, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        field = _NEEDS.get(name)
        if field is not None and getattr(settings, field) is None:
            yield name, field.upper()
        elif name == "openai" and openai_endpoint(settings, ladder) == OpenAiEndpoint(None, None):
            yield name, f"OPENAI_API_KEY or OPENAI_{_KINDS[ladder].upper()}_URL"
