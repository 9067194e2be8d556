"""What every archive promises: on disk, in S3 over HTTP, and in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from storage.disk import DiskArchive
from storage.errors import ArchiveForbidden, ArchiveMissing, ArchiveUnavailable
from storage.memory import MemoryArchive
from storage.s3 import S3Archive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from storage.archive import Archive

BUCKET = "memos"
# What botocore and moto do by themselves, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """An S3 server over HTTP on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables by which boto3 finds the server, and an empty bucket."""
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3_server,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.close()
    return s3_server


@pytest_asyncio.fixture(params=["disk", "s3", "s3-prefix", "memory"])
async def archive(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Archive]:
    """Each archive in turn."""
    made: Archive
    if request.param == "disk":
        made = DiskArchive(tmp_path / "archive")
    elif request.param == "memory":
        made = MemoryArchive()
    else:
        request.getfixturevalue("s3_environment")
        made = S3Archive(BUCKET, prefix="" if request.param == "s3" else "some/prefix")
    yield made
    await made.close()


async def test_gives_back_what_it_was_given(archive: Archive) -> None:
    """What is put under a key is what is got under it, byte for byte, large or small."""
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
    """A key under which nothing is kept is ArchiveMissing."""
    with pytest.raises(ArchiveMissing):
        await archive.get("nothing.opus")


async def test_many_at_once(archive: Archive) -> None:
    """Puts side by side, of one key and of many, each leave whole objects."""
    datas = [bytes([number]) * 10_000 for number in range(16)]
    await asyncio.gather(*(archive.put("one.wav", data, content_type="audio/wav") for data in datas))
    await asyncio.gather(*(archive.put(f"{data[0]}.wav", data, content_type="audio/wav") for data in datas))
    assert await archive.get("one.wav") in datas
    assert [await archive.get(f"{data[0]}.wav") for data in datas] == datas


async def test_check_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    """check() passes where one may write, and leaves nothing there."""
    await archive.check()
    if isinstance(archive, DiskArchive):
        assert await asyncio.to_thread(lambda: list((tmp_path / "archive").iterdir())) == []
    elif isinstance(archive, S3Archive):
        client = boto3.client("s3")
        listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        client.close()
        assert not [each for each in listed if "probe" in each["Key"]]


@pytest.mark.parametrize("key", ["", "../escape", "a/b", ".hidden", "a\\b", "nul\0"])
async def test_disk_keys_are_flat(tmp_path: Path, key: str) -> None:
    """No key reaches out of the folder."""
    with pytest.raises(ValueError, match="flat"):
        await DiskArchive(tmp_path).put(key, b"", content_type="audio/wav")


async def test_disk_that_is_no_folder(tmp_path: Path) -> None:
    """Where the folder cannot be made, the archive says so in its own words."""
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveUnavailable):
        await DiskArchive(tmp_path / "file" / "archive").put("a.wav", b"", content_type="audio/wav")


@pytest.mark.usefixtures("s3_environment")
async def test_s3_content_type() -> None:
    """An object carries the content type of its sound."""
    archive = S3Archive(BUCKET)
    await archive.put("a.m4a", b"x", content_type="audio/mp4")
    await archive.close()
    client = boto3.client("s3")
    assert client.head_object(Bucket=BUCKET, Key="a.m4a")["ContentType"] == "audio/mp4"
    client.close()


@pytest.mark.usefixtures("s3_environment")
async def test_s3_without_its_bucket() -> None:
    """A bucket that is not there is for an operator to put right, at check() and at put()."""
    archive = S3Archive("no-such-bucket")
    with pytest.raises(ArchiveForbidden):
        await archive.check()
    with pytest.raises(ArchiveForbidden):
        await archive.put("a.m4a", b"x", content_type="audio/mp4")
    await archive.close()


@pytest.mark.usefixtures("s3_environment")
async def test_s3_away(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """A server that cannot be reached may be reached later."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused_tcp_port}")
    archive = S3Archive(BUCKET)
    with pytest.raises(ArchiveUnavailable):
        await archive.put("a.m4a", b"x", content_type="audio/mp4")
    await archive.close()
