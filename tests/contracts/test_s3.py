"""The archive in S3: types, metadata, encryption, multipart uploads, and errors."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from console import checks
from console.checks import CheckVerdict
from consumer.settings import load
from storage.archive import MEMO_PREFIX, REPLY_PREFIX
from storage.archives.retrying import RetryingArchive
from storage.archives.s3 import Encryption, S3Archive
from storage.deletion.retention import DAY_SECONDS
from storage.errors import ArchiveForbidden, ArchiveMissing, ArchiveUnavailable
from storage.factory import make_archive
from tests.contracts.buckets import BUCKET, client, variables
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from storage.archive import Archive

M4A = "audio/mp4"
LARGE = bytes(range(256)) * 4096 * 20
"""Twenty MiB."""
ABOUT = {"message-id": "810001", "seconds": "9.98", "codec": "aac"}
KMS_KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
# What botocore and moto do by themselves, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@asynccontextmanager
async def _closing(archive: Archive) -> AsyncIterator[Archive]:
    try:
        yield archive
    finally:
        await archive.close()


@pytest_asyncio.fixture
async def refusing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A server that denies every request, as S3 does."""

    async def refuse(request: web.Request) -> web.Response:
        text = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return web.Response(status=403, text="" if request.method == "HEAD" else text, content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    for name, value in variables(f"http://{host}:{port}").items():
        monkeypatch.setenv(name, value)
    yield f"http://{host}:{port}"
    await runner.cleanup()


def _head(key: str) -> Mapping[str, object]:
    with client() as looking:
        return dict(looking.head_object(Bucket=BUCKET, Key=key))


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.parametrize("data", [b"x", LARGE], ids=["small", "large"])
async def test_object_says_what_it_is(data: bytes) -> None:
    """An object carries its type and metadata, whether uploaded whole or in parts."""
    async with _closing(S3Archive(BUCKET)) as archive:
        await archive.put("a.m4a", data, content_type=M4A, about=ABOUT)
        assert await archive.get("a.m4a") == data
    head = _head("a.m4a")
    assert (head["ContentType"], head["Metadata"]) == (M4A, ABOUT)


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.parametrize(("data", "parts"), [(b"x", None), (LARGE, 3)], ids=["small", "large"])
async def test_large_objects_go_up_in_parts(data: bytes, parts: int | None) -> None:
    """From 8 MiB on objects go up in parts: the tag ends in their number."""
    async with _closing(S3Archive(BUCKET)) as archive:
        await archive.put("a.wav", data, content_type="audio/wav")
    tag = str(_head("a.wav")["ETag"]).strip('"')
    assert tag.partition("-")[2] == (str(parts) if parts else "")
    with client() as looking:
        assert not looking.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.parametrize("data", [b"x", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("encryption", "algorithm", "key"),
    [
        (Encryption("AES256"), "AES256", None),
        (Encryption("aws:kms"), "aws:kms", None),
        (Encryption("aws:kms", KMS_KEY), "aws:kms", KMS_KEY),
    ],
    ids=["AES256", "kms", "kms-key"],
)
async def test_objects_are_encrypted_as_asked(
    encryption: Encryption, algorithm: str, key: str | None, data: bytes
) -> None:
    """Every object is encrypted as ARCHIVE_SSE says."""
    async with _closing(S3Archive(BUCKET, encryption=encryption)) as archive:
        await archive.check()
        await archive.put("a.m4a", data, content_type=M4A)
    head = _head("a.m4a")
    assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (algorithm, key)


@pytest.mark.usefixtures("s3_environment")
async def test_archive_is_made_as_the_settings_say() -> None:
    """ARCHIVE_URL and ARCHIVE_SSE alone say where and how; boto3 reads the endpoint."""
    settings = load({"ARCHIVE_URL": f"s3://{BUCKET}/kept/here", "ARCHIVE_SSE": f"aws:kms:{KMS_KEY}"}, complete=False)
    async with _closing(make_archive(settings.archive)) as archive:
        assert await archive.put("a.m4a", b"x", content_type=M4A) == f"s3://{BUCKET}/kept/here/a.m4a"
    assert _head("kept/here/a.m4a")["SSEKMSKeyId"] == KMS_KEY


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.slow
async def test_keys_of_others_are_listed_as_they_are() -> None:
    """More keys than one answer holds are listed, below our prefix alone."""
    with client() as looking:
        for number in range(1005):
            looking.put_object(Bucket=BUCKET, Key=f"ours/{number:04}", Body=b"")
        for key in ("ours", "other/1", "outer"):
            looking.put_object(Bucket=BUCKET, Key=key, Body=b"")
    async with _closing(S3Archive(BUCKET, prefix="ours")) as archive:
        keys = await archive.keys()
        for key in keys:
            await archive.delete(key)
        assert list(await archive.keys()) == []
    assert list(keys) == [f"{number:04}" for number in range(1005)]
    with client() as looking:
        left = [each["Key"] for each in looking.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert left == ["other/1", "ours", "outer"]


@pytest.mark.usefixtures("s3_environment")
async def test_bucket_that_is_not_there() -> None:
    """A missing bucket is named to the operator by every method."""
    async with _closing(S3Archive("no-such-bucket")) as archive:
        for asking in (
            archive.check(),
            archive.put("a.m4a", b"x", content_type=M4A),
            archive.get("a.m4a"),
            archive.keys(),
            archive.delete("a.m4a"),
        ):
            with pytest.raises(ArchiveForbidden, match="there is no bucket no-such-bucket"):
                await asking


@pytest.mark.usefixtures("refusing")
async def test_bucket_that_is_not_ours() -> None:
    """A refusal is for an operator; a large object leaves no parts behind."""
    async with _closing(S3Archive(BUCKET)) as archive:
        for asking in (
            archive.check(),
            archive.put("a.m4a", b"x", content_type=M4A),
            archive.put("b.m4a", LARGE, content_type=M4A),
            archive.keys(),
            archive.delete("a.m4a"),
        ):
            with pytest.raises(ArchiveForbidden, match=r"S3 says (403|AccessDenied): bucket memos"):
                await asking


@pytest.mark.usefixtures("s3_environment")
async def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials AWS_* is named to the operator."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    async with _closing(S3Archive(BUCKET)) as archive:
        with pytest.raises(ArchiveForbidden, match="NoCredentialsError: no AWS_"):
            await archive.check()


@pytest.mark.usefixtures("s3_environment")
async def test_server_is_away(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """An unreachable server may come back."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused_tcp_port}")
    async with _closing(S3Archive(BUCKET)) as archive:
        with pytest.raises(ArchiveUnavailable):
            await archive.put("a.m4a", b"x", content_type=M4A)


@pytest.mark.usefixtures("s3_environment")
async def test_what_a_missing_bucket_could_not_take(tmp_path: Path) -> None:
    """It is spooled until the bucket exists, and then has all its metadata."""
    inner = S3Archive("made-later", encryption=Encryption("AES256"))
    async with _closing(RetryingArchive(inner, tmp_path / "owed", max_bytes=10**8)) as archive:
        assert await archive.put("a.m4a", LARGE, content_type=M4A, about=ABOUT) == "owed:a.m4a"
        assert await archive.get("a.m4a") == LARGE
        with client() as looking:
            looking.create_bucket(Bucket="made-later")
            assert isinstance(archive, RetryingArchive)
            assert await archive.retry() == 1
            head = looking.head_object(Bucket="made-later", Key="a.m4a")
            assert (head["ContentType"], head["Metadata"], head["ServerSideEncryption"]) == (M4A, ABOUT, "AES256")
            await archive.delete("a.m4a")
            looking.delete_bucket(Bucket="made-later")
        with pytest.raises((ArchiveMissing, ArchiveForbidden)):
            await archive.get("a.m4a")


async def test_warm_makes_the_client(s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """warm() creates the client with the variables of that moment."""
    async with _closing(S3Archive(BUCKET)) as archive:
        await archive.warm()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"{s3_environment}/elsewhere")
        await archive.put("a.m4a", b"sound", content_type=M4A)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_environment)
    with client() as looking:
        assert looking.get_object(Bucket=BUCKET, Key="a.m4a")["Body"].read() == b"sound"


@pytest.mark.usefixtures("refusing")
async def test_warm_asks_for_nothing() -> None:
    """warm() sends no request, so a refusing server is no failure."""
    async with _closing(S3Archive(BUCKET)) as archive:
        await archive.warm()


@pytest.mark.usefixtures("s3_environment")
async def test_cancelled_while_it_warms() -> None:
    """Closed after a cancelled warm(), it waits for its thread."""
    archive = S3Archive(BUCKET)
    warming = asyncio.ensure_future(archive.warm())
    await asyncio.sleep(0)
    assert _threads()
    warming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await warming
    await archive.close()
    assert not _threads()


@pytest.mark.usefixtures("s3_environment")
async def test_an_endpoint_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong endpoint is for an operator; warm() only logs it, and objects are spooled."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    async with _closing(RetryingArchive(S3Archive(BUCKET), tmp_path / "owed", max_bytes=10**6)) as archive:
        await archive.warm()
        assert await archive.put("a.m4a", b"sound", content_type=M4A) == "owed:a.m4a"
        with pytest.raises(ArchiveForbidden, match="AWS_"):
            await archive.check()


@pytest.mark.usefixtures("s3_environment")
def test_lifecycle_in_the_documentation() -> None:
    """A bucket accepts the rules of docs/retention.md, which apply to our keys after `voicememo purge`."""
    page = (ROOT / "docs" / "retention.md").read_text("utf-8")
    rules = json.loads(page.partition("```json\n")[2].partition("```")[0])
    with client() as looking:
        looking.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=rules)
        taken = looking.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        looking.delete_bucket_lifecycle(Bucket=BUCKET)
    assert {rule["Filter"]["Prefix"] for rule in taken} == {MEMO_PREFIX, REPLY_PREFIX}
    assert {rule["Status"] for rule in taken} == {"Enabled"}
    settings = load({}, complete=False)
    longest_try_days = (settings.worker.reply_deadline_seconds + settings.worker.retry_for_seconds) / DAY_SECONDS
    assert all(rule["Expiration"]["Days"] > settings.retention.retention_days + longest_try_days for rule in taken)


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("s3")]


async def _diagnosis(bucket: str) -> str:
    finding = await checks._archive(load({"ARCHIVE_URL": f"s3://{bucket}"}, complete=False))
    assert (finding.part, finding.verdict) == ("archive", CheckVerdict.WRONG)
    assert "see ARCHIVE_URL and AWS_*" in finding.words
    return finding.words


@pytest.mark.usefixtures("s3_environment")
async def test_doctor_names_a_bucket_that_is_absent() -> None:
    """A missing bucket is wrong, with its name and where to look."""
    assert "there is no bucket no-such-bucket" in await _diagnosis("no-such-bucket")


@pytest.mark.usefixtures("refusing")
async def test_doctor_names_a_bucket_that_is_shut() -> None:
    """So is one that refuses us."""
    assert "S3 says 403: bucket memos is not open to these credentials" in await _diagnosis(BUCKET)
