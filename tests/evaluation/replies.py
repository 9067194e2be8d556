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

from conversation.replying.fitness import other_language

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, its right language, and the words of the person."""

    text: str
    language: str
    asked: str = ""

    def refused(self, wanted: str | None = None) -> bool:
        """Return whether it is refused when this language (its own by default) is wanted."""
        return other_language(self.text, wanted=wanted or self.language, request=self.asked) is not None


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a group of replies."""

    title: str
    replies: tuple[Reply, ...]
    false_refusals: tuple[Reply, ...]
    missed: tuple[tuple[str, str], ...]
    """Languages of accepted replies, each with the wanted one."""
    tried: int

    @property
    def caught(self) -> float:
        """The share of wrong replies that is refused."""
        return 1 - len(self.missed) / self.tried


def groups() -> dict[str, list[Reply]]:
    """Return the replies by group; the sentences are those of test_language_floor."""
    replies = json.loads((_HERE / "replies.json").read_text("utf-8"))
    phrases = json.loads((_HERE / "phrases.json").read_text("utf-8"))
    kinds = {"sentences": ("sentences", "switched"), "short phrases": ("short", "unseen", "switched_short")}
    return {
        "replies": [Reply(*row) for row in replies["right"]],
        "quoting": [Reply(*row) for row in replies["quoting"]],
        **{title: [Reply(*row[:2]) for kind in names for row in phrases[kind]] for title, names in kinds.items()},
    }


def score(title: str, replies: list[Reply]) -> Score:
    """Check each reply for its own language and for all others."""
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
    """Format the scores."""
    lines = [
        f"{each.title:<14} {len(each.replies):>3} in {len({one.language for one in each.replies}):>2} languages, "
        f"{len(each.false_refusals)} falsely refused, {each.caught:.0%} of {each.tried} wrong ones caught"
        for each in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{table([score(*group) for group in groups().items()])}\n")
