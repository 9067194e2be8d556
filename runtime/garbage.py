"""Garbage collection, kept away from objects that stay."""

from __future__ import annotations

import gc
import importlib
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

_YOUNG: Final = 10_000
"""New objects before the youngest generation is collected: a memo makes thousands, hardly any of them in cycles."""


def import_uncollected(name: str) -> ModuleType:
    """Import a module with the collector off: a sixth faster for the vendors' clients."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if was_on:
            gc.enable()


@cache
def freeze() -> None:
    """Exempt all present objects from later collections; later calls do nothing.

    Call it after the first memo: the vendors' clients are some 100,000 objects by then, and every full collection of
    them would stop the process for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
