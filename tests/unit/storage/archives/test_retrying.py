"""What the archive would not take is owed: it can be had, outlives the process, and is paid when it can be."""

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
    """An archive in memory that raises on demand, and remembers what was asked of it and when."""

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
        """Keep it, once the gate is open."""
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
        """Keep it no longer."""
        self._fail(key)
        self.kept.pop(key, None)

    async def check(self) -> None:
        """Fail, or not."""
        self._fail("")

    async def warm(self) -> None:
        """Fail, or not."""
        self._fail("")

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _fail(self, key: str) -> None:
        fault = self.once.pop(key, None) or self.faults.get(key, self.fault)
        if fault is not None:
            raise fault


@pytest.fixture
def inner() -> FaultyArchive:
    """The archive that does not always take what it is given."""
    return FaultyArchive()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the spool, not created yet."""
    return tmp_path / "var" / "owed"


@pytest.fixture
def owing(inner: FaultyArchive, folder: Path) -> RetryingArchive:
    """The archive that is tested; each of its objects is owed a second after the one before."""
    return _owing(inner, folder)


def _owing(inner: Archive, folder: Path, max_bytes: int = ROOM) -> RetryingArchive:
    ticks = itertools.count(1_700_000_000.0)
    return RetryingArchive(inner, folder, max_bytes=max_bytes, clock=lambda: next(ticks), jitter=lambda: 0.0)


async def _owed_files(folder: Path) -> list[Path]:
    """List the files that hold what is owed."""
    return await asyncio.to_thread(lambda: list(folder.glob("*.owed")))


@pytest.fixture(params=["well", "away"])
def archive(request: pytest.FixtureRequest, inner: FaultyArchive, folder: Path, tmp_path: Path) -> RetryingArchive:
    """One on a disk that works, and one whose inner archive is away all the time."""
    inner.fault = AWAY
    return _owing(DiskArchive(tmp_path / "archive") if request.param == "well" else inner, folder)


async def test_gives_back_what_it_was_given(archive: RetryingArchive) -> None:
    """What is put under a key is what is got under it, byte for byte, whether it is kept or owed."""
    for key, data in {"a.opus": b"Ogg\nS", "empty.wav": b"", "large.wav": bytes(range(256)) * 2_000}.items():
        where = await archive.put(key, data, content_type="audio/ogg")
        assert where.endswith(key)
        assert await archive.get(key) == data


async def test_putting_again_replaces(archive: RetryingArchive) -> None:
    """A key holds what was put last, whether it is kept or owed."""
    await archive.put("a.opus", b"one", content_type="audio/ogg")
    await archive.put("a.opus", b"two", content_type="audio/ogg")
    assert await archive.get("a.opus") == b"two"


async def test_many_at_once(archive: RetryingArchive) -> None:
    """Puts side by side, of one key and of many, each leave whole objects."""
    datas = [bytes([number]) * 1_000 for number in range(16)]
    await asyncio.gather(*(archive.put("one.wav", data, content_type=WAV) for data in datas))
    await asyncio.gather(*(archive.put(f"{data[0]}.wav", data, content_type=WAV) for data in datas))
    assert await archive.get("one.wav") in datas
    assert [await archive.get(f"{data[0]}.wav") for data in datas] == datas


async def test_what_is_known_of_an_object_is_owed_too(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """Type and words about an object reach the archive with it, however late."""
    about = {"message-id": "810001", "codec": "opus"}
    inner.fault = AWAY
    await owing.put("a.opus", b"a", content_type="audio/ogg", about=about)
    inner.fault = None
    assert await owing.retry() == 1
    assert (inner.kept["a.opus"], inner.about["a.opus"]) == ((b"a", "audio/ogg"), about)


async def test_owed_by_an_older_release(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """A file that says nothing about its object is paid like any other."""
    inner.fault = AWAY
    await owing.put("a.opus", b"a", content_type="audio/ogg")
    (path,) = await _owed_files(folder)
    await asyncio.to_thread(path.write_bytes, b'{"key": "a.opus", "content_type": "audio/ogg"}\na')
    inner.fault = None
    assert await owing.retry() == 1
    assert (inner.kept["a.opus"], dict(inner.about["a.opus"])) == ((b"a", "audio/ogg"), {})


async def test_lists_what_is_kept_and_what_is_owed(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """Both stand in one order, each key once; a file that is damaged hides nothing else."""
    for key in ("b", "d", "e"):
        await owing.put(key, b"kept", content_type=WAV)
    inner.faults = dict.fromkeys(("a", "b", "c"), AWAY)
    for key in ("a", "b", "c"):
        await owing.put(key, b"owed", content_type=WAV)
    (folder / "0000.owed").write_bytes(b"nothing of ours")
    assert await owing.keys() == ["a", "b", "c", "d", "e"]
    assert await owing.keys(after="a", limit=3) == ["b", "c", "d"]
    assert await owing.keys(prefix="c") == ["c"]


async def test_what_is_deleted_is_not_owed_any_more(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """An object that is deleted while it is owed does not come back when the archive does."""
    await owing.put(KEY, b"kept", content_type=WAV)
    inner.faults = {KEY: AWAY}
    await owing.put(KEY, b"owed", content_type=WAV)
    inner.faults = {}
    await owing.delete(KEY)
    await owing.delete(KEY)
    assert (await owing.retry(), inner.kept) == (0, {})
    assert await _owed_files(folder) == []


async def test_delete_that_the_archive_refuses(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """An archive that is away is told as such; what was owed is dropped, what it keeps stays."""
    await owing.put(KEY, b"kept", content_type=WAV)
    inner.faults = {KEY: AWAY}
    await owing.put(KEY, b"owed", content_type=WAV)
    with pytest.raises(ArchiveUnavailable):
        await owing.delete(KEY)
    inner.faults = {}
    assert await owing.get(KEY) == b"kept"


async def test_missing_key(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """A key under which nothing is kept or owed gives the archive's own answer."""
    for fault, told in ((None, ArchiveMissing), (AWAY, ArchiveUnavailable), (REFUSED, ArchiveForbidden)):
        inner.fault = fault
        with pytest.raises(told):
            await owing.get("nothing.opus")


async def test_what_the_archive_takes_is_not_owed(owing: RetryingArchive, folder: Path) -> None:
    """As long as all is well nothing is written to the folder, which is not even made."""
    assert await owing.put(KEY, b"x", content_type=WAV) == f"memory:{KEY}"
    assert await owing.pending() == SpoolSize(0, 0)
    assert await owing.retry() == 0
    assert _files(folder) is None


@pytest.mark.parametrize("refusal", [AWAY, REFUSED, ArchiveError("no reason")])
async def test_any_refusal_is_paid_later(owing: RetryingArchive, inner: FaultyArchive, refusal: ArchiveError) -> None:
    """Whatever the archive's reason, the put succeeds, and the archive gets the object with its type later (I5)."""
    inner.fault = refusal
    await owing.put(KEY, b"sound", content_type=WAV)
    owed = await owing.pending()
    assert owed.count == 1
    assert owed.bytes > len(b"sound")
    assert await owing.retry() == 0
    inner.fault = None
    assert await owing.retry() == 1
    assert inner.kept == {KEY: (b"sound", WAV)}
    assert await owing.pending() == SpoolSize(0, 0)
    assert await owing.get(KEY) == b"sound"


async def test_a_mistake_of_the_caller_is_not_owed(folder: Path, tmp_path: Path) -> None:
    """A key that the archive cannot write is a bug, not an outage."""
    with pytest.raises(ValueError, match="flat"):
        await _owing(DiskArchive(tmp_path), folder).put("a/b", b"x", content_type=WAV)
    assert _files(folder) is None


@pytest.mark.parametrize("key", ["", "../a/b", "nul\0\n", "é" * 300, "lone \ud800", '"{}"', "." * 5000])
async def test_odd_keys(owing: RetryingArchive, inner: FaultyArchive, folder: Path, key: str) -> None:
    """Any key can be owed, and comes to the archive as it was."""
    inner.fault = AWAY
    await owing.put(key, b"x", content_type=WAV)
    assert await owing.get(key) == b"x"
    assert len(_files(folder) or ()) == 2
    inner.fault = None
    assert await owing.retry() == 1
    assert inner.kept[key] == (b"x", WAV)


async def test_nobody_is_named(
    owing: RetryingArchive, inner: FaultyArchive, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither file names nor logs nor reprs tell the key, and the folder is for our user alone (I6)."""
    caplog.set_level(logging.DEBUG)
    inner.fault = REFUSED
    await owing.put(KEY, b"sound", content_type=WAV)
    await owing.retry()
    told = [repr(vars(record)) for record in caplog.records if record.name.startswith("storage")]
    assert len(told) == 2
    for text in [*told, repr(owing), repr(owing._spool), *(_files(folder) or ())]:
        assert "1555" not in text
        assert "sound" not in text
    assert _open_to_others(folder) == [".lock"]


async def test_room(inner: FaultyArchive, folder: Path) -> None:
    """Past its bound nothing more is owed; the archive's own refusal is raised, and what is owed stays (I9)."""
    inner.fault = AWAY
    owing = _owing(inner, folder, max_bytes=1000)
    await owing.put("a", b"a" * 600, content_type=WAV)
    with pytest.raises(ArchiveUnavailable) as raised:
        await owing.put("b", b"b" * 600, content_type=WAV)
    assert raised.value is AWAY
    with pytest.raises(ArchiveUnavailable):
        await owing.put("a", b"a" * 1000, content_type=WAV)
    await owing.put("a", b"c" * 700, content_type=WAV)
    assert await owing.get("a") == b"c" * 700
    assert (await owing.pending()).bytes <= 1000


async def test_room_is_shared(inner: FaultyArchive, folder: Path) -> None:
    """Puts side by side, of two processes too, do not pass the bound together."""
    inner.fault = AWAY
    both = [_owing(inner, folder, max_bytes=1000), _owing(inner, folder, max_bytes=1000)]
    puts = (both[each % 2].put(str(each), b"x" * 300, content_type=WAV) for each in range(10))
    ended = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(each) for each in ended].count(str) == 2
    assert (await both[0].pending()).count == 2


async def test_a_folder_that_cannot_be_written(inner: FaultyArchive, tmp_path: Path) -> None:
    """Where nothing can be owed, the archive's refusal is raised, and paying finds nothing and does not break."""
    (tmp_path / "file").touch()
    inner.fault = REFUSED
    for folder in (tmp_path / "file", tmp_path / "file" / "owed"):
        owing = _owing(inner, folder)
        with pytest.raises(ArchiveForbidden) as raised:
            await owing.put(KEY, b"x", content_type=WAV)
        assert raised.value is REFUSED
        assert await owing.retry() == 0
    with pytest.raises(ArchiveUnavailable, match="Not a directory"):
        await _owing(inner, tmp_path / "file").pending()


async def test_a_write_that_fails_leaves_nothing(
    owing: RetryingArchive, inner: FaultyArchive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails half-way leaves no half object and no temporary file, and the earlier copy stays."""
    inner.fault = AWAY
    await owing.put(KEY, b"one", content_type=WAV)
    with monkeypatch.context() as patch:
        patch.setattr("storage.archives.spool.os.fsync", _failing)
        with pytest.raises(ArchiveUnavailable):
            await owing.put(KEY, b"two", content_type=WAV)
    assert await owing.get(KEY) == b"one"
    assert len(_files(folder) or ()) == 2


def _failing(_: object) -> None:
    raise OSError(5, "Input/output error")


async def test_what_is_owed_was_put_last(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """An owed object is given before the older one that the archive still holds."""
    await owing.put(KEY, b"one", content_type=WAV)
    inner.fault = AWAY
    await owing.put(KEY, b"two", content_type=WAV)
    inner.fault = None
    assert await owing.get(KEY) == b"two"
    assert await owing.retry() == 1
    assert inner.kept[KEY] == (b"two", WAV)


async def test_a_later_put_settles_the_debt(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """What the archive takes itself is not overwritten by what was owed under its key before."""
    inner.fault = AWAY
    await owing.put(KEY, b"one", content_type=WAV)
    inner.fault = None
    await owing.put(KEY, b"two", content_type=WAV)
    assert await owing.pending() == SpoolSize(0, 0)
    assert await owing.retry() == 0
    assert inner.kept[KEY] == (b"two", WAV)


async def test_a_put_waits_for_the_payment_of_its_key(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """While the older object is being paid, the newer one waits, so that it is the one that stays."""
    inner.fault = AWAY
    await owing.put(KEY, b"one", content_type=WAV)
    inner.fault = None
    inner.gate.clear()
    paying = asyncio.create_task(owing.retry())
    await inner.at_the_gate.wait()
    putting = asyncio.create_task(owing.put(KEY, b"two", content_type=WAV))
    await asyncio.sleep(0.01)
    assert len(inner.puts) == 2
    inner.gate.set()
    assert await paying == 1
    await putting
    assert inner.kept[KEY] == (b"two", WAV)


async def test_owed_while_the_archive_thought(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """An object that becomes owed while the archive is asked for it is found."""
    other = _owing(inner, folder)
    inner.fault = AWAY

    async def missing(key: str) -> bytes:
        await other.put(key, b"x", content_type=WAV)
        raise ArchiveMissing("nothing is kept under that key")

    inner.get = missing  # type: ignore[method-assign]
    assert await owing.get(KEY) == b"x"


async def test_oldest_first_until_the_archive_is_away(owing: RetryingArchive, inner: FaultyArchive) -> None:
    """Objects are paid in the order in which they became owed; the first that finds the archive away ends the pass."""
    inner.fault = AWAY
    for key in ("c", "a", "d", "b"):
        await owing.put(key, b"x", content_type=WAV)
    await owing.put("c", b"again", content_type=WAV)
    inner.fault, inner.puts = None, []
    inner.faults["d"] = AWAY
    assert await owing.retry() == 1
    assert inner.puts == ["a", "d"]
    inner.faults.clear()
    assert await owing.retry() == 3
    assert inner.puts == ["a", "d", "d", "b", "c"]


@pytest.mark.parametrize("fault", [REFUSED, ArchiveMissing("404")])
async def test_a_refused_one_holds_up_no_other(owing: RetryingArchive, inner: FaultyArchive, fault: Exception) -> None:
    """An object that alone is refused, for whatever reason, stays owed; the others are paid."""
    inner.fault = AWAY
    for key in ("a", "b", "c"):
        await owing.put(key, b"x", content_type=WAV)
    inner.fault = None
    inner.faults["b"] = fault
    assert await owing.retry() == 2
    assert inner.kept.keys() == {"a", "c"}
    inner.faults.clear()
    assert await owing.retry() == 1


async def test_still_owed_after_a_restart(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """Another process finds what was owed, and clears what the one that died left half-written."""
    inner.fault = AWAY
    await owing.put(KEY, b"x", content_type=WAV)
    (folder / "dead.part").write_bytes(b"half")
    inner.fault = None
    after = _owing(inner, folder)
    assert (await after.pending()).count == 1
    assert await after.get(KEY) == b"x"
    assert await after.retry() == 1
    assert _files(folder) == [".lock"]


@pytest.mark.parametrize("content", [b"", b"no JSON\n", b"[]\n", b'{"key": 1, "content_type": "a/b"}\n', b"{}\nx"])
async def test_a_damaged_file(owing: RetryingArchive, inner: FaultyArchive, folder: Path, content: bytes) -> None:
    """A damaged file counts as missing, stays for an operator to see, and holds up no other."""
    inner.fault = AWAY
    await owing.put(KEY, b"x", content_type=WAV)
    _damage(folder, content)
    await owing.put("other", b"x", content_type=WAV)
    inner.fault = None
    with pytest.raises(ArchiveMissing):
        await owing.get(KEY)
    assert await owing.retry() == 1
    assert (await owing.pending()).count == 1


async def test_two_processes_pay_at_once(inner: FaultyArchive, folder: Path) -> None:
    """Processes that share a folder pay everything, and an object that has gone meanwhile is no failure."""
    both = [_owing(inner, folder), _owing(inner, folder)]
    inner.fault = AWAY
    for key in map(str, range(20)):
        await both[0].put(key, key.encode(), content_type=WAV)
    inner.fault = None
    paid = await asyncio.gather(*(each.retry() for each in both))
    assert sum(paid) >= 20
    assert inner.kept == {str(each): (str(each).encode(), WAV) for each in range(20)}
    assert await both[1].pending() == SpoolSize(0, 0)


async def test_what_another_process_owes_since_is_not_forgotten(inner: FaultyArchive, folder: Path) -> None:
    """Paying an object does not remove the newer one that another process has put in its place meanwhile."""
    paying, other = _owing(inner, folder), _owing(inner, folder)
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
    owing: RetryingArchive, inner: FaultyArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that the disk does not let go is not counted as paid, and is offered again."""
    inner.fault = AWAY
    await owing.put(KEY, b"x", content_type=WAV)
    inner.fault = None
    with monkeypatch.context() as patch:
        patch.setattr("storage.archives.spool.fcntl.flock", lambda *_: _failing(_))
        assert await owing._retry_all() == (0, False)
        assert await owing._retry(next(iter(owing._spool.folder.glob("*.owed"))).name) is False
    assert await owing.retry() == 1


async def test_check_and_close_are_the_archives(owing: RetryingArchive, inner: FaultyArchive, folder: Path) -> None:
    """check() tells how the archive itself is, and leaves nothing behind; close() closes it."""
    await owing.check()
    inner.fault = REFUSED
    with pytest.raises(ArchiveForbidden):
        await owing.check()
    await owing.close()
    assert inner.closed
    assert _files(folder) is None


@in_virtual_time
async def test_waits_grow_while_the_archive_is_away(inner: FaultyArchive, folder: Path) -> None:
    """After each failure the wait doubles up to a minute; after a success it begins anew."""
    owing = _owing(inner, folder)
    inner.fault = AWAY
    await owing.put(KEY, b"x", content_type=WAV)
    async with _running(owing):
        await asyncio.sleep(300)
        waits = [after - before for before, after in itertools.pairwise(inner.put_at[1:])]
        assert waits == pytest.approx([2, 4, 8, 16, 32, 60, 60, 60])
        inner.fault = None
        await asyncio.sleep(60)
        assert await owing.pending() == SpoolSize(0, 0)
        inner.fault, inner.put_at = AWAY, []
        await owing.put(KEY, b"y", content_type=WAV)
        await asyncio.sleep(5)
        waits = [after - before for before, after in itertools.pairwise(inner.put_at[1:])]
        assert waits == pytest.approx([2])


@in_virtual_time
async def test_new_debts_are_paid_at_once(inner: FaultyArchive, folder: Path) -> None:
    """What becomes owed is offered again at once; what another process owes, within a minute."""
    owing, other = _owing(inner, folder), _owing(inner, folder)
    async with _running(owing):
        await asyncio.sleep(10)
        inner.once["a"] = AWAY
        await owing.put("a", b"x", content_type=WAV)
        await asyncio.sleep(0.5)
        assert "a" in inner.kept
        inner.once["b"] = AWAY
        await other.put("b", b"x", content_type=WAV)
        await asyncio.sleep(61)
        assert "b" in inner.kept


@in_virtual_time
async def test_ending_it_loses_nothing(inner: FaultyArchive, folder: Path) -> None:
    """Cancelled in the middle of a payment, the object is still owed."""
    owing = _owing(inner, folder)
    inner.fault = AWAY
    await owing.put(KEY, b"x", content_type=WAV)
    inner.fault = None
    inner.gate.clear()
    async with _running(owing):
        await inner.at_the_gate.wait()
    assert (await owing.pending()).count == 1
    inner.gate.set()
    assert await owing.retry() == 1


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_delays_are_bounded(inner: FaultyArchive, folder: Path, jitter: float) -> None:
    """Whatever chance says and however often it failed, a wait is between a second and a minute."""
    owing = RetryingArchive(inner, folder, max_bytes=ROOM, jitter=lambda: jitter)
    delays = [owing._backoff.delay_seconds(failures) for failures in (*range(10), 10_000)]
    assert delays == sorted(delays)
    assert delays[0] >= 1
    assert delays[-1] <= 60


@asynccontextmanager
async def _running(owing: RetryingArchive) -> AsyncIterator[None]:
    task = asyncio.create_task(owing.keep_retrying())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _files(folder: Path) -> list[str] | None:
    """The names in a folder; None when it is not there."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def _open_to_others(folder: Path) -> list[str]:
    return [path.name for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077]


def _damage(folder: Path, content: bytes) -> None:
    next(folder.glob("*.owed")).write_bytes(content)


def test_a_process_that_stands_still_stops_nobody(folder: Path) -> None:
    """Where another process was stopped with the folder's lock in its hand, a write is refused, its thread free."""
    folder.mkdir(parents=True)
    spool = Spool(folder, ROOM, lambda: 1.0, lock_seconds=0.05)
    with (folder / ".lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            spool.write(SpooledObject(KEY, WAV, b"RIFF", NO_METADATA))
    spool.write(SpooledObject(KEY, WAV, b"RIFF", NO_METADATA))
    assert spool.total().count == 1
