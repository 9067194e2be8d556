"""What a worker's metrics tell of its event loop's stalls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

_NAME = "voicememo_loop_stall_seconds"


@dataclass(frozen=True, slots=True)
class Stalls:
    """A histogram of how late the loop was, at each of many looks."""

    counts: dict[float, float]
    """Upper bound in seconds → looks that were no later."""

    @classmethod
    def read(cls, metrics: str) -> Self:
        """Read them from Prometheus's text format."""
        families = text_string_to_metric_families(metrics)
        samples = [sample for family in families if family.name == _NAME for sample in family.samples]
        return cls({float(each.labels["le"]): each.value for each in samples if each.name.endswith("_bucket")})

    def since(self, earlier: Stalls) -> Stalls:
        """Give what came after an earlier reading."""
        return Stalls({bound: count - earlier.counts.get(bound, 0) for bound, count in self.counts.items()})

    def quantile(self, share: float) -> float:
        """Give the bound, in seconds, that so large a share of the looks does not exceed; infinite past the last."""
        total = self.counts.get(math.inf, 0)
        return min((bound for bound, count in self.counts.items() if count >= share * total), default=math.inf)


def sum_of(metrics: str, family_name: str) -> float:
    """Add up all that a counter or gauge counts, whatever its labels."""
    families = text_string_to_metric_families(metrics)
    return sum(
        sample.value
        for family in families
        if family.name == family_name
        for sample in family.samples
        if not sample.name.endswith("_created")
    )
