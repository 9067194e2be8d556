"""Archive in S3 or a compatible service (R2, MinIO, LocalStack). boto3 itself reads AWS_*."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from storage.archive import KEYS_PER_PAGE, NO_METADATA, Archive
from storage.errors import ArchiveError, ArchiveForbidden, ArchiveMissing, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 3.0, 5.0, 3
"""Short: a waiting thread cannot be cancelled, and a failed upload is retried."""
_PART_BYTES = 8 * 1024 * 1024
"""Larger objects go up in parts of this size; S3 takes none below 5 MiB."""
_LISTED_AT_ONCE = 1000
_ABSENT = frozenset({"NoSuchBucket", "404"})
_MISSING = frozenset({"NoSuchKey", "404"})
_FORBIDDEN = frozenset({
    "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "Forbidden",
    "IllegalLocationConstraintException", "InvalidAccessKeyId", "InvalidToken", "KMS.DisabledException",
    "KMS.NotFoundException", "NoSuchBucket", "PermanentRedirect", "SignatureDoesNotMatch", "301", "400", "401", "403",
})  # fmt: skip
_NOT_SET_UP = (NoCredentialsError, PartialCredentialsError, NoRegionError)


@dataclass(frozen=True, slots=True)
class Encryption:
    """Server-side encryption (x-amz-server-side-encryption)."""

    algorithm: str
    key: str | None = None
    """Id or ARN of the KMS key; None: S3's default one."""

    def arguments(self) -> dict[str, str]:
        arguments = {"ServerSideEncryption": self.algorithm}
        return arguments if self.key is None else {**arguments, "SSEKMSKeyId": self.key}


class S3Archive(Archive):
    """Objects of one bucket.

    Args:
        bucket: its name.
        prefix: of every key, without slashes at its ends.
        encryption: None: the bucket's own setting.
        threads: bound of concurrent requests.
    """

    def __init__(
        self, bucket: str, *, prefix: str = "", encryption: Encryption | None = None, threads: int = 8
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._encrypted = encryption.arguments() if encryption else {}
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="s3")
        self._config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=threads,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        # Parts go up one after the other: the threads are few, and are ours.
        self._transfer = TransferConfig(
            multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
        )
        self._client: S3Client | None = None
        self._making = Lock()

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        extra: Any = {"ContentType": content_type, "Metadata": dict(about), **self._encrypted}
        key = self._prefix + key

        def upload(client: S3Client) -> None:
            if len(data) < _PART_BYTES:  # boto3's transfer manager would start four tasks for it
                client.put_object(Bucket=self._bucket, Key=key, Body=data, **extra)
            else:
                client.upload_fileobj(BytesIO(data), self._bucket, key, ExtraArgs=extra, Config=self._transfer)

        await self._in_thread(upload)
        return f"s3://{self._bucket}/{key}"

    async def get(self, key: str) -> bytes:
        def read(client: S3Client) -> bytes:
            with client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"] as body:
                return body.read()

        return await self._in_thread(read)

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        def read(client: S3Client) -> list[str]:
            found: list[str] = []
            while len(found) < limit:
                page = client.list_objects_v2(
                    Bucket=self._bucket,
                    Prefix=self._prefix + prefix,
                    StartAfter=self._prefix + (found[-1] if found else after),
                    MaxKeys=min(_LISTED_AT_ONCE, limit - len(found)),
                )
                found += [each["Key"].removeprefix(self._prefix) for each in page.get("Contents", [])]
                if not page["IsTruncated"]:
                    break
            return found

        return await self._in_thread(read)

    async def delete(self, key: str) -> None:
        """Delete an object; older versions are left to the bucket's lifecycle rules."""
        await self._in_thread(lambda client: client.delete_object(Bucket=self._bucket, Key=self._prefix + key))

    async def check(self) -> None:
        def probe(client: S3Client) -> None:
            client.head_bucket(Bucket=self._bucket)
            key = f"{self._prefix}voicememo-probe"
            encrypted: Any = self._encrypted
            client.put_object(Bucket=self._bucket, Key=key, Body=b"", **encrypted)
            client.delete_object(Bucket=self._bucket, Key=key)

        await self._in_thread(probe)

    async def warm(self) -> None:
        # Creating the client takes a quarter of a second. No request is sent: it costs money and may need a right.
        await self._in_thread(lambda client: None)  # noqa: ARG005 (the client itself is wanted)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    async def _in_thread(self, work: Callable[[S3Client], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._client_made()))
        except ClientError as error:
            raise self._error_of(error) from error
        except _NOT_SET_UP as error:
            raise ArchiveForbidden(f"S3: {type(error).__name__}: no AWS_* variables that boto3 can use") from error
        except (BotoCoreError, ResponseParserError) as error:
            raise ArchiveUnavailable(f"S3: {type(error).__name__}") from error

    def _client_made(self) -> S3Client:
        with self._making:
            if self._client is None:
                try:
                    self._client = boto3.session.Session().client("s3", config=self._config)
                except ValueError as error:  # AWS_ENDPOINT_URL_S3 is no URL
                    raise ArchiveForbidden("S3: no AWS_* variables that boto3 can use") from error
            return self._client

    def _close(self) -> None:
        self._threads.shutdown()
        if self._client is not None:
            self._client.close()

    def _error_of(self, error: ClientError) -> ArchiveError:
        # S3 answers a HEAD without a body, so there its code is the HTTP status.
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        of_the_bucket = error.operation_name == "HeadBucket"
        if code == "NoSuchBucket" or (of_the_bucket and code in _ABSENT):
            return ArchiveForbidden(f"there is no bucket {self._bucket}")
        if code in _MISSING:
            return ArchiveMissing("nothing is kept under that key")
        if code in _FORBIDDEN:
            return ArchiveForbidden(f"S3 says {code}: bucket {self._bucket} is not open to these credentials")
        return ArchiveUnavailable(f"S3 says {code}")
