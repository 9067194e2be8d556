"""`voicememo replay` as a process: what it refuses, how it waits, and what it says when it is cut off."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.broker import EmbeddedBroker
from storage.sqlite.store import SqliteStore
from tests.harness.paths import MEMOS
from tests.harness.processes import COMMAND, Ended, environment, run_to_end

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMO = MEMOS / "en-yes.wav"
UNREACHABLE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
"""Whoever gets as far as to Kafka says so, with another status."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A broker and a ledger, and no worker: nothing that is put comes to an end."""
    store = SqliteStore(tmp_path / "voicememo.db")
    asyncio.run(_made(store))
    with EmbeddedBroker() as broker:
        yield environment(tmp_path, broker=broker.bootstrap_servers)


async def _made(store: SqliteStore) -> None:
    await store.open()
    await store.close()


def _replay(variables: dict[str, str], *arguments: str | Path) -> Ended:
    return asyncio.run(run_to_end("replay", *map(str, arguments), variables=variables))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("memo.txt", "Dear diary,", "is neither a recording nor an event (.json, or .bin for bytes as they are)"),
        ("memo", "Dear diary,", "is neither a recording nor an event (.json, or .bin for bytes as they are)"),
        ("event.json", '{"url": "${SERIES_API_URL}/x"}', "needs SERIES_API_URL, which is not set"),
        ("EVENT.JSON", "Dear diary,", "is no JSON; call it .bin to have its bytes sent as they are"),
    ],
)
def test_what_cannot_be_put_is_refused_before_anything_is(tmp_path: Path, name: str, content: str, why: str) -> None:
    """One file that cannot go, and one that can: a line says why, and Kafka is not even asked."""
    path = tmp_path / name
    path.write_text(content)
    assert _replay(UNREACHABLE, MEMO, path) == (2, "", f"voicememo: {name}: {why}\n")


@pytest.mark.parametrize("patience", ["-5", "0", "nan", "inf"])
def test_patience_is_a_time(patience: str) -> None:
    """No time, less than none, and for ever are wrong usage."""
    status, out, err = _replay(UNREACHABLE, MEMO, "--wait", "--patience", patience)
    assert (status, out) == (2, "")
    assert "Invalid value for '--patience'" in err


def test_a_folder_gives_what_can_be_put(here: dict[str, str], tmp_path: Path) -> None:
    """Of a folder events and recordings go, whatever the letters of their suffixes; the rest is passed over."""
    folder = tmp_path / "folder"
    (folder / "inner.json").mkdir(parents=True)
    for name, content in {
        "A.JSON": b"{}",
        "b.bin": b"\xff",
        "notes.txt": b"words",
        "README": b"words",
        "Voice Memo [1]": MEMO.read_bytes(),
    }.items():
        (folder / name).write_bytes(content)
    status, out, err = _replay(here, folder, "--json")
    assert (status, err) == (0, "")
    assert [Path(json.loads(line)["path"]).name for line in out.splitlines()] == ["A.JSON", "Voice Memo [1]", "b.bin"]


def test_waiting_is_plain_in_a_pipe(here: dict[str, str]) -> None:
    """In a pipe there is a line for each event and nothing that moves; patience that ends is status 1."""
    status, out, err = _replay(here, MEMO, "--wait", "--patience", "0.2")
    assert (status, err) == (1, "")
    (line,) = out.splitlines()
    assert line.startswith("en-yes.wav  message.received[")
    assert "waiting (no end within 0.2 s: is a worker running, with this STORE_URL?)" in line


def test_a_store_that_a_worker_is_about_to_make_is_waited_for(here: dict[str, str], tmp_path: Path) -> None:
    """A replay just after the worker's start does not report a missing store; it is there in a moment."""
    elsewhere = tmp_path / "elsewhere.db"
    variables = {**here, "STORE_URL": f"sqlite:{elsewhere}"}
    with closing(_Terminal(variables, "replay", MEMO, "--wait")) as terminal:
        terminal.read_until("waiting for the store")
        asyncio.run(_made(SqliteStore(elsewhere)))
        assert "waiting for 1 of 1: en-yes.wav" in terminal.read_until("waiting for 1 of 1: en-yes.wav")


def test_a_store_that_nobody_makes_is_reported(here: dict[str, str], tmp_path: Path) -> None:
    """A store that does not come is reported, it is not made, and nothing is put: its name may be mistyped."""
    elsewhere = tmp_path / "elsewhere.db"
    variables = {**here, "STORE_URL": f"sqlite:{elsewhere}"}
    status, out, err = _replay(variables, MEMO, "--wait", "--patience", "0.2")
    assert (status, out) == (1, "")
    assert err == f"voicememo: SQLite: there is no file {elsewhere}; see STORE_URL\n"
    assert not elsewhere.exists()


def test_cut_off_it_says_what_was_put(here: dict[str, str]) -> None:
    """On a terminal it shows what it waits for; on Ctrl-C it names what is on the topic, each with its id."""
    with closing(_Terminal(here, "replay", MEMO, MEMO, "--wait")) as terminal:
        assert "waiting for 1 of 2: en-yes.wav" in terminal.read_until("waiting for 1 of 2: en-yes.wav")
        terminal.process.send_signal(signal.SIGINT)
        said = terminal.read_until(None)
    assert terminal.process.returncode == 130
    lines = [line.split() for line in said.splitlines() if line.startswith("en-yes.wav  message.received[")]
    assert [(name, outcome) for name, _, _, outcome in lines] == [("en-yes.wav", "put")] * 2
    assert len({message_id for _, _, message_id, _ in lines if message_id.startswith("en-yes-")}) == 2
    assert "Put, and not followed to their end: 2. See `voicememo show MESSAGE_ID`." in said


class _Terminal:
    """A command at a terminal of its own."""

    def __init__(self, variables: dict[str, str], *arguments: str | Path) -> None:
        self._ours, theirs = os.openpty()
        variables = {**variables, "TERM": "xterm", "COLUMNS": "200"}
        self.process = subprocess.Popen([COMMAND, *arguments], env=variables, stdout=theirs, stderr=theirs)  # noqa: S603 (our own)
        os.close(theirs)

    def read_until(self, words: str | None) -> str:
        """Read until these words came, or to the end."""
        said = b""
        while words is None or words.encode() not in said:
            try:
                said += os.read(self._ours, 65_536)
            except OSError:  # EIO: the other side is closed
                break
        if words is None:
            self.process.wait()
        return _ESCAPES.sub("", said.decode())

    def close(self) -> None:
        """End it, whatever it does."""
        os.close(self._ours)
        self.process.kill()
        self.process.wait()
