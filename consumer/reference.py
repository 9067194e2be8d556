"""The settings written down: for the documentation, for .env.example, and for whoever asks what is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr

from consumer.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_SECTIONS = {
    "kafka_bootstrap_servers": "Kafka",
    "webhook_secrets": "Events without a Kafka feed: Linq's webhooks",
    "messenger": "Where replies go: the Series API",
    "linq_api_url": "Where replies go: Linq v3",
    "hf_token": "Hearing and answering: Hugging Face",
    "elevenlabs_api_key": "Speaking: ElevenLabs and Cartesia",
    "openai_api_key": "Hearing, answering and speaking: any server that speaks the OpenAI wire",
    "transcribers": "The ladders",
    "archive_url": "What is kept, and where",
    "worker_concurrency": "The worker",
    "vitals_host": "Vitals, logs and traces",
}
"""Headings, each by the first field under it."""
_NEEDED_TO_RUN = frozenset({"series_api_url", "series_api_key"})


def redacted(settings: Settings) -> list[tuple[str, str, bool]]:
    """List every variable, its value as it may be shown, and whether that is the default."""
    return [
        (name.upper(), shown(getattr(settings, name)), name not in settings.model_fields_set)
        for name in Settings.model_fields
    ]


def shown(value: object) -> str:
    """Write a value as its variable would have it; of a secret only that it is there."""
    match value:
        case SecretStr() | (SecretStr(), *_):
            text = "(set)"
        case tuple():
            text = ",".join(value)
        case Mapping():
            text = ",".join(f"{name}={choice}" for name, choice in value.items())
        case bool():
            text = str(value).lower()
        case float():
            text = f"{value:.9f}".rstrip("0").rstrip(".")
        case _:
            text = "" if value is None else str(value)
    return text


def reference_table() -> str:
    """Write the table of variables as Markdown, a section for each heading."""
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        if name in _SECTIONS:
            lines += ["", f"### {_SECTIONS[name]}", "", "| variable | default | meaning |", "|---|---|---|"]
        default = _default(field)
        cell = f"`{default}`" if default else _unset(field) or "not set"
        lines.append(f"| `{name.upper()}` | {cell} | {field.description} |")
    return "\n".join(lines).strip() + "\n"


def example_env() -> str:
    """Write an example of an environment: what is needed stands open, the defaults stand as comments."""
    lines = [
        "# Copy to .env, which Docker Compose reads (env_file); the worker itself reads nothing but its environment.",
        "# Written from consumer/settings.py by: python -m tests.write_docs",
    ]
    for name, field in Settings.model_fields.items():
        if name in _SECTIONS:
            lines += ["", f"# --- {_SECTIONS[name]}"]
        unset = _unset(field)
        lines.append(f"# {field.description}{f' (not set: {unset})' if unset else ''}")
        lines.append(f"{'' if name in _NEEDED_TO_RUN else '#'}{name.upper()}={_default(field)}")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    return shown(field.get_default(call_default_factory=True))


def _unset(field: FieldInfo) -> str:
    """Say in words what holds where a variable is not set, if there is more to say than that it is not."""
    extra = field.json_schema_extra
    return str(extra["unset"]) if isinstance(extra, dict) else ""
