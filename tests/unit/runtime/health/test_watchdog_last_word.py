from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runtime.health import watchdog
from runtime.health.watchdog import EXIT_STATUS, write_stacks
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

AT_MOST_SECONDS = 60.0
"""How long a test waits for what must come: nothing is measured by it."""


def test_stacks_name_places_and_no_words(capfd: pytest.CaptureFixture[str]) -> None:
    """A dump has the line, every thread and its functions, and no value of a variable (I6)."""
    done = threading.Event()

    def listening(spoken: str) -> str:
        done.wait(AT_MOST_SECONDS)
        return spoken

    thread = threading.Thread(target=listening, args=("what the person " + "said",))
    thread.start()
    write_stacks("no poll for 61 s while polling")
    done.set()
    thread.join()
    told = capfd.readouterr().err
    assert told.startswith("voicememo watchdog: no poll for 61 s while polling\n")
    assert " in listening\n" in told
    assert " in test_stacks_name_places_and_no_words\n" in told
    assert "what the person said" not in told


def test_nobody_waits_for_a_reader_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error that is full, or broken, delays a dump only within its limit."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.write(writing, b"x" * 2**24)  # as much as it takes
    os.set_blocking(writing, True)
    monkeypatch.setattr(watchdog, "_STDERR", writing)
    monkeypatch.setattr(watchdog, "_WRITE_SECONDS", 0.01)
    write_stacks("full")
    (waiting,) = (thread for thread in threading.enumerate() if thread.name == "watchdog-writer")
    os.close(reading)
    waiting.join(AT_MOST_SECONDS)
    assert not waiting.is_alive()
    write_stacks("broken")
    os.close(writing)


def test_without_files_there_is_still_the_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has used up its files is reported as such."""

    def exhausted() -> tuple[int, int]:
        raise OSError

    monkeypatch.setattr(os, "pipe", exhausted)
    write_stacks("stuck")
    assert capfd.readouterr().err == "voicememo watchdog: stuck\n(no stacks: too many files are open)\n"


BLOCKING = """
import asyncio, os, sys, threading, time
from runtime.health import watchdog

def deep(frames):
    deep(frames - 1) if frames else time.sleep(600)

def crowd():
    for _ in range(40):
        threading.Thread(target=deep, args=(90,), daemon=True).start()

def the_stuck_place(spoken):
    {block}

async def main():
    with watchdog.Watchdog(
        asyncio.get_running_loop(), stale_after_seconds=60, loop_stall_seconds=0.2, interval_seconds=0.01,
        rebuild=lambda: None,
    ):
        await asyncio.sleep(0.05)
        the_stuck_place("what the person " + "said")

watchdog._WRITE_SECONDS = {write_seconds}
asyncio.run(main())
"""


@contextmanager
def blocking(block: str, *, write_seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose loop is blocked by this; it is gone afterwards, whatever the test found."""
    script = BLOCKING.format(block=block, write_seconds=write_seconds)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:  # noqa: S603 (our own script)
        try:
            yield process
        finally:
            process.kill()


def test_a_blocked_process_ends_itself() -> None:
    """A process whose loop is blocked ends with status 70, and says last why and where."""
    with blocking("time.sleep(600)", write_seconds=AT_MOST_SECONDS) as process:
        _, written = process.communicate(timeout=AT_MOST_SECONDS)
    told = written.decode()
    assert process.returncode == EXIT_STATUS == 70
    lines = [line for line in told.splitlines() if line.startswith("voicememo watchdog: ")]
    assert lines == [
        "voicememo watchdog: loop blocked for 0 s while starting",
        "voicememo watchdog: loop blocked for 0 s while starting: the process ends itself with status 70",
    ]
    last_word = told.partition("ends itself with status 70\n")[2]
    assert " in the_stuck_place\n" in last_word
    assert " in end_process\n" in last_word
    assert "what the person said" not in told


def test_a_process_blocked_by_its_own_standard_error_ends_itself() -> None:
    """Its standard error is not read, and it ends all the same."""
    with blocking('os.write(2, b"x" * 2**24)', write_seconds=0.1) as process:
        assert process.wait(AT_MOST_SECONDS) == EXIT_STATUS


def test_a_process_with_more_stacks_than_there_is_room_for_ends_itself() -> None:
    """Of forty deep threads as much is written as there is room for, without delay."""
    with blocking("crowd(); time.sleep(600)", write_seconds=AT_MOST_SECONDS) as process:
        _, written = process.communicate(timeout=AT_MOST_SECONDS)
    assert process.returncode == EXIT_STATUS
    assert written.count(b" in deep\n") > 100
