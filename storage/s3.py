"""The archive in S3, or in whatever speaks its wire (R2, MinIO, LocalStack): boto3, in threads of its own.

Credentials, region and endpoint are read by boto3 itself: AWS_* and AWS_ENDPOINT_URL_S3.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.errors import ArchiveError, ArchiveForbidden, ArchiveMissing, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_MISSING = frozenset({"NoSuchKey", "404"})
_FORBIDDEN = frozenset({
    "AccessDenied", "AllAccessDisabled", "ExpiredToken", "Forbidden", "InvalidAccessKeyId", "InvalidToken",
    "NoSuchBucket", "PermanentRedirect", "SignatureDoesNotMatch", "403", "404",
})  # fmt: skip
"""What only an operator can put right; for check(), a bucket that is not there too."""


class S3Archive:
    """Keeps objects in one bucket.

    Args:
        bucket: its name.
        prefix: stands before every key, without slashes at its ends; empty for none.
        threads: how many requests may run at once.
    """

    def __init__(self, bucket: str, *, prefix: str = "", threads: int = 8) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="s3")
        self._config = Config(
            connect_timeout=3,
            read_timeout=15,
            max_pool_connections=threads,
            retries={"mode": "adaptive", "max_attempts": 3},
        )
        self._client: S3Client | None = None
        self._making = Lock()

    async def put(self, key: str, data: bytes, *, content_type: str) -> str:
        """Keep `data`; give its s3:// URL. Raises ArchiveUnavailable, ArchiveForbidden."""
        await self._in_thread(
            lambda client: client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=content_type
            )
        )
        return f"s3://{self._bucket}/{self._prefix}{key}"

    async def get(self, key: str) -> bytes:
        """Give what is kept. Raises ArchiveMissing, ArchiveUnavailable, ArchiveForbidden."""

        def read(client: S3Client) -> bytes:
            with client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"] as body:
                return body.read()

        return await self._in_thread(read)

    async def check(self) -> None:
        """Look the bucket up, write a probe and take it away again. Raises ArchiveUnavailable, ArchiveForbidden."""

        def probe(client: S3Client) -> None:
            client.head_bucket(Bucket=self._bucket)
            key = f"{self._prefix}voicememo-probe"
            client.put_object(Bucket=self._bucket, Key=key, Body=b"")
            client.delete_object(Bucket=self._bucket, Key=key)

        try:
            await self._in_thread(probe)
        except ArchiveMissing as error:
            raise ArchiveForbidden(f"no bucket {self._bucket}") from error

    async def close(self) -> None:
        """Close the connections, and end the threads."""
        await asyncio.to_thread(self._close)

    async def _in_thread(self, work: Callable[[S3Client], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._made()))
        except ClientError as error:
            raise _told(error) from error
        except BotoCoreError as error:
            raise ArchiveUnavailable(f"S3: {type(error).__name__}") from error

    def _made(self) -> S3Client:
        """Make the client at first use: that takes a quarter of a second, which the loop must not wait for."""
        with self._making:
            if self._client is None:
                self._client = boto3.session.Session().client("s3", config=self._config)
            return self._client

    def _close(self) -> None:
        self._threads.shutdown()
        if self._client is not None:
            self._client.close()


def _told(error: ClientError) -> ArchiveError:
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    if code in _MISSING:
        return ArchiveMissing("nothing is kept under that key")
    kind = ArchiveForbidden if code in _FORBIDDEN else ArchiveUnavailable
    return kind(f"S3 says {code}")
