"""How often an imagined text is known, and how often a said one is taken for it.

The texts are in sayings.json. "variants" are phrases of the module's own list as recognisers write them; "public" are
documented in public lists and threads (openai/whisper discussions 679, 928 and 2608, Vexa-ai/vexa 155 and 617,
JSchmie/ScrAIbe, amicalhq/amical 71, ggml-org/whisper.cpp 887 and 2660), and the module was improved with them in view;
"unseen" are other farewells of videos, written down before its last improvement and not looked at then. "faint" are
words that people say as well, in recordings without a voice; "noise" is what is no words. "said" is what people really
say, near misses among it, in a recording with a voice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conversation.hearing.hallucinations import is_hallucination
from tests.evaluation.report import Line, Rows, Section

_SAYINGS: Final = Path(__file__).parent / "sayings.json"
_SECONDS: Final = 6.0
"""Length of each recording."""
_SPEECH_SECONDS: Final = {"variants": 2.0, "public": 2.0, "unseen": 2.0, "faint": 0.2, "noise": 3.0, "said": 1.2}
"""Length of its apparent speech: music and distant voices count as some."""
_TITLES: Final = {
    "variants": "phrases of the list, as recognisers write them",
    "public": "from public lists, known when the list was made",
    "faint": "polite words where next to nothing is heard",
    "noise": "notes, signs and endless rounds",
    "unseen": "other farewells, not looked at when the list was made",
    "said": "really said, and believed",
}
_LEAST: Final = {"variants": 98.0, "public": 98.0, "faint": 95.0, "noise": 100.0, "unseen": None, "said": 99.0}


@dataclass(frozen=True, slots=True)
class Judged:
    """A text, and the verdict on it."""

    group: str
    language: str
    text: str
    caught: bool

    @property
    def right(self) -> bool:
        """Whether the verdict is right."""
        return self.caught != (self.group == "said")


def judged() -> list[Judged]:
    """Judge all texts."""
    sayings: dict[str, list[list[str]]] = json.loads(_SAYINGS.read_text("utf-8"))
    return [
        Judged(
            group,
            language,
            text,
            is_hallucination(text, seconds=_SECONDS, speech_seconds=_SPEECH_SECONDS[group]),
        )
        for group in _TITLES
        for language, text in sayings[group]
    ]


def section() -> Section:
    """Evaluate: deterministic."""
    all_judged = judged()
    caught = [each for each in all_judged if each.caught]
    imagined = [each for each in all_judged if each.group != "said"]
    known = [each for each in imagined if each.group != "unseen"]
    lines = [
        Line("precision: of all that was caught, really imagined", sum(e.right for e in caught), len(caught), 99.0),
        Line("recall: of the imagined, caught (without the unseen)", sum(e.right for e in known), len(known), 97.0),
        Line("recall with the unseen", sum(each.right for each in imagined), len(imagined)),
        *(_group(group, all_judged) for group in _TITLES),
    ]
    failed = [f"[{each.language}] {each.text} ({each.group})" for each in all_judged if not each.right]
    return Section("hallucinations", "Hallucinations", tuple(lines), (_by_language(all_judged),), tuple(failed))


def _group(group: str, all_judged: list[Judged]) -> Line:
    mine = [each.right for each in all_judged if each.group == group]
    return Line(_TITLES[group], sum(mine), len(mine), _LEAST[group])


def _by_language(all_judged: list[Judged]) -> Rows:
    by_language: dict[str, list[Judged]] = defaultdict(list)
    for each in all_judged:
        by_language[each.language].append(each)
    rows = [_row(language, by_language[language]) for language in sorted(by_language)]
    head = ("language", "imagined, caught", "of them unseen", "said, believed", "precision", "recall")
    return Rows("By language (- is none)", head, tuple(rows))


def _row(language: str, mine: list[Judged]) -> tuple[str, ...]:
    imagined = [each for each in mine if each.group != "said"]
    unseen = [each for each in mine if each.group == "unseen"]
    said = [each for each in mine if each.group == "said"]
    caught = sum(each.caught for each in imagined)
    wrongly = sum(each.caught for each in said)
    precision = f"{100 * caught / (caught + wrongly):.0f} %" if caught + wrongly else "–"
    recall = f"{100 * caught / len(imagined):.0f} %" if imagined else "–"
    return (
        language,
        f"{caught} of {len(imagined)}",
        f"{sum(each.caught for each in unseen)} of {len(unseen)}",
        f"{sum(each.right for each in said)} of {len(said)}",
        precision,
        recall,
    )
