"""Removal of control characters, markup, lists, stage directions and emoji. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

_CODE_BLOCK: Final = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
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
"""Emoji, arrows, boxes, variation selectors, private use."""
_SENTENCE_MARKS: Final = '.!?…。！？।؟"”)*'  # noqa: RUF001 (marks of other scripts)
_WIDE: Final = re.compile("[\\u3040-\\u30ff\\u3400-\\u9fff]")
_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE: Final = frozenset({"Cf", "Cs", "Co"})
"""Format characters (bidi, zero width, tags), lone surrogates, private use."""
_JOINERS: Final = "\u200c\u200d"


def clean_line(text: str) -> str:
    """Return a text on one line, without what steers a terminal, a screen or a tokenizer.

    Joiners stay inside words: Persian and Hindi spell with them.
    """
    text = _BLANK.sub(" ", text)
    if text.isascii():
        return text.strip()
    kept: list[str] = []
    for at, character in enumerate(text):
        if character in _JOINERS:
            if _is_inside_word(kept, text[at + 1 : at + 2]):
                kept.append(character)
        elif unicodedata.category(character) not in _INVISIBLE:
            kept.append(character)
    return _BLANK.sub(" ", "".join(kept)).strip()


def _is_inside_word(before: list[str], after: str) -> bool:
    if not before or before[-1].isascii() or not after or after.isascii():
        return False
    return unicodedata.category(before[-1])[0] in "LM" and after.isalpha()


def without_blocks(text: str) -> str:
    """Remove code blocks and links' targets; decode entities."""
    text = _CODE_BLOCK.sub("\n", text)
    text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return LINK.sub(r"\1", text)


def as_prose(text: str) -> str:
    """Join lines to sentences, lists by commas."""
    lines = [line.strip() for line in _RULE.sub("", text.replace("\r", "\n")).split("\n")]
    lines = [line for line in lines if line]
    numbered = sum(bool(_NUMBERED.match(line)) for line in lines) > 1
    kinds, texts = [], []
    for line in lines:
        kind, text = _line(line, numbered=numbered)
        if text:
            kinds.append(kind)
            texts.append(text)
    for at, kind in enumerate(kinds):
        if kind and not _ENDED.search(texts[at]) and len(texts) > 1:
            more = kind == "item" and kinds[at + 1 : at + 2] == ["item"]
            texts[at] += _mark(texts[at], comma=more)
    return " ".join(texts)


def _line(line: str, *, numbered: bool) -> tuple[str, str]:
    """Return a line's kind (heading, item or empty) and text."""
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


def _mark(text: str, *, comma: bool) -> str:
    if _WIDE.search(text):
        return "、" if comma else "。"
    return "," if comma else "."


def without_markup(text: str) -> str:
    """Remove tags, stage directions, emphasis, emoji and speakers' names."""
    text = _SPEAKER.sub("", _TAG.sub(" ", text))
    text = _ACTED.sub(" ", _BRACKETED.sub(" ", text))
    text = _STARRED.sub(_starred, _BOLD.sub(r"\2", text))
    return _PICTURES.sub(" ", _MARKUP.sub(" ", text))


def _starred(match: re.Match[str]) -> str:
    """Drop a stage direction; keep emphasis, as in "do *not* go"."""
    before, after = match.string[: match.start()].rstrip(), match.string[match.end() :].lstrip()
    begins = not before or before[-1] in _SENTENCE_MARKS
    goes_on = after[:1].islower() or (after[:1] and after[0] in ",;:.!?")
    lower = match[1][:1].islower() or not match[1][:1].isalpha() or (" " in match[1] and match[1].isascii())
    acted = begins and not goes_on and lower and match[1][-1] not in _SENTENCE_MARKS
    return " " if acted else match[1]
