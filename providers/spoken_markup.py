"""Takes out of a text what is written for the eye: markup, lists, stage directions, pictures. Pure."""

from __future__ import annotations

import html
import re
from typing import Final

CODE_BLOCK: Final = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
LINK: Final = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^)\n]{0,2000}\)")
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});")
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>\n]{0,200}>")
_RULE: Final = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|?)+[ \t]*$", re.MULTILINE)
_BULLET: Final = re.compile(r"(?:(?:[-*+•–—·]|>+)[ \t]+)+")  # noqa: RUF001 (dashes that lists begin with)
_HEADING: Final = re.compile(r"#{1,6}[ \t]+")
_NUMBERED: Final = re.compile(r"(?:\d{1,3}|[a-zA-Z])[.)][ \t]+")
_SPEAKER: Final = re.compile(r"\A\s*(?:(?:assistant|ai|bot|voice ?memo)\s*:\s*)+", re.IGNORECASE)
_ENDED: Final = re.compile(r"[.!?…。！？।؟,;:،；：、—–-][\"'”’»)*_]*\Z")  # noqa: RUF001 (marks of other scripts)
_BRACKETED: Final = re.compile(r"\[[^\]\n]{1,80}\]|【[^】\n]{1,80}】")
_ACTED: Final = re.compile(
    r"\((?:(?:\w+ly|softly|\w+) )?(?:laughs?|laughing|laughter|chuckles?|chuckling|sighs?|sighing|smiles?|smiling|"
    r"pauses?|giggles?|winks?|nods?|clears throat|risas?|ríe|rires?|lacht|ride|risos)(?: \w+)?\)",
    re.IGNORECASE,
)
_STARRED: Final = re.compile(r"(?<![*\w])\*(?=[^*\s])([^*\n]{1,80})(?<=[^*\s])\*(?![*\w])")
_BOLD: Final = re.compile(r"(\*\*|__)(.+?)\1")
_MARKUP: Final = re.compile(r"[*_`~#|<>\[\]{}\\^]+|={2,}|-{3,}")
_PICTURES: Final = re.compile(
    "[\\u20e3\\u2190-\\u21ff\\u2300-\\u23ff\\u2460-\\u24ff\\u2500-\\u27bf\\u2900-\\u297f\\u2b00-\\u2bff"
    "\\ufe00-\\ufe0f\\U0001f000-\\U0001faff\\ue000-\\uf8ff]+"
)
"""Emoji, arrows, boxes, variation selectors and private-use characters."""
_WIDE: Final = re.compile("[\\u3040-\\u30ff\\u3400-\\u9fff]")


def without_blocks(text: str) -> str:
    """Take out code blocks and the targets of links, and read entities."""
    text = CODE_BLOCK.sub("\n", text)
    text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return LINK.sub(r"\1", text)


def as_prose(text: str) -> str:
    """Make sentences of lines: headings end, items of a list are set apart by commas, marks of lists go."""
    lines = [line.strip() for line in _RULE.sub("", text.replace("\r", "\n")).split("\n")]
    lines = [line for line in lines if line]
    numbered = sum(bool(_NUMBERED.match(line)) for line in lines) > 1
    kinds, said = [], []
    for line in lines:
        kind, words = _line(line, numbered=numbered)
        if words:
            kinds.append(kind)
            said.append(words)
    for place, kind in enumerate(kinds):
        if kind and not _ENDED.search(said[place]) and len(said) > 1:
            more = kind == "item" and kinds[place + 1 : place + 2] == ["item"]
            said[place] += _mark(said[place], comma=more)
    return " ".join(said)


def _line(line: str, *, numbered: bool) -> tuple[str, str]:
    """Tell what a line is — a heading, an item, or neither — and give its words."""
    heading, bullet = _HEADING.match(line), _BULLET.match(line)
    if heading:
        return "heading", line[heading.end() :].rstrip("# ")
    if bullet:
        return "" if line.startswith(">") else "item", line[bullet.end() :]
    mark = _NUMBERED.match(line) if numbered else None
    if mark:
        return "item", line[mark.end() :]
    if line.startswith("|") and line.endswith("|"):
        return "heading", ", ".join(cell.strip() for cell in line.strip("|").split("|") if cell.strip())
    return "", line


def _mark(words: str, *, comma: bool) -> str:
    if _WIDE.search(words):
        return "、" if comma else "。"
    return "," if comma else "."


def without_markup(text: str) -> str:
    """Take out tags, stage directions, emphasis, emoji and names of speakers."""
    text = _SPEAKER.sub("", _TAG.sub(" ", text))
    text = _ACTED.sub(" ", _BRACKETED.sub(" ", text))
    text = _STARRED.sub(_starred, _BOLD.sub(r"\2", text))
    return _PICTURES.sub(" ", _MARKUP.sub(" ", text))


_SENTENCE_MARKS: Final = '.!?…。！？।؟"”)*'  # noqa: RUF001 (marks of other scripts)


def _starred(found: re.Match[str]) -> str:
    """Drop a stage direction; keep an emphasised word, for without it "do *not* go" would say the contrary."""
    before, after = found.string[: found.start()].rstrip(), found.string[found.end() :].lstrip()
    begins = not before or before[-1] in _SENTENCE_MARKS
    goes_on = after[:1].islower() or (after[:1] and after[0] in ",;:.!?")
    lower = found[1][:1].islower() or not found[1][:1].isalpha() or (" " in found[1] and found[1].isascii())
    acted = begins and not goes_on and lower and found[1][-1] not in _SENTENCE_MARKS
    return " " if acted else found[1]
