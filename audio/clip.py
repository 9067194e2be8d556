"""Clip: a piece of encoded sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.formats import Format


@dataclass(frozen=True, slots=True)
class Clip:
    """Encoded sound, whole, in memory.

    Its repr never shows the sound itself.
    """

    data: bytes = field(repr=False)
    """The file's bytes."""
    format: Format
    """The container, as sniffed or as encoded."""
    seconds: float | None = None
    """How long it plays, in seconds; None where nobody has looked yet."""
