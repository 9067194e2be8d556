"""Facts that this process could not save while the ledger was away, for its own next attempt (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.ledger import Claim, JsonValue, MemoKey

_MAX_MEMOS = 256


class Carried:
    """Facts of attempts that lost their lease; the oldest are dropped first.

    They are used only if no other worker has held the memo in between: then the ledger knows as much or more.
    """

    def __init__(self) -> None:
        self._facts: dict[MemoKey, tuple[int, int, Mapping[str, JsonValue]]] = {}

    def keep(self, claim: Claim, facts: Mapping[str, JsonValue]) -> None:
        """Keep the facts of an attempt that could not store them."""
        self._facts.pop(claim.key, None)
        self._facts[claim.key] = (claim.fence, claim.generation, dict(facts))
        while len(self._facts) > _MAX_MEMOS:
            del self._facts[next(iter(self._facts))]

    def into(self, claim: Claim) -> dict[str, JsonValue]:
        """Return the kept facts for the next attempt, and drop them."""
        fence, generation, facts = self._facts.pop(claim.key, (0, 0, {}))
        if (fence + 1, generation) != (claim.fence, claim.generation):
            return {}
        return dict(facts)
