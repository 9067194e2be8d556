"""Signatures of Linq's webhooks, each an HMAC-SHA256 (RFC 2104) over bytes as they came. Pure.

    scheme       headers                                              over               written as
    standard     webhook-id, webhook-timestamp, webhook-signature     id.timestamp.body  v1,BASE64; several, with spaces
    timestamped  X-Webhook-Timestamp, X-Webhook-Signature             timestamp.body     HEX
    body         X-Webhook-Signature                                  body               sha256=HEX

v3 uses the first two at once, v2 the third. Timestamps are Unix seconds. A v3 secret is `whsec_` and the key in base64;
older ones served whole as the key of timestamped deliveries. A v2 secret is text.

Sources: https://docs.linqapp.com/guides/webhooks/ (v3), https://docs.linqapp.com/v2/api (v2),
https://github.com/standard-webhooks/standard-webhooks (specification).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from consumer.settings.webhook import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Scheme: TypeAlias = Literal["standard", "timestamped", "body"]
Doubt: TypeAlias = Literal["unsigned", "forged", "stale", "early"]

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 16
"""Checked per delivery."""


@dataclass(frozen=True, slots=True)
class Genuine:
    """A delivery signed with one of our secrets."""

    scheme: Scheme
    delivery_id: str | None = None
    """Where the signature covers it."""


class NotGenuine(Exception):
    """A delivery that is unsigned, forged, or signed for another time: stale, early."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt)
        self.doubt: Doubt = doubt


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks signatures by any of the secrets; timestamps may differ from our clock by the tolerance."""

    secrets: Sequence[str] = field(repr=False)
    tolerance_seconds: float

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: float) -> Genuine:
        """Return how a delivery is signed; one right signature suffices.

        Args:
            headers: with case-insensitive names.
            body: as it came.
            now: Unix seconds.

        Raises:
            NotGenuine: it has none.
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


@dataclass(frozen=True, slots=True)
class _Claim:
    scheme: Scheme
    signed: bytes
    signatures: tuple[bytes, ...]
    timestamp: int | None = None
    delivery_id: str | None = None

    def keys(self, secret: str) -> Iterator[bytes]:
        key = decoded(secret)
        if key is not None and self.scheme != "body":
            yield key
        if self.scheme != "standard":
            yield secret.encode()

    def holds(self, key: bytes) -> bool:
        digest = hmac.new(key, self.signed, hashlib.sha256)
        due = base64.b64encode(digest.digest()) if self.scheme == "standard" else digest.hexdigest().encode()
        # In constant time: any() would stop at the first.
        return bool(sum(hmac.compare_digest(due, signature) for signature in self.signatures))


def _claims(headers: Mapping[str, str], body: bytes) -> Iterator[_Claim]:
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
    return header.encode("utf-8", "surrogateescape")  # as aiohttp decoded it
