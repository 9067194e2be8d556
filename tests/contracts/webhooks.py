"""Deliveries as Linq makes them, signed as its pages say; nothing of ours is used for that."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "your-webhook-secret-key"


def standard(body: bytes, delivery_id: str, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Headers of v3, the newer ones."""
    stamp = int(time.time() if at is None else at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{delivery_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": str(stamp), "webhook-signature": f"v1,{signature}"}


def timestamped(body: bytes, *, secret: str = OLD_SECRET, at: float | None = None) -> dict[str, str]:
    """Headers of v3, the older ones."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Webhook-Timestamp": str(stamp), "X-Webhook-Signature": digest}


def body_only(body: bytes, *, secret: str = OLD_SECRET) -> dict[str, str]:
    """Headers of v2."""
    return {"X-Webhook-Signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


def written(chat: str, text: str, *, message: str = "", event: str = "") -> bytes:
    """An event of v3 (2026-02-03) that tells of a text message."""
    data = {
        "id": message or str(uuid.uuid4()),
        "chat": {"id": chat, "is_group": False, "owner_handle": {"handle": "+15550109999", "is_me": True}},
        "direction": "inbound",
        "sender_handle": {"handle": "+15550101006", "service": "iMessage", "is_me": False},
        "parts": [{"type": "text", "value": text}],
        "sent_at": "2026-11-03T15:08:01Z",
    }
    return envelope("message.received", event or str(uuid.uuid4()), data)


def envelope(name: str, event: str, data: object) -> bytes:
    """An event of v3."""
    told = {"api_version": "v3", "webhook_version": "2026-02-03", "event_type": name, "event_id": event, "data": data}
    return json.dumps(told).encode()
