"""The collector rests while a module is imported, and no longer."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import pytest

from consumer.importing import imported

if TYPE_CHECKING:
    from types import ModuleType


@pytest.mark.parametrize("on", [True, False])
def test_a_module_is_imported_with_the_collector_at_rest(*, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports a module has the collector afterwards as it was before, also where there is no such module."""
    seen: list[bool] = []

    def looked_up(name: str) -> ModuleType:
        seen.append(gc.isenabled())
        return sys.modules[name]

    monkeypatch.setattr("importlib.import_module", looked_up)
    try:
        if not on:
            gc.disable()
        assert imported("gc") is gc
        with pytest.raises(KeyError):
            imported("no.such.module")
        assert gc.isenabled() is on
    finally:
        gc.enable()
    assert seen == [False, False]
