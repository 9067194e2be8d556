"""Refused uploads are spooled, stay readable, outlive the process, and are retried."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from storage.archive import KEYS_PER_PAGE, NO_METADATA
from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.archives.spool import Spool, SpooledObject, SpoolSize
from storage.errors import ArchiveError, ArchiveForbidden, ArchiveMissing, ArchiveUnavailable
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from storage.archive import Archive

AWAY = ArchiveUnavailable("S3 says SlowDown")
REFUSED = ArchiveForbidden("S3 says AccessDenied")
WAV = "audio/wav"
KEY = "voice_memo_+15550100001_20250101T000000Z_1.wav"
ROOM = 1_000_000


class FaultyArchive:
    """An archive in memory that raises on demand and records its calls."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, str]] = {}
        self.about: dict[str, Mapping[str, str]] = {}
        self.fault: Exception | None = None
        self.faults: dict[str, Exception] = {}
        self.puts: list[str] = []
        self.put_at: list[float] = []
        self.once: dict[str, Exception] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_the_gate = asyncio.Event()
        self.closed = False

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        """Keep it once the gate is open."""
        self.puts.append(key)
        self.put_at.append(asyncio.get_running_loop().time())
        self._fail(key)
        if not self.gate.is_set():
            self.at_the_gate.set()
        await self.gate.wait()
        self.kept[key] = (data, content_type)
        self.about[key] = about
        return f"memory:{key}"

    async def get(self, key: str) -> bytes:
        """Return it."""
        self._fail(key)
        if key not in self.kept:
            raise ArchiveMissing("nothing is kept under that key")
        return self.kept[key][0]

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        """List them."""
        self._fail("")
        return sorted(key for key in self.kept if key.startswith(prefix) and key > after)[:limit]

    async def delete(self, key: str) -> None:
        """Delete it."""
        self._fail(key)
        self.kept.pop(key, None)

    async def check(self) -> None:
        """Fail on demand."""
        self._fail("")

    async def warm(self) -> None:
        """Fail on demand."""
        self._fail("")

    async def close(self) -> None:
        """Record it."""
        self.closed = True

    def _fail(self, key: str) -> None:
        fault = self.once.pop(key, None) or self.faults.get(key, self.fault)
        if fault is not None:
            raise fault


@pytest.fixture
def inner() -> FaultyArchive:
    """The archive that uploads go to."""
    return FaultyArchive()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of the spool, not created yet."""
    return tmp_path / "var" / "owed"


@pytest.fixture
def archive(inner: FaultyArchive, folder: Path) -> RetryingArchive:
    """The archive that is tested; its clock ticks a second for each object."""
    return _retrying(inner, folder)


def _retrying(inner: Archive, folder: Path, max_bytes: int = ROOM) -> RetryingArchive:
    ticks = itertools.count(1_700_000_000.0)
    return RetryingArchive(inner, folder, max_bytes=max_bytes, clock=lambda: next(ticks), jitter=lambda: 0.0)


async def _owed_files(folder: Path) -> list[Path]:
    return await asyncio.to_thread(lambda: list(folder.glob("*.owed")))


async def test_metadata_is_kept(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """Type and metadata reach the archive with a late object."""
    about = {"message-id": "810001", "codec": "opus"}
    inner.fault = AWAY
    await archive.put("a.opus", b"a", content_type="audio/ogg", about=about)
    inner.fault = None
    assert await archive.retry() == 1
    assert (inner.kept["a.opus"], inner.about["a.opus"]) == ((b"a", "audio/ogg"), about)


async def test_owed_by_an_older_release(archive: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """A file without metadata is uploaded like any other."""
    inner.fault = AWAY
    await archive.put("a.opus", b"a", content_type="audio/ogg")
    (path,) = await _owed_files(folder)
    await asyncio.to_thread(path.write_bytes, b'{"key": "a.opus", "content_type": "audio/ogg"}\na')
    inner.fault = None
    assert await archive.retry() == 1
    assert (inner.kept["a.opus"], dict(inner.about["a.opus"])) == ((b"a", "audio/ogg"), {})


async def test_lists_kept_and_spooled_keys(archive: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """Both are in one order, each key once; a damaged file hides no other."""
    for key in ("b", "d", "e"):
        await archive.put(key, b"kept", content_type=WAV)
    inner.faults = dict.fromkeys(("a", "b", "c"), AWAY)
    for key in ("a", "b", "c"):
        await archive.put(key, b"owed", content_type=WAV)
    (folder / "0000.owed").write_bytes(b"nothing of ours")
    assert await archive.keys() == ["a", "b", "c", "d", "e"]
    assert await archive.keys(after="a", limit=3) == ["b", "c", "d"]
    assert await archive.keys(prefix="c") == ["c"]


async def test_what_is_deleted_is_not_owed_any_more(
    archive: RetryingArchive, inner: FaultyArchive, folder: Path
) -> None:
    """An object deleted while it is spooled does not come back."""
    await archive.put(KEY, b"kept", content_type=WAV)
    inner.faults = {KEY: AWAY}
    await archive.put(KEY, b"owed", content_type=WAV)
    inner.faults = {}
    await archive.delete(KEY)
    await archive.delete(KEY)
    assert (await archive.retry(), inner.kept) == (0, {})
    assert await _owed_files(folder) == []


async def test_delete_that_the_archive_refuses(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """The archive's error is raised; the spooled copy is dropped, the kept one stays."""
    await archive.put(KEY, b"kept", content_type=WAV)
    inner.faults = {KEY: AWAY}
    await archive.put(KEY, b"owed", content_type=WAV)
    with pytest.raises(ArchiveUnavailable):
        await archive.delete(KEY)
    inner.faults = {}
    assert await archive.get(KEY) == b"kept"


async def test_missing_key(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """A key that is neither kept nor spooled raises the archive's own error."""
    for fault, told in ((None, ArchiveMissing), (AWAY, ArchiveUnavailable), (REFUSED, ArchiveForbidden)):
        inner.fault = fault
        with pytest.raises(told):
            await archive.get("nothing.opus")


async def test_what_the_archive_takes_is_not_owed(archive: RetryingArchive, folder: Path) -> None:
    """Without trouble nothing is written to the folder, which is not even created."""
    assert await archive.put(KEY, b"x", content_type=WAV) == f"memory:{KEY}"
    assert await archive.pending() == SpoolSize(0, 0)
    assert await archive.retry() == 0
    assert _files(folder) is None


@pytest.mark.parametrize("refusal", [AWAY, REFUSED, ArchiveError("no reason")])
async def test_any_refusal_is_paid_later(archive: RetryingArchive, inner: FaultyArchive, refusal: ArchiveError) -> None:
    """Whatever the refusal, the put succeeds, and the archive gets the object later (I5)."""
    inner.fault = refusal
    await archive.put(KEY, b"sound", content_type=WAV)
    owed = await archive.pending()
    assert owed.count == 1
    assert owed.bytes > len(b"sound")
    assert await archive.retry() == 0
    inner.fault = None
    assert await archive.retry() == 1
    assert inner.kept == {KEY: (b"sound", WAV)}
    assert await archive.pending() == SpoolSize(0, 0)
    assert await archive.get(KEY) == b"sound"


async def test_a_mistake_of_the_caller_is_not_owed(folder: Path, tmp_path: Path) -> None:
    """A key that the archive cannot write is a bug, not an outage."""
    with pytest.raises(ValueError, match="flat"):
        await _retrying(DiskArchive(tmp_path), folder).put("a/b", b"x", content_type=WAV)
    assert _files(folder) is None


@pytest.mark.parametrize("key", ["", "../a/b", "nul\0\n", "é" * 300, "lone \ud800", '"{}"', "." * 5000])
async def test_odd_keys(archive: RetryingArchive, inner: FaultyArchive, folder: Path, key: str) -> None:
    """Any key can be spooled, and reaches the archive unchanged."""
    inner.fault = AWAY
    await archive.put(key, b"x", content_type=WAV)
    assert await archive.get(key) == b"x"
    assert len(_files(folder) or ()) == 2
    inner.fault = None
    assert await archive.retry() == 1
    assert inner.kept[key] == (b"x", WAV)


async def test_no_person_is_named(
    archive: RetryingArchive, inner: FaultyArchive, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """File names, logs and reprs hide the key, and the folder is readable by our user alone (I6)."""
    caplog.set_level(logging.DEBUG)
    inner.fault = REFUSED
    await archive.put(KEY, b"sound", content_type=WAV)
    await archive.retry()
    told = [repr(vars(record)) for record in caplog.records if record.name.startswith("storage")]
    assert len(told) == 2
    for text in [*told, repr(archive), repr(archive._spool), *(_files(folder) or ())]:
        assert "1555" not in text
        assert "sound" not in text
    assert _open_to_others(folder) == [".lock"]


async def test_room(inner: FaultyArchive, folder: Path) -> None:
    """A full spool refuses with the archive's own error, and keeps what it has (I9)."""
    inner.fault = AWAY
    archive = _retrying(inner, folder, max_bytes=1000)
    await archive.put("a", b"a" * 600, content_type=WAV)
    with pytest.raises(ArchiveUnavailable) as raised:
        await archive.put("b", b"b" * 600, content_type=WAV)
    assert raised.value is AWAY
    with pytest.raises(ArchiveUnavailable):
        await archive.put("a", b"a" * 1000, content_type=WAV)
    await archive.put("a", b"c" * 700, content_type=WAV)
    assert await archive.get("a") == b"c" * 700
    assert (await archive.pending()).bytes <= 1000


async def test_room_is_shared(inner: FaultyArchive, folder: Path) -> None:
    """Concurrent puts, of two processes too, stay within the bound together."""
    inner.fault = AWAY
    both = [_retrying(inner, folder, max_bytes=1000), _retrying(inner, folder, max_bytes=1000)]
    puts = (both[each % 2].put(str(each), b"x" * 300, content_type=WAV) for each in range(10))
    ended = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(each) for each in ended].count(str) == 2
    assert (await both[0].pending()).count == 2


async def test_a_folder_that_cannot_be_written(inner: FaultyArchive, tmp_path: Path) -> None:
    """Without a usable folder the archive's refusal is raised, and retrying finds nothing."""
    (tmp_path / "file").touch()
    inner.fault = REFUSED
    for folder in (tmp_path / "file", tmp_path / "file" / "owed"):
        archive = _retrying(inner, folder)
        with pytest.raises(ArchiveForbidden) as raised:
            await archive.put(KEY, b"x", content_type=WAV)
        assert raised.value is REFUSED
        assert await archive.retry() == 0
    with pytest.raises(ArchiveUnavailable, match="Not a directory"):
        await _retrying(inner, tmp_path / "file").pending()


async def test_a_write_that_fails_leaves_nothing(
    archive: RetryingArchive, inner: FaultyArchive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails half-way leaves no half object, and the earlier copy stays."""
    inner.fault = AWAY
    await archive.put(KEY, b"one", content_type=WAV)
    with monkeypatch.context() as patch:
        patch.setattr("storage.archives.spool.os.fsync", _failing)
        with pytest.raises(ArchiveUnavailable):
            await archive.put(KEY, b"two", content_type=WAV)
    assert await archive.get(KEY) == b"one"
    assert len(_files(folder) or ()) == 2


def _failing(_: object) -> None:
    raise OSError(5, "Input/output error")


async def test_what_is_owed_was_put_last(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """A spooled object is returned before the older one in the archive."""
    await archive.put(KEY, b"one", content_type=WAV)
    inner.fault = AWAY
    await archive.put(KEY, b"two", content_type=WAV)
    inner.fault = None
    assert await archive.get(KEY) == b"two"
    assert await archive.retry() == 1
    assert inner.kept[KEY] == (b"two", WAV)


async def test_a_later_put_settles_the_debt(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """A newer object in the archive is not overwritten by an older spooled one."""
    inner.fault = AWAY
    await archive.put(KEY, b"one", content_type=WAV)
    inner.fault = None
    await archive.put(KEY, b"two", content_type=WAV)
    assert await archive.pending() == SpoolSize(0, 0)
    assert await archive.retry() == 0
    assert inner.kept[KEY] == (b"two", WAV)


async def test_a_put_waits_for_the_payment_of_its_key(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """While an older object is uploaded, a newer one waits, so that it stays."""
    inner.fault = AWAY
    await archive.put(KEY, b"one", content_type=WAV)
    inner.fault = None
    inner.gate.clear()
    paying = asyncio.create_task(archive.retry())
    await inner.at_the_gate.wait()
    putting = asyncio.create_task(archive.put(KEY, b"two", content_type=WAV))
    await asyncio.sleep(0.01)
    assert len(inner.puts) == 2
    inner.gate.set()
    assert await paying == 1
    await putting
    assert inner.kept[KEY] == (b"two", WAV)


async def test_owed_while_the_archive_thought(archive: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """An object that is spooled during a get is found."""
    other = _retrying(inner, folder)
    inner.fault = AWAY

    async def missing(key: str) -> bytes:
        await other.put(key, b"x", content_type=WAV)
        raise ArchiveMissing("nothing is kept under that key")

    inner.get = missing  # type: ignore[method-assign]
    assert await archive.get(KEY) == b"x"


async def test_oldest_first_until_the_archive_is_away(archive: RetryingArchive, inner: FaultyArchive) -> None:
    """Objects are uploaded in order of spooling; an unavailable archive ends the pass."""
    inner.fault = AWAY
    for key in ("c", "a", "d", "b"):
        await archive.put(key, b"x", content_type=WAV)
    await archive.put("c", b"again", content_type=WAV)
    inner.fault, inner.puts = None, []
    inner.faults["d"] = AWAY
    assert await archive.retry() == 1
    assert inner.puts == ["a", "d"]
    inner.faults.clear()
    assert await archive.retry() == 3
    assert inner.puts == ["a", "d", "d", "b", "c"]


@pytest.mark.parametrize("fault", [REFUSED, ArchiveMissing("404")])
async def test_a_refused_one_holds_up_no_other(
    archive: RetryingArchive, inner: FaultyArchive, fault: Exception
) -> None:
    """An object that alone is refused stays spooled; the others are taken."""
    inner.fault = AWAY
    for key in ("a", "b", "c"):
        await archive.put(key, b"x", content_type=WAV)
    inner.fault = None
    inner.faults["b"] = fault
    assert await archive.retry() == 2
    assert inner.kept.keys() == {"a", "c"}
    inner.faults.clear()
    assert await archive.retry() == 1


async def test_still_owed_after_a_restart(archive: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """Another process finds what was spooled, and clears half-written files of a crash."""
    inner.fault = AWAY
    await archive.put(KEY, b"x", content_type=WAV)
    (folder / "dead.part").write_bytes(b"half")
    inner.fault = None
    after = _retrying(inner, folder)
    assert (await after.pending()).count == 1
    assert await after.get(KEY) == b"x"
    assert await after.retry() == 1
    assert _files(folder) == [".lock"]


@pytest.mark.parametrize("content", [b"", b"no JSON\n", b"[]\n", b'{"key": 1, "content_type": "a/b"}\n', b"{}\nx"])
async def test_a_damaged_file(archive: RetryingArchive, inner: FaultyArchive, folder: Path, content: bytes) -> None:
    """A damaged file counts as missing, stays for an operator, and holds up no other."""
    inner.fault = AWAY
    await archive.put(KEY, b"x", content_type=WAV)
    _damage(folder, content)
    await archive.put("other", b"x", content_type=WAV)
    inner.fault = None
    with pytest.raises(ArchiveMissing):
        await archive.get(KEY)
    assert await archive.retry() == 1
    assert (await archive.pending()).count == 1


async def test_two_processes_pay_at_once(inner: FaultyArchive, folder: Path) -> None:
    """Processes that share a folder upload everything; an object that is gone is no failure."""
    both = [_retrying(inner, folder), _retrying(inner, folder)]
    inner.fault = AWAY
    for key in map(str, range(20)):
        await both[0].put(key, key.encode(), content_type=WAV)
    inner.fault = None
    paid = await asyncio.gather(*(each.retry() for each in both))
    assert sum(paid) >= 20
    assert inner.kept == {str(each): (str(each).encode(), WAV) for each in range(20)}
    assert await both[1].pending() == SpoolSize(0, 0)


async def test_what_another_process_owes_since_is_not_forgotten(inner: FaultyArchive, folder: Path) -> None:
    """An upload does not remove the newer copy of another process."""
    paying, other = _retrying(inner, folder), _retrying(inner, folder)
    inner.fault = AWAY
    await paying.put(KEY, b"one", content_type=WAV)
    inner.fault = None
    inner.gate.clear()
    task = asyncio.create_task(paying.retry())
    await inner.at_the_gate.wait()
    inner.fault = AWAY
    await other.put(KEY, b"two", content_type=WAV)
    inner.gate.set()
    await task
    assert await paying.get(KEY) == b"two"
    assert (await paying.pending()).count == 1


async def test_a_copy_that_cannot_be_removed(
    archive: RetryingArchive, inner: FaultyArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that the disk cannot delete is not counted, and is uploaded again."""
    inner.fault = AWAY
    await archive.put(KEY, b"x", content_type=WAV)
    inner.fault = None
    with monkeypatch.context() as patch:
        patch.setattr("storage.archives.spool.fcntl.flock", lambda *_: _failing(_))
        assert await archive._retry_all() == (0, False)
        assert await archive._retry(next(iter(archive._spool.folder.glob("*.owed"))).name) is False
    assert await archive.retry() == 1


async def test_check_and_close_are_the_archives(archive: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """check() reports the inner archive and leaves nothing behind; close() closes it."""
    await archive.check()
    inner.fault = REFUSED
    with pytest.raises(ArchiveForbidden):
        await archive.check()
    await archive.close()
    assert inner.closed
    assert _files(folder) is None


@in_virtual_time
async def test_waits_grow_while_the_archive_is_away(inner: FaultyArchive, folder: Path) -> None:
    """After each failure the wait doubles up to a minute; after a success it restarts."""
    archive = _retrying(inner, folder)
    inner.fault = AWAY
    await archive.put(KEY, b"x", content_type=WAV)
    async with _running(archive):
        await asyncio.sleep(300)
        waits = [after - before for before, after in itertools.pairwise(inner.put_at[1:])]
        assert waits == pytest.approx([2, 4, 8, 16, 32, 60, 60, 60])
        inner.fault = None
        await asyncio.sleep(60)
        assert await archive.pending() == SpoolSize(0, 0)
        inner.fault, inner.put_at = AWAY, []
        await archive.put(KEY, b"y", content_type=WAV)
        await asyncio.sleep(5)
        waits = [after - before for before, after in itertools.pairwise(inner.put_at[1:])]
        assert waits == pytest.approx([2])


@in_virtual_time
async def test_new_debts_are_paid_at_once(inner: FaultyArchive, folder: Path) -> None:
    """A spooled object is retried at once; that of another process within a minute."""
    archive, other = _retrying(inner, folder), _retrying(inner, folder)
    async with _running(archive):
        await asyncio.sleep(10)
        inner.once["a"] = AWAY
        await archive.put("a", b"x", content_type=WAV)
        await asyncio.sleep(0.5)
        assert "a" in inner.kept
        inner.once["b"] = AWAY
        await other.put("b", b"x", content_type=WAV)
        await asyncio.sleep(61)
        assert "b" in inner.kept


@in_virtual_time
async def test_ending_it_loses_nothing(inner: FaultyArchive, folder: Path) -> None:
    """An upload that is cancelled midway stays spooled."""
    archive = _retrying(inner, folder)
    inner.fault = AWAY
    await archive.put(KEY, b"x", content_type=WAV)
    inner.fault = None
    inner.gate.clear()
    async with _running(archive):
        await inner.at_the_gate.wait()
    assert (await archive.pending()).count == 1
    inner.gate.set()
    assert await archive.retry() == 1


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_delays_are_bounded(inner: FaultyArchive, folder: Path, jitter: float) -> None:
    """Every wait is between a second and a minute."""
    archive = RetryingArchive(inner, folder, max_bytes=ROOM, jitter=lambda: jitter)
    delays = [archive._backoff.delay_seconds(failures) for failures in (*range(10), 10_000)]
    assert delays == sorted(delays)
    assert delays[0] >= 1
    assert delays[-1] <= 60


@asynccontextmanager
async def _running(archive: RetryingArchive) -> AsyncIterator[None]:
    task = asyncio.create_task(archive.keep_retrying())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _files(folder: Path) -> list[str] | None:
    """Names in a folder; None when it does not exist."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def _open_to_others(folder: Path) -> list[str]:
    return [path.name for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077]


def _damage(folder: Path, content: bytes) -> None:
    next(folder.glob("*.owed")).write_bytes(content)


def test_a_stopped_process_blocks_no_other(folder: Path) -> None:
    """While a stopped process holds the lock, a write is refused and its thread is free."""
    folder.mkdir(parents=True)
    spool = Spool(folder, ROOM, lambda: 1.0, lock_seconds=0.05)
    with (folder / ".lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            spool.write(SpooledObject(KEY, WAV, b"RIFF", NO_METADATA))
    spool.write(SpooledObject(KEY, WAV, b"RIFF", NO_METADATA))
    assert spool.total().count == 1
