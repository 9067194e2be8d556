"""What stays for good is kept from the garbage collector, and the collector is otherwise as it was."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import pytest

from runtime.garbage import freeze, import_without_gc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Restore the collector: it is the whole process's."""
    thresholds = gc.get_threshold()
    freeze.cache_clear()
    yield
    freeze.cache_clear()
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.parametrize("on", [True, False])
def test_importing_leaves_the_collector_as_it_was(*, on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module is imported with the collector off; afterwards it is as before, also where the import fails."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_module_of_ours", raising=False)
    (tmp_path / "a_module_of_ours.py").write_text("import gc\nCOLLECTING = gc.isenabled()\n")
    if not on:
        gc.disable()
    assert import_without_gc("a_module_of_ours").COLLECTING is False
    with pytest.raises(ModuleNotFoundError):
        import_without_gc("a_module_of_nobody")
    assert gc.isenabled() is on


def test_frozen_once() -> None:
    """The first call exempts what is there from later collections; a second one exempts nothing that came since."""
    there, before = [[]], gc.get_threshold()  # type: ignore[var-annotated] # an object that the collector tracks
    freeze()
    assert not any(each is there for each in gc.get_objects())
    assert gc.get_threshold()[0] > before[0]
    later = [[]]  # type: ignore[var-annotated] # the same
    freeze()
    assert any(each is later for each in gc.get_objects())
