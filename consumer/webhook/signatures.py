"""Signatures of webhooks: did Linq send this delivery, and did it just now? Pure.

Each is an HMAC-SHA256 (RFC 2104) over bytes exactly as they came:

    scheme       headers                                              over               written as
    standard     webhook-id, webhook-timestamp, webhook-signature     id.timestamp.body  v1,BASE64; several, with spaces
    timestamped  X-Webhook-Timestamp, X-Webhook-Signature             timestamp.body     HEX
    body         X-Webhook-Signature                                  body               sha256=HEX

v3 signs in the first two ways at once, v2 in the third. A timestamp is in Unix seconds. A secret of v3 is `whsec_` and
the key in base64, all of which was the key of timestamped deliveries before that form came up; a secret of v2 is text.

Sources: https://docs.linqapp.com/guides/webhooks/ (both ways of v3, the secrets, five minutes), the webhook pages under
https://docs.linqapp.com/v2/api (v2), and https://github.com/standard-webhooks/standard-webhooks (its specification).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Scheme: TypeAlias = Literal["standard", "timestamped", "body"]
Doubt: TypeAlias = Literal["unsigned", "forged", "stale", "early"]

PREFIX = "whsec_"
"""How a secret of v3 begins."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 16
"""Of one delivery, that are looked at: one for each secret that is being rotated."""


@dataclass(frozen=True, slots=True)
class Genuine:
    """A delivery that was signed with one of our secrets, and recently where that can be told."""

    scheme: Scheme
    delivery_id: str | None = None
    """The webhook's own id, where the signature covers it."""


class NotGenuine(Exception):
    """A delivery that is not to be trusted.

    Attributes:
        doubt: unsigned; forged; stale or early, which are signed rightly for another time.
    """

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt)
        self.doubt: Doubt = doubt


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks deliveries.

    Args:
        secrets: any of which may have signed.
        tolerance_seconds: how far a timestamp may lie from our own time, on either side.
    """

    secrets: Sequence[str] = field(repr=False)
    tolerance_seconds: float

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: float) -> Genuine:
        """Say by which scheme a delivery is genuine; one that is signed rightly by any scheme is.

        Args:
            headers: of the request; names in any case, if the mapping sees to that.
            body: as it came.
            now: Unix seconds.

        Raises:
            NotGenuine: it is not.
        """
        doubt: Doubt = "unsigned"
        for claim in _claims(headers, body):
            if not any(claim.holds(key) for secret in self.secrets for key in claim.keys(secret)):
                doubt = "forged" if doubt == "unsigned" else doubt
            elif claim.timestamp is not None and abs(now - claim.timestamp) > self.tolerance_seconds:
                doubt = "stale" if claim.timestamp < now else "early"
            else:
                return Genuine(claim.scheme, claim.delivery_id)
        raise NotGenuine(doubt)


def decoded(secret: str) -> bytes | None:
    """Give the key in a secret of v3; None when it is no such secret."""
    if not secret.startswith(PREFIX):
        return None
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Claim:
    """That some bytes carry one of these signatures."""

    scheme: Scheme
    signed: bytes
    signatures: tuple[bytes, ...]
    timestamp: int | None = None
    delivery_id: str | None = None

    def keys(self, secret: str) -> Iterator[bytes]:
        """Give what a secret may mean here."""
        key = decoded(secret)
        if key is not None and self.scheme != "body":
            yield key
        if self.scheme != "standard":
            yield secret.encode()

    def holds(self, key: bytes) -> bool:
        """Whether it is so; how long that takes tells nothing of the signature that was due."""
        digest = hmac.new(key, self.signed, hashlib.sha256)
        due = base64.b64encode(digest.digest()) if self.scheme == "standard" else digest.hexdigest().encode()
        # All of them, always: any() would stop at the first.
        return bool(sum(hmac.compare_digest(due, signature) for signature in self.signatures))


def _claims(headers: Mapping[str, str], body: bytes) -> Iterator[_Claim]:
    """Give what a delivery claims, scheme by scheme; a scheme whose headers are not all there claims nothing."""
    delivery_id, at = headers.get("webhook-id"), headers.get("webhook-timestamp", "")
    listed = headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    standard = tuple(_bytes(each.removeprefix("v1,")) for each in listed if each.startswith("v1,"))
    if delivery_id and standard and _TIMESTAMP.fullmatch(at):
        yield _Claim("standard", _bytes(f"{delivery_id}.{at}.") + body, standard, int(at), delivery_id)

    older, at = headers.get("X-Webhook-Signature", ""), headers.get("X-Webhook-Timestamp", "")
    digest = _bytes(older.removeprefix("sha256=").lower())
    if digest and _TIMESTAMP.fullmatch(at):
        yield _Claim("timestamped", _bytes(f"{at}.") + body, (digest,), int(at))
    # An old delivery of v3, its timestamp put in front of its body, would carry the right signature for v2.
    if digest and older.startswith("sha256=") and body.lstrip().startswith(b"{"):
        yield _Claim("body", body, (digest,))


def _bytes(header: str) -> bytes:
    """Give a header's own bytes, as aiohttp read them."""
    return header.encode("utf-8", "surrogateescape")
