from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from console.commands import failed
from console.store import open_store
from consumer.settings import load
from storage.ledger import MemoKey
from storage.states import State
from tests.contracts.ledgers import claimed, letter_at, settle
from tests.unit.console.calling import called, in_store, kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from storage.ledger import DeadLetter, Story
    from storage.sqlite.store import SqliteStore

LONG = MemoKey("c0ffee00-1111-2222-3333-444455556666", "0f5a3c1e-aaaa-bbbb-cccc-ddddeeeeffff")
SHORT = MemoKey("88214", "5100440")
REASON = "deliver-outcome-unknown"
EVENT = "t[0]@7"


async def _wait(store: SqliteStore) -> None:
    """Leave a memo that failed, and an event that is no memo."""
    claim = await claimed(store.ledger, LONG)
    await settle(store.ledger, claim, State.FAILED, letter=letter_at(1, LONG, reason=REASON, fence=claim.fence))
    await store.ledger.bury(letter_at(7))


async def _found(folder: Path) -> tuple[Sequence[Story], list[DeadLetter]]:
    async with open_store(load(kept(folder))) as store:
        return await failed._find(store, 9)


def test_nothing_is_cut_or_folded(tmp_path: Path) -> None:
    """On a terminal of 80 columns ids, chat and reason are whole in their lines, however long the ids are."""
    in_store(tmp_path, _wait)
    stories, letters = asyncio.run(_found(tmp_path))
    for key in (LONG, SHORT):
        console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
        with console.capture() as captured:
            failed._print([replace(each, key=key) for each in stories], letters, console)
        rows = captured.get().splitlines()
        assert max(map(len, rows)) <= 80
        (memo,) = [row for row in rows if key.message_id in row]
        (chat,) = [row for row in rows if key.chat_id in row]
        assert REASON in memo
        assert (chat == memo) is (key == SHORT)
        assert any(row.split()[:2] == [EVENT, "not-json"] for row in rows)


def test_a_row_a_memo_in_a_pipe(tmp_path: Path) -> None:
    """In a pipe each memo is one line, with all there is to know of it."""
    in_store(tmp_path, _wait)
    lines = [line.split() for line in called("failed", **kept(tmp_path)).stdout.splitlines()]
    assert lines[0] == ["memo", "chat", "state", "reason", "received", "tries", "due"]
    assert lines[1][:4] == [LONG.message_id, LONG.chat_id, "failed", REASON]
    assert lines[1][-1] == "1"


@pytest.mark.parametrize("command", ["show", "reprocess"])
def test_an_event_that_is_no_memo(tmp_path: Path, command: str) -> None:
    """Commands that know memos alone report what `failed` lists of an event as such, with where its bytes are."""
    in_store(tmp_path, _wait)
    assert EVENT in called("failed", **kept(tmp_path)).stdout
    result = called(command, EVENT, **kept(tmp_path))
    assert result.exit_code == 3
    assert f"{EVENT}" in result.output
    assert "this is an event that is no memo" in result.output
    assert "KAFKA_DEAD_LETTER_TOPIC" in result.output
    assert "STORE_URL" not in result.output


@pytest.mark.parametrize("command", [["show", ""], ["reprocess", ""], ["reprocess", "5", ""], ["reprocess"]])
def test_no_name_is_misuse(tmp_path: Path, command: list[str]) -> None:
    """An empty id is wrong usage, and not a memo that is not there."""
    result = called(*command, **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`voicememo failed` lists" in result.stderr


def test_an_id_is_reported_as_it_is(tmp_path: Path) -> None:
    """An id comes from outside: what looks like a markup of ours in it is printed as it stands."""
    in_store(tmp_path, _wait)
    result = called("reprocess", "5[bold]6[/red]", **kept(tmp_path))
    assert result.exit_code == 3
    assert result.stdout == "5[bold]6[/red]  no memo has this id; is STORE_URL the worker's own?\n"


def test_one_or_the_other(tmp_path: Path) -> None:
    """Memos together with --all are refused: both were given."""
    result = called("reprocess", "--all", "5", **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Name the memos to reprocess, or give --all: one or the other.\n"
