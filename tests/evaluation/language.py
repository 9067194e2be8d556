"""Language identification, as a part of `make quality`.

All phrases are our own. "short" is what we tuned on; "unseen" was written before the word lists, and looked at only
when they were done: its score is that of phrases we did not tune for.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conversation.language.identify import identify_language
from tests.evaluation.report import Line, Rows, Section

_PHRASES: Final = Path(__file__).parent / "phrases.json"
_DEFAULT: Final = "en"
_LEAST_AFTER_A_TURN, _LEAST_WITHOUT = 85.0, 75.0
"""Percent of the short phrases that must be right: 34 of 40 with one earlier turn in the language, 30 of 40 without."""


@dataclass(frozen=True, slots=True)
class Case:
    """A memo, and the turn before it."""

    text: str
    wanted: str
    last: str | None

    def identified(self) -> str:
        """Return the identified language, when the recogniser reports none."""
        return identify_language(self.text, reported=None, last=self.last, default=_DEFAULT)


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a group of cases."""

    title: str
    total: int
    wrong: tuple[Case, ...]

    @property
    def right(self) -> int:
        """How many cases are right."""
        return self.total - len(self.wrong)


def groups() -> dict[str, list[Case]]:
    """Return the cases by the title of their group."""
    phrases = json.loads(_PHRASES.read_text("utf-8"))
    short, unseen, sentences = phrases["short"], phrases["unseen"], phrases["sentences"]
    return {
        "short, after one turn in it": [Case(text, code, code) for text, code in short],
        "short, no history": [Case(text, code, None) for text, code in short],
        "unseen short, after one turn in it": [Case(text, code, code) for text, code in unseen],
        "unseen short, no history": [Case(text, code, None) for text, code in unseen],
        "sentences, after one turn in it": [Case(text, code, code) for text, code in sentences],
        "sentences, no history": [Case(text, code, None) for text, code in sentences],
        "sentences, after another language": [Case(*row) for row in phrases["switched"]],
        "short and plain, after another language": [Case(*row) for row in phrases["switched_short"]],
        "a word that says little: stays": [Case(text, last, last) for text, _, last in phrases["stayed_short"]],
    }


def scores() -> list[Score]:
    """Identify the language of every case."""
    return [
        Score(title, len(cases), tuple(case for case in cases if case.identified() != case.wanted))
        for title, cases in groups().items()
    ]


def table(results: list[Score]) -> str:
    """Format the scores, with what went wrong below them."""
    lines = [f"{score.title:<42} {score.right:>3} of {score.total}" for score in results]
    for score in results:
        lines += ["", f"{score.title}, wrong:"] if score.wrong else []
        lines += [f"  {case.text}: {case.wanted}, told as {case.identified()}" for case in score.wrong]
    return "\n".join(lines)


def section() -> Section:
    """Evaluate: deterministic."""
    results = scores()
    lines = tuple(Line(score.title, score.right, score.total, _least(score.title)) for score in results)
    failed = tuple(
        f"{case.text}: {case.wanted}, told as {case.identified()} ({score.title})"
        for score in results
        for case in score.wrong
    )
    return Section("language", "Language", lines, (_by_language(),), failed)


def _least(title: str) -> float | None:
    if "short" not in title:
        return None
    if title.endswith("after one turn in it"):
        return _LEAST_AFTER_A_TURN
    return _LEAST_WITHOUT if title.endswith("no history") else None


def _by_language() -> Rows:
    """Count short phrases and sentences by language; "unseen" phrases are among the short ones."""
    kinds = (("short", "after one turn in it"), ("short", "no history"), ("sentences", "no history"))
    cases = groups()
    columns = [
        [case for title, found in cases.items() if kind in title and title.endswith(history) for case in found]
        for kind, history in kinds
    ]
    codes = sorted({case.wanted for column in columns for case in column})
    rows = tuple(
        (code, *(_right([case for case in column if case.wanted == code]) for column in columns)) for code in codes
    )
    return Rows("By language", ("language", "short, after one turn", "short, no history", "sentences"), rows)


def _right(cases: list[Case]) -> str:
    return f"{sum(case.identified() == case.wanted for case in cases)} of {len(cases)}" if cases else ""


if __name__ == "__main__":
    sys.stdout.write(f"{table(scores())}\n")
