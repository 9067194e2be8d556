"""Facts that could not be saved while the ledger was away, for this process's next attempt (I10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.ledger import Claim, JsonValue, MemoKey

_MAX_MEMOS = 256


class UnsavedFacts:
    """Facts of attempts that lost their lease, used only if no other worker has had the memo since."""

    def __init__(self) -> None:
        self._facts: dict[MemoKey, tuple[int, int, Mapping[str, JsonValue]]] = {}

    def save(self, claim: Claim, facts: Mapping[str, JsonValue]) -> None:
        """Keep an attempt's facts."""
        self._facts.pop(claim.key, None)
        self._facts[claim.key] = (claim.fence, claim.generation, dict(facts))
        while len(self._facts) > _MAX_MEMOS:
            del self._facts[next(iter(self._facts))]

    def pop(self, claim: Claim) -> dict[str, JsonValue]:
        """Remove and return the facts for the next attempt."""
        fence, generation, facts = self._facts.pop(claim.key, (0, 0, {}))
        if (fence + 1, generation) != (claim.fence, claim.generation):
            return {}
        return dict(facts)
