"""An S3 server over HTTP on loopback, and the variables by which boto3 finds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

BUCKET = "memos"


@contextmanager
def moto_server() -> Iterator[str]:
    """Run it for a block; yield its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def variables(url: str) -> dict[str, str]:
    """Return boto3's variables for a server."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def client() -> Iterator[S3Client]:
    """Yield a client of the test's own."""
    made = boto3.client("s3")
    try:
        yield made
    finally:
        made.close()
