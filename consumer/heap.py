"""Heap: what is there once the first memo is settled stays for good, so Python's collector need not look through it.

The vendors' clients alone are some hundred thousand objects. Looking through all of them takes the collector a tenth of
a second, in which nobody is served, and it would do so again and again.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

from consumer.notices import MemoSettled

if TYPE_CHECKING:
    from consumer.notices import Notice

_YOUNG: Final = 10_000
"""So many new objects before the youngest are looked through: a memo makes thousands, and hardly any of them in rings
that only the collector can take apart."""


class Heap:
    """Listens for the first memo that is settled. For a process of our own: it is the whole process's heap."""

    def __init__(self) -> None:
        self._frozen = False

    def __call__(self, notice: Notice) -> None:
        """Take note."""
        if not self._frozen and isinstance(notice, MemoSettled):
            self._frozen = True
            gc.collect()
            gc.freeze()
            gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
