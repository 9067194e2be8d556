"""Parses as much of PromQL as our alerts and dashboards use, and refuses the rest: a stand-in for promtool.

The grammar: prometheus.io/docs/prometheus/latest/querying/basics and …/operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count"})
RANGE_FUNCTIONS = frozenset({"rate", "increase", "changes", "max_over_time", "delta"})
"""They take a range vector, and nothing else does."""
FUNCTIONS = frozenset({"absent", "histogram_quantile", "clamp_min", "vector", "time", "abs"})
OPERATORS = frozenset({"+", "-", "*", "/", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"})

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<duration>(?:\d+(?:ms|[smhdwy]))+)|(?P<name>[a-zA-Z_:][\w:]*)"
    r'|(?P<text>"[^"\\]*")|(?P<sign>=~|!~|==|!=|>=|<=|[-+*/<>=(){}\[\],]))'
)


class NotPromQL(Exception):
    """An expression is not what we can read."""


class Matcher(NamedTuple):
    """One condition on a label."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric that an expression asks for."""

    metric: str
    matchers: tuple[Matcher, ...]
    ranged: bool


@dataclass(slots=True)
class Expression:
    """What was found in an expression."""

    selectors: list[Selector] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    """That it groups by."""


def parse(text: str) -> Expression:
    """Read an expression. Raises NotPromQL."""
    parser = _Parser(text)
    parser.expression()
    if parser.peek():
        raise NotPromQL(f"{parser.peek()!r} is left over in {text!r}")
    return parser.found


class _Parser:
    def __init__(self, text: str) -> None:
        self.found = Expression()
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise NotPromQL(f"unreadable at {text[at : at + 20]!r}")
            self._tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
            at = match.end()
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def expression(self) -> bool:
        """Read operands with operators between; say whether it is a bare range vector."""
        ranged = self._operand()
        while self.peek() in OPERATORS:
            self._take(self.peek())
            if self.peek() in {"on", "ignoring"}:
                self._take(self.peek())
                self._grouping()
            if self._operand() or ranged:
                raise NotPromQL(f"an operator on a range vector in {self._text!r}")
        return ranged

    def _operand(self) -> bool:
        if self.peek() == "-":
            self._take("-")
        kind, token = self._next()
        if kind == "number":
            return False
        if token == "(":
            ranged = self.expression()
            self._take(")")
            return ranged
        if kind != "name":
            raise NotPromQL(f"{token!r} stands where a value should in {self._text!r}")
        if token in AGGREGATIONS:
            return self._aggregation()
        if token in RANGE_FUNCTIONS | FUNCTIONS:
            return self._call(token)
        return self._selector(token)

    def _aggregation(self) -> bool:
        if self.peek() in {"by", "without"}:
            self._take(self.peek())
            self._grouping()
        self._take("(")
        if self.expression():
            raise NotPromQL(f"an aggregation of a range vector in {self._text!r}")
        self._take(")")
        return False

    def _call(self, function: str) -> bool:
        self._take("(")
        ranged = [] if self.peek() == ")" else [self.expression()]
        while self.peek() == ",":
            self._take(",")
            ranged.append(self.expression())
        self._take(")")
        if any(ranged) != (function in RANGE_FUNCTIONS):
            raise NotPromQL(f"{function}() is given the wrong kind of vector in {self._text!r}")
        return False

    def _selector(self, metric: str) -> bool:
        if self.peek() == "(":
            raise NotPromQL(f"{metric} is no function that we know")
        matchers = self._matchers() if self.peek() == "{" else ()
        ranged = self.peek() == "["
        if ranged:
            self._take("[")
            self._duration()
            self._take("]")
        if self.peek() == "offset":
            self._take("offset")
            self._duration()
        self.found.selectors.append(Selector(metric, matchers, ranged))
        return ranged

    def _matchers(self) -> tuple[Matcher, ...]:
        found = []
        self._take("{")
        while self.peek() != "}":
            (kind, label), (_, operator), (text, value) = self._next(), self._next(), self._next()
            if (kind, text) != ("name", "text") or operator not in {"=", "!=", "=~", "!~"}:
                raise NotPromQL(f"no condition on a label: {label} {operator} {value}")
            if operator.endswith("~"):
                re.compile(value)
            found.append(Matcher(label, operator, value.strip('"')))
            if self.peek() == ",":
                self._take(",")
        self._take("}")
        return tuple(found)

    def _grouping(self) -> None:
        self._take("(")
        while self.peek() != ")":
            self.found.labels.add(self._next()[1])
            if self.peek() == ",":
                self._take(",")
        self._take(")")

    def _duration(self) -> None:
        kind, token = self._next()
        if kind != "duration":
            raise NotPromQL(f"{token!r} is no duration")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise NotPromQL(f"{self._text!r} ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, wanted: str) -> None:
        if self._next()[1] != wanted:
            raise NotPromQL(f"{wanted!r} is missing in {self._text!r}")
