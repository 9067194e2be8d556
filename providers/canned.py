"""Replies without a model: one sentence per language."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources


def canned_reply(language: str) -> str:
    """Return the sentence in a language (primary subtag), else in English."""
    replies = _replies()
    return replies.get(language) or replies["en"]


@cache
def _replies() -> dict[str, str]:
    replies: dict[str, str] = json.loads((resources.files("providers") / "replies.json").read_text("utf-8"))
    return replies
