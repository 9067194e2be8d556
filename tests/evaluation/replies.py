"""How often a reply in a wrong language is refused, and a right one let pass: `python -m tests.evaluation.replies`.

All replies are of our own writing, with the names and loanwords that models use. "quoting" are right ones that look
wrong: a translation that was asked for, titles, names. Each reply is tried as if every other language had been asked
for, too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from providers.reply_check import other_language

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, the language that is right for it, and what the person had said."""

    text: str
    language: str
    asked: str = ""

    def refused(self, wanted: str | None = None) -> bool:
        """Whether it is refused, where this language (its own, unless another is given) was asked for."""
        return other_language(self.text, wanted=wanted or self.language, asked=self.asked) is not None


@dataclass(frozen=True, slots=True)
class Score:
    """How a group of replies went."""

    title: str
    replies: tuple[Reply, ...]
    false_refusals: tuple[Reply, ...]
    missed: tuple[tuple[str, str], ...]
    """Languages of replies that were let pass, each with the one that was asked for."""
    tried: int

    @property
    def caught(self) -> float:
        """The share of the wrong replies that was refused."""
        return 1 - len(self.missed) / self.tried


def groups() -> dict[str, list[Reply]]:
    """Give the replies by the title of their group; the sentences are those that people say, in test_language_floor."""
    replies = json.loads((_HERE / "replies.json").read_text("utf-8"))
    phrases = json.loads((_HERE / "phrases.json").read_text("utf-8"))
    kinds = {"sentences": ("sentences", "switched"), "short phrases": ("short", "unseen", "switched_short")}
    return {
        "replies": [Reply(*row) for row in replies["right"]],
        "quoting": [Reply(*row) for row in replies["quoting"]],
        **{title: [Reply(*row[:2]) for kind in names for row in phrases[kind]] for title, names in kinds.items()},
    }


def score(title: str, replies: list[Reply]) -> Score:
    """Try each reply in its own language and in all others."""
    languages = sorted({reply.language for reply in replies})
    wrong = [(reply, wanted) for reply in replies for wanted in languages if wanted != reply.language]
    return Score(
        title,
        tuple(replies),
        tuple(reply for reply in replies if reply.refused()),
        tuple((reply.language, wanted) for reply, wanted in wrong if not reply.refused(wanted)),
        len(wrong),
    )


def table(results: list[Score]) -> str:
    """Lay the scores out."""
    lines = [
        f"{each.title:<14} {len(each.replies):>3} in {len({one.language for one in each.replies}):>2} languages, "
        f"{len(each.false_refusals)} falsely refused, {each.caught:.0%} of {each.tried} wrong ones caught"
        for each in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{table([score(*group) for group in groups().items()])}\n")
