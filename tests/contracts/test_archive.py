"""Every archive: on disk, in S3 over HTTP, in memory, and with a spool."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.archives.s3 import S3Archive
from storage.errors import ArchiveMissing, ArchiveUnavailable
from storage.memory.store import MemoryArchive
from tests.contracts.buckets import BUCKET, client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from storage.archive import Archive

# What botocore and moto do by themselves, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


class RefusingArchive(MemoryArchive):
    """An archive that takes nothing."""

    async def put(self, *_: object, **__: object) -> str:
        """Refuse it."""
        raise ArchiveUnavailable("S3 says SlowDown")


@pytest_asyncio.fixture(params=["disk", "s3", "s3-prefix", "memory", "retrying", "spooled"])
async def archive(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Archive]:
    """Each archive in turn."""
    made: Archive
    if request.param == "disk":
        made = DiskArchive(tmp_path / "archive")
    elif request.param == "memory":
        made = MemoryArchive()
    elif request.param in {"retrying", "spooled"}:
        inner = MemoryArchive() if request.param == "retrying" else RefusingArchive()
        made = RetryingArchive(inner, tmp_path / "spool", max_bytes=100_000_000)
    else:
        request.getfixturevalue("s3_environment")
        made = S3Archive(BUCKET, prefix="" if request.param == "s3" else "some/prefix")
    yield made
    await made.close()


async def test_gives_back_what_it_was_given(archive: Archive) -> None:
    """An object comes back byte for byte, large or small."""
    for key, data in {"a.opus": b"OggS", "empty.wav": b"", "large.wav": bytes(range(256)) * 40_000}.items():
        where = await archive.put(key, data, content_type="audio/ogg")
        assert where.endswith(key)
        assert await archive.get(key) == data


async def test_putting_again_replaces(archive: Archive) -> None:
    """A key holds what was put last."""
    await archive.put("a.opus", b"one", content_type="audio/ogg")
    await archive.put("a.opus", b"two", content_type="audio/ogg")
    assert await archive.get("a.opus") == b"two"


async def test_missing_key(archive: Archive) -> None:
    """A key without an object raises ArchiveMissing."""
    with pytest.raises(ArchiveMissing):
        await archive.get("nothing.opus")


async def test_lists_its_keys_page_by_page(archive: Archive) -> None:
    """Keys come in order, in pages, with their prefix alone."""
    names = [f"voice_memo_{number:04}.caf" for number in range(23)]
    others = ["Upper.wav", "tts_response_1.m4a", "voice_memo.caf"]
    await asyncio.gather(*(archive.put(key, b"x", content_type="audio/wav") for key in (*names, *others)))
    assert list(await archive.keys()) == sorted((*names, *others))
    found: list[str] = []
    while page := await archive.keys(prefix="voice_memo_", after=found[-1] if found else "", limit=5):
        found += page
    assert found == names
    assert list(await archive.keys(prefix="nobody")) == []


async def test_an_archive_that_was_never_written(archive: Archive) -> None:
    """An archive that was never written lists nothing, and deletes nothing."""
    assert list(await archive.keys()) == []
    await archive.delete("nothing.wav")


async def test_what_is_deleted_is_gone(archive: Archive) -> None:
    """A deleted object is gone, others stay; deleting it again is no error."""
    for key in ("a.wav", "b.wav"):
        await archive.put(key, key.encode(), content_type="audio/wav")
    for _ in range(2):
        await archive.delete("a.wav")
    with pytest.raises(ArchiveMissing):
        await archive.get("a.wav")
    assert (list(await archive.keys()), await archive.get("b.wav")) == (["b.wav"], b"b.wav")


async def test_many_at_once(archive: Archive) -> None:
    """Concurrent puts, of one key and of many, each leave whole objects."""
    datas = [bytes([number]) * 10_000 for number in range(16)]
    await asyncio.gather(*(archive.put("one.wav", data, content_type="audio/wav") for data in datas))
    await asyncio.gather(*(archive.put(f"{data[0]}.wav", data, content_type="audio/wav") for data in datas))
    assert await archive.get("one.wav") in datas
    assert [await archive.get(f"{data[0]}.wav") for data in datas] == datas


async def test_check_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    """check() leaves nothing behind."""
    await archive.check()
    if isinstance(archive, DiskArchive):
        assert await asyncio.to_thread(lambda: list((tmp_path / "archive").iterdir())) == []
    elif isinstance(archive, S3Archive):
        with client() as looking:
            listed = looking.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        assert not [each for each in listed if "probe" in each["Key"]]


@pytest.mark.parametrize("key", ["", "../escape", "a/b", ".hidden", "a\\b", "nul\0"])
async def test_disk_keys_are_flat(tmp_path: Path, key: str) -> None:
    """No key leaves the folder."""
    with pytest.raises(ValueError, match="flat"):
        await DiskArchive(tmp_path).put(key, b"", content_type="audio/wav")


async def test_disk_that_is_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be created raises ArchiveUnavailable."""
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveUnavailable):
        await DiskArchive(tmp_path / "file" / "archive").put("a.wav", b"", content_type="audio/wav")
