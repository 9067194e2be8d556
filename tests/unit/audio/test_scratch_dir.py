from __future__ import annotations

import asyncio
import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.errors import DecodeFailed, TranscodeTimeout
from audio.scratch_dir import Exit, TimeBudget, remove_abandoned_dirs, scratch_dir
from tests.harness.until import until
from tests.unit.audio.conftest import lives

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

SECONDS = 20.0


async def test_a_program_runs_in_the_folder_and_is_heard() -> None:
    """It finds what was put there, its status and what it wrote to either output are known, its files can be read."""
    async with scratch_dir(DecodeFailed, seconds=SECONDS, files={"in": b"sound"}) as scratch:
        ended = await scratch.run(["/bin/sh", "-c", "cat in; echo bad >&2; cp in out; exit 3"])
        assert ended == Exit(3, "soundbad\n")
        assert await scratch.read("out") == b"sound"
        assert await scratch.read("never-written") == b""


async def test_the_folder_is_exclusive() -> None:
    """Only its owner may look into the folder, and it is gone afterwards, with all that is in it."""
    async with scratch_dir(DecodeFailed, seconds=SECONDS) as scratch:
        assert scratch.path.stat().st_mode & 0o777 == 0o700
        await scratch.run(["/bin/mkdir", "-p", "deep/er"])
    assert not scratch.path.exists()


async def test_keys_in_the_environment_stay_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program sees where programs are, and no other variable: no key, and nothing that has it write a log."""
    monkeypatch.setenv("ELEVENLABS_API_KEY", "secret")
    monkeypatch.setenv("FFREPORT", "file=report.log")
    async with scratch_dir(DecodeFailed, seconds=SECONDS) as scratch:
        said = (await scratch.run(["/usr/bin/env"])).output
    assert {line.partition("=")[0] for line in said.splitlines()} <= {"PATH", "LD_LIBRARY_PATH"}
    assert "PATH=" in said


async def test_a_flood_of_words_is_kept_to_its_end() -> None:
    """A program may write without end; it is read, so that it can go on, and only the end is kept."""
    async with scratch_dir(DecodeFailed, seconds=SECONDS) as scratch:
        ended = await scratch.run(["/bin/sh", "-c", "yes 'no such thing' | head -c 5000000; echo the end"])
    assert ended.output.endswith("the end\n")
    assert len(ended.output) <= 64 * 1024
    assert len(ended.last_words) == 300


def test_last_words_name_no_files() -> None:
    """In the last words stand no paths, no addresses, no line breaks, and nothing that is not ASCII."""
    said = "[mov @ 0x55dd] moov atom\n not found\nError opening 'file:in.m4a' or /tmp/voicememo-1/Änne.m4a. "
    said += "caf\xe9 \x1b[0m"
    assert Exit(1, said).last_words == "[mov] moov atom not found Error opening '(file)' or (file) caf? ?[0m"


@given(st.text())
def test_last_words_are_short_and_plain(said: str) -> None:
    """Whatever was said, the last words are one short line of ASCII."""
    words = Exit(1, said).last_words
    assert len(words) <= 300
    assert words.isascii()
    assert words == "" or words.isprintable()


async def test_patience_ends() -> None:
    """A program that does not end is ended, with all that it started itself."""
    async with scratch_dir(DecodeFailed, seconds=0.05) as scratch:
        with pytest.raises(TranscodeTimeout):
            await scratch.run(["/bin/sh", "-c", "sleep 1000 & echo $! >pid; wait"])
        child = int((scratch.path / "pid").read_text())
        await until(lambda: not lives(child))


async def test_patience_is_one_for_all_that_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one wait used up the next has not; what passes between two is not counted."""
    loop = asyncio.get_running_loop()
    real, ahead = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real() + ahead)

    async def work(seconds: float) -> str:
        nonlocal ahead
        ahead += seconds
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    budget = TimeBudget(10)
    assert await budget.wait(work(6)) == "done"
    ahead += 100
    assert await budget.wait(work(3)) == "done"
    with pytest.raises(TranscodeTimeout, match=r"^no end within 10 s$"):
        await budget.wait(work(3))


async def test_another_s_time_out_is_not_the_program_s() -> None:
    """A TimeoutError that did not come of patience passes through as it is."""

    async def work() -> None:
        raise TimeoutError("somebody else's")

    with pytest.raises(TimeoutError, match="somebody else's"):
        await TimeBudget(10).wait(work())


async def test_a_child_left_behind_does_not_hold_us_up() -> None:
    """A program may end while something that it started lives on, holding its output open: that is ended too."""
    async with scratch_dir(DecodeFailed, seconds=0.2) as scratch:
        with pytest.raises(TranscodeTimeout):
            await scratch.run(["/bin/sh", "-c", "sleep 1000 & echo $! >pid"])
        child = int((scratch.path / "pid").read_text())
        await until(lambda: not lives(child))


async def test_a_program_that_is_not_there() -> None:
    """A program that cannot be started raises `failure`, and the text names no path."""
    async with scratch_dir(DecodeFailed, seconds=SECONDS) as scratch:
        with pytest.raises(DecodeFailed, match=r"^ffmpeg cannot be started: No such file or directory$"):
            await scratch.run(["/nowhere/ffmpeg"])


async def test_no_place_to_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A directory that cannot be made raises `failure`, and the text names no path."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(DecodeFailed, match=r"^the temporary directory cannot be used: No such file or directory$"):
        async with scratch_dir(DecodeFailed, seconds=SECONDS):
            pass


async def test_a_full_disk() -> None:
    """A file that cannot be written raises `failure`."""
    with pytest.raises(DecodeFailed, match="No space left on device"):
        async with scratch_dir(DecodeFailed, seconds=SECONDS, files={"/dev/full": b"sound" * 100_000}):
            pass


async def test_a_program_that_takes_no_more() -> None:
    """One that has closed its input, or has ended, takes no more; it is no error of ours."""
    command = ["/bin/sh", "-c", "exec <&-; exec sleep 0"]
    async with (
        scratch_dir(DecodeFailed, seconds=SECONDS) as scratch,
        scratch.running(command, with_input=True) as program,
    ):
        while await program.write(b"x" * 100_000):
            pass
        assert not await program.write(b"x")
        assert (await program.finish()).status == 0


async def test_a_program_that_does_not_read() -> None:
    """One that neither reads nor ends runs out of time while it is fed."""
    command = ["/bin/sleep", "1000"]
    async with scratch_dir(DecodeFailed, seconds=0.05) as made, made.running(command, with_input=True) as program:
        with pytest.raises(TranscodeTimeout):
            await _feed_for_ever(program.write)


async def _feed_for_ever(take: Callable[[bytes], Awaitable[bool]]) -> None:
    while True:
        await take(b"x" * 100_000)


async def test_folders_of_the_dead_are_cleared() -> None:
    """What a killed process left is removed; what is in use, or was made just now, is left alone."""
    dead = await asyncio.to_thread(tempfile.mkdtemp, prefix="voicememo-bench-")
    async with scratch_dir(DecodeFailed, seconds=SECONDS) as scratch:
        await asyncio.to_thread(remove_abandoned_dirs)
        assert await asyncio.to_thread(os.path.exists, dead)
        await asyncio.to_thread(remove_abandoned_dirs, older_than_seconds=-1.0)
        assert scratch.path.exists()
    assert not await asyncio.to_thread(os.path.exists, dead)
