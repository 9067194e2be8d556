"""`make quality`: how well voicememo understands, and how well it is understood. Needs no network and no key."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.printing import printer
from tests.evaluation import hallucinations, language, page, silence, voices
from tests.evaluation.report import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.evaluation.report import Section

SPEECH_VARIABLE: Final = "VOICEMEMO_SPEECH"


def main() -> int:
    """Evaluate and print; return 1 when a promise does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("--only", action="append", choices=page.SECTIONS, help="this part; may be given several times")
    parser.add_argument("--write", action="store_true", help="renew docs/quality.md as well, from the fixtures alone")
    parser.epilog = f"{SPEECH_VARIABLE} may name a folder of recordings in which somebody speaks."
    chosen = parser.parse_args()
    console, kept = printer(), True
    evaluate = _sections(None if chosen.write else _folder())
    for name in chosen.only or page.SECTIONS:
        with console.status(name):
            section = evaluate[name]()
        console.print(shown(section))
        kept = kept and section.kept
        if chosen.write:
            page.write(section)
    return 0 if kept else 1


def _sections(folder: Path | None) -> Mapping[str, Callable[[], Section]]:
    return {
        "language": language.section,
        "silence": lambda: silence.section(folder),
        "hallucinations": hallucinations.section,
        "voices": voices.section,
    }


def _folder() -> Path | None:
    named = os.environ.get(SPEECH_VARIABLE)
    return Path(named) if named else None


if __name__ == "__main__":
    sys.exit(main())
