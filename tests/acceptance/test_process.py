"""`voicememo run` as a process: how it stops, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from console.fixture import wrap
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from storage.sqlite.store import SqliteStore
from tests.harness.paths import MEMOS
from tests.harness.processes import ended, environment, lines_of, run_to_end, start
from tests.harness.until import until

if TYPE_CHECKING:
    from pathlib import Path

MEMO = MEMOS / "en-call-me.caf"
UNREACHABLE_SERIES = {"SERIES_API_URL": "http://127.0.0.1:1", "SERIES_API_KEY": "key"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_memos_in_flight_end(tmp_path: Path, number: signal.Signals) -> None:
    """Asked to stop in the middle of a memo, the worker answers it, commits, and exits 0."""
    async with Sandbox(ScriptedMind()) as sandbox:
        with EmbeddedBroker() as broker:
            variables = environment(tmp_path, sandbox=sandbox.environment(), broker=broker.bootstrap_servers)
            settings = load(variables)
            publisher = KafkaPublisher(settings.kafka.login())
            value = await asyncio.to_thread(wrap, MEMO, chat_id="c", message_id="1", person="+15550100001")
            await publisher.publish(settings.kafka.topic, key=b"c", value=value)
            await publisher.close()
            sandbox.faults.latency["llama"] = 1.0
            process = await start("run", variables=variables)
            await until(lambda: sandbox.faults.requests["llama"])
            process.send_signal(number)
            status, _, log = await ended(process)
    assert status == 0
    assert len(sandbox.sent) == 1
    phases = [line["phase"] for line in lines_of(log) if line["event"] == "worker.changed"]
    assert phases == ["joining", "polling", "draining", "stopped"]
    store = SqliteStore(tmp_path / "voicememo.db")
    await store.open()
    (story,) = await store.ledger.find("1")
    await store.close()
    assert story.state == "answered"
    words = ("hello there, how are you today", "+15550100001", "sandbox-series", "hf_sandbox")
    assert not [word for word in words if word in log]


async def test_wrong_settings_are_all_named() -> None:
    """Wrong configuration stops at the start with exit status 2 and every fault named."""
    status, out, err = await run_to_end(
        "run", variables={"WORKER_CONCURRENCY": "0", "KAFKA_GROUP_ID": "", "ARCHIVE_URL": "ftp://x"}
    )
    assert (status, out) == (2, "")
    for variable in ("WORKER_CONCURRENCY", "KAFKA_GROUP_ID", "ARCHIVE_URL", "SERIES_API_URL", "SERIES_API_KEY"):
        assert f"{variable}: " in err


async def test_kafka_that_is_not_there(unused_tcp_port: int, tmp_path: Path) -> None:
    """Without Kafka the worker ends with status 1, and words that say what to check."""
    variables = environment(tmp_path, sandbox=UNREACHABLE_SERIES, broker=f"127.0.0.1:{unused_tcp_port}")
    status, _, err = await run_to_end("run", variables=variables)
    assert status == 1
    assert "check KAFKA_BOOTSTRAP_SERVERS" in err.splitlines()[-1]


async def test_a_ledger_that_is_no_database(tmp_path: Path) -> None:
    """Where the file that STORE_URL names is no database the worker ends with status 1, and one line that says so."""
    place = tmp_path / "voicememo.db"
    place.write_text("garbage\n")
    with EmbeddedBroker() as broker:
        variables = environment(tmp_path, sandbox=UNREACHABLE_SERIES, broker=broker.bootstrap_servers)
        status, _, err = await run_to_end("run", variables=variables)
    assert (status, "Traceback" in err) == (1, False)
    assert err.splitlines()[-1] == f"voicememo: SQLite: {place} is no database, or is damaged; see STORE_URL"


async def test_show_of_no_memo(tmp_path: Path) -> None:
    """An unknown memo is exit status 3."""
    store = SqliteStore(tmp_path / "voicememo.db")
    await store.open()
    await store.close()
    status, out, err = await run_to_end("show", "nothing", variables=environment(tmp_path))
    assert (status, out) == (3, "")
    assert "No memo has the id nothing" in err


async def test_help_is_complete() -> None:
    """--help names every command, and each command's own says what it does."""
    status, out, _ = await run_to_end("--help", variables={})
    assert status == 0
    for command in ("demo", "run", "webhook", "replay", "show", "failed", "reprocess", "doctor"):
        assert f"  {command} " in out
        status, said, _ = await run_to_end(command, "--help", variables={})
        assert status == 0
        assert f"Usage: voicememo {command}" in said


async def test_doctor_tells_what_is_wrong(tmp_path: Path, unused_tcp_port: int) -> None:
    """With nothing configured, with a wrong key and with everything right, doctor says so, and exits accordingly."""
    here = environment(tmp_path, broker=f"127.0.0.1:{unused_tcp_port}")
    status, out, _ = await run_to_end("doctor", variables=here)
    assert status == 1
    for told in (
        "SERIES_API_URL",
        "is needed: the base URL",
        "cannot be used",
        "set HF_TOKEN to use it",
        "set OPENAI_API_KEY or OPENAI_CHAT_URL to",
    ):
        assert told in out
    async with Sandbox(ScriptedMind()) as sandbox:
        with EmbeddedBroker() as broker:
            here |= {**sandbox.environment(), **sandbox.openai_environment()}
            here |= {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
            # The embedded broker makes a topic when it is first spoken of.
            publisher = KafkaPublisher(load(here).kafka.login())
            for topic in ("message.received", "message.received.dead"):
                await publisher.publish(topic, key=None, value=b"{}")
            await publisher.close()
            status, out, _ = await run_to_end("doctor", "--json", variables=here)
            assert (status, {each["verdict"] for each in json.loads(out)["findings"]}) == (0, {"ok"})
            status, out, _ = await run_to_end("doctor", variables=here)
            assert "All is well" in out
            status, out, _ = await run_to_end("doctor", variables={**here, "ELEVENLABS_API_KEY": "wrong"})
            assert status == 1
            assert "answered 401: the key is wrong or not allowed; see ELEVENLABS_API_KEY" in out
            assert "wrong-key" not in out
