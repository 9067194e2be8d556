"""Spoken fallbacks, pre-rendered: one M4A per line and language, and the words of each in lines.json."""

from __future__ import annotations

from enum import StrEnum


class Line(StrEnum):
    """What there is to say when nothing better can be said."""

    NOT_DOWNLOADED = "not-downloaded"
    """The recording could not be fetched."""
    NOT_PROCESSED = "not-processed"
    """The recording could not be decoded."""
    TOO_LONG = "too-long"
    """The recording is longer or larger than the limit."""
    NOTHING_HEARD = "nothing-heard"
    """Silence, or noise without words."""
    THANKS = "thanks"
    """There are words, but no engine could make them out."""
    GOT_IT = "got-it"
    """The short line, when the reply itself cannot be spoken."""
