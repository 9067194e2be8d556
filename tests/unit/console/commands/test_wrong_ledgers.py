from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.unit.console.calling import called, in_store, kept

if TYPE_CHECKING:
    from pathlib import Path

    from storage.sqlite.store import SqliteStore


@pytest.mark.parametrize("command", ["failed", "show 5", "purge", "purge --person +15550100001", "reprocess 5"])
def test_a_ledger_that_is_not_there(tmp_path: Path, command: str) -> None:
    """Each command reports, by name, that there is no such file, and makes none."""
    place = tmp_path / "typo" / "voicememo.db"
    result = called(*command.split(), **{**kept(tmp_path), "STORE_URL": f"sqlite:{place}"})
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"voicememo: SQLite: there is no file {place}; see STORE_URL\n"
    assert not place.parent.exists()


@pytest.mark.parametrize("command", ["failed", "show 5", "purge", "reprocess 5"])
def test_a_ledger_that_is_none(tmp_path: Path, command: str) -> None:
    """A file that is no database is reported in one line, and is left as it is."""
    place = tmp_path / "voicememo.db"
    place.write_text("garbage\n")
    result = called(*command.split(), **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"voicememo: SQLite: {place} is no database, or is damaged; see STORE_URL\n"
    assert place.read_text() == "garbage\n"


def test_a_ledger_that_is_locked(tmp_path: Path) -> None:
    """While another process has the file to itself, a command says that trying again may help."""
    in_store(tmp_path, _nothing)
    with closing(sqlite3.connect(tmp_path / "voicememo.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        result = called("failed", **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("voicememo: SQLite: ")
    assert result.stderr.endswith("; see STORE_URL, or try again if another process uses the store\n")


async def _nothing(store: SqliteStore) -> None:
    """Leave the store as it was made."""


def test_replay_looks_first(tmp_path: Path) -> None:
    """Before anything is put on the topic, `replay --wait` sees that the ledger that it would follow is there."""
    event = tmp_path / "event.json"
    event.write_text("{}")
    result = called("replay", "--wait", "--patience", "0.2", str(event), **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"there is no file {tmp_path / 'voicememo.db'}; see STORE_URL" in result.stderr
