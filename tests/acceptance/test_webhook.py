"""`voicememo webhook` and a worker: the whole way from a webhook to a reply, and how the door starts and stops."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import aiohttp
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from console.follow import follow
from consumer.kafka.ports import Partition
from consumer.webhook import wiring
from runtime.signals import Stop
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.contracts.webhooks import OLD_SECRET, SECRET, body_only, envelope, standard, timestamped
from tests.harness.processes import ended, lines_of, start
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.acceptance.conftest import Rig

TIMEOUT = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)


@pytest_asyncio.fixture
async def over_linq(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Rig]:
    """A worker over Linq v3, and the door in front of its topic."""
    variables = {"WEBHOOK_SECRETS": f"{SECRET},{OLD_SECRET}", "WEBHOOK_PORT": str(unused_tcp_port)}
    async with rig(tmp_path, Sandbox.linq_environment, **variables) as made:
        stop = Stop()
        door = asyncio.create_task(wiring.run(made.settings, stop))
        try:
            yield made
        finally:
            stop.request()
            await door


def _spoken(rig: Rig, chat: str) -> bytes:
    """An event of v3 that tells of a voice memo, whose recording the sandbox has."""
    message = str(uuid.uuid4())
    part = {"type": "media", "id": "en-call-me", "filename": "Audio Message.caf", "mime_type": "audio/x-caf"}
    data = {
        "id": message,
        "chat": {"id": chat, "is_group": False},
        "direction": "inbound",
        "sender_handle": {"handle": "+15550101006", "service": "iMessage", "is_me": False},
        "parts": [part],
        "sent_at": "2025-11-03T15:08:01Z",
    }
    rig.sandbox.series.messages[chat][message] = {"id": message, "chat_id": chat, "parts": [part]}
    return envelope("message.received", str(uuid.uuid4()), data)


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Deliver, again until the door listens."""

    async def status() -> int | None:
        with suppress(aiohttp.ClientConnectorError):
            return (await _ask("POST", url, body, headers))[0]
        return None

    return cast("int", await until(status, "the door is open"))


async def _ask(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Give status and text."""
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as client,
        client.request(method, url, data=body, headers=headers) as response,
    ):
        return response.status, await response.text()


async def test_a_memo_that_is_delivered_again_is_answered_once(over_linq: Rig) -> None:
    """Webhooks are delivered again, by two subscriptions too; each finds its way to Kafka, and one reply goes out."""
    url = f"http://127.0.0.1:{over_linq.settings.webhook.port}/webhook?version=2026-02-03"
    body = _spoken(over_linq, "chat-1")
    other = json.dumps(json.loads(body) | {"event_id": str(uuid.uuid4())}).encode()
    signed = [standard(body, "d-1"), standard(body, "d-1"), timestamped(body), body_only(body)]
    told = await asyncio.gather(
        *(_post(url, body, each) for each in signed), _post(url, other, standard(other, "d-2")), _post(url, body, {})
    )
    assert told == [200, 200, 200, 200, 200, 401]
    data = json.loads(body)["data"]
    end = await follow(
        over_linq.store.ledger, body, Partition("", 0), 0, our_numbers=(), patience_seconds=PATIENCE_SECONDS
    )
    assert end.outcome == "answered"
    over_linq.ends.update(await _ends(over_linq))
    assert sum(over_linq.ends.values()) == 5
    await over_linq.all_committed()
    (sent,) = over_linq.sandbox.sent
    assert (sent.chat_id, sent.mime_type) == ("chat-1", "audio/x-m4a")
    assert [story.key.chat_id for story in await over_linq.store.ledger.find(data["id"])] == ["chat-1"]


async def _ends(rig: Rig) -> dict[Partition, int]:
    """Give the end of each partition that has something in it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=",".join(rig.settings.kafka.bootstrap_servers))
    await consumer.start()
    try:
        partitions = [TopicPartition(rig.settings.kafka.topic, number) for number in range(4)]
        return {Partition(*each): end for each, end in (await consumer.end_offsets(partitions)).items() if end}
    finally:
        await consumer.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_deliveries_in_hand_end(number: signal.Signals, unused_tcp_port: int) -> None:
    """Asked to stop in the middle of a delivery, the door answers it and exits 0; its log tells nothing of anybody."""
    with EmbeddedBroker() as broker:
        process = await _started(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers, WEBHOOK_PORT=str(unused_tcp_port))
        body = envelope("message.received", "e", {"id": "1", "chat_id": "2", "text": "hello", "from": "+15550101006"})
        url = f"http://127.0.0.1:{unused_tcp_port}/webhook"
        assert await _post(url, body, standard(body, "d")) == 200
        assert await _post(url, body, {}) == 401
        head = "".join(f"{name}: {text}\r\n" for name, text in standard(body, "d").items())
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(f"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode())
        await writer.drain()
        # The door takes a connection in the order of their coming, so it has ours when it has answered the next.
        assert await _post(url, body, {}) == 401
        process.send_signal(number)
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        status, _, log = await ended(process)
    assert status == 0
    lines = lines_of(log)
    assert [line["phase"] for line in lines if line["event"] == "door.changed"] == ["open", "draining", "stopped"]
    assert [line["outcome"] for line in lines if line["event"] == "webhook.refused"] == ["unsigned"]
    assert not [word for word in ("hello", "+15550101006", "whsec_", OLD_SECRET, "127.0.0.1") if word in log]


async def test_vitals_stand_beside_the_door(unused_tcp_port_factory: Callable[[], int]) -> None:
    """Health, readiness and metrics are on a port of their own, which the world outside need not see."""
    door, vitals = unused_tcp_port_factory(), unused_tcp_port_factory()
    with EmbeddedBroker() as broker:
        process = await _started(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers, WEBHOOK_PORT=str(door), VITALS_PORT=str(vitals)
        )
        assert await _post(f"http://127.0.0.1:{door}/webhook", b"{}", {}) == 401
        paths = ("/healthz", "/readyz", "/metrics")
        told = {path: await _ask("GET", f"http://127.0.0.1:{vitals}{path}") for path in paths}
        assert await _post(f"http://127.0.0.1:{door}/metrics", b"", {}) == 404
        process.terminate()
        await ended(process)
    assert (told["/healthz"], told["/readyz"]) == ((200, "ok\n"), (200, "ready\n"))
    assert 'voicememo_webhook_deliveries_total{outcome="unsigned",scheme="none"} 1.0' in told["/metrics"][1]
    assert "voicememo_webhook_held 0.0" in told["/metrics"][1]


@pytest.mark.parametrize(
    ("variables", "status", "told"),
    [
        ({"WEBHOOK_SECRETS": ""}, 2, "WEBHOOK_SECRETS: is needed"),
        ({"WEBHOOK_SECRETS": "short"}, 2, "WEBHOOK_SECRETS: secret 1 can be guessed"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, 1, "check KAFKA_BOOTSTRAP_SERVERS"),
        ({"VITALS_HOST": "203.0.113.7"}, 1, "VITALS_HOST 203.0.113.7 cannot be listened on"),
    ],
)
async def test_a_door_that_cannot_open_says_why(variables: dict[str, str], status: int, told: str) -> None:
    """What must be put right is named by its variable, with an exit status of its own kind."""
    process = await _started(**variables)
    said = await ended(process)
    assert said.status == status
    assert told in said.err


async def _started(**variables: str) -> asyncio.subprocess.Process:
    here = {"WEBHOOK_SECRETS": f"{SECRET},{OLD_SECRET}", "WEBHOOK_PORT": "0", "VITALS_PORT": "0", **variables}
    return await start("webhook", variables=here)
