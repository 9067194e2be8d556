"""What the client of the Series API promises besides the contract of all messengers: its keys, and its one request."""

from __future__ import annotations

import pytest

from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.contracts.deliveries import Delivery
from tests.contracts.messengers import REPLY, SERIES, patience_seconds


async def test_voice_carries_its_words_and_its_key() -> None:
    """A voice message has its text, its MIME type and its idempotency key besides its sound."""
    async with Sandbox(ScriptedMind()) as sandbox, SERIES.client(sandbox.url) as messenger:
        await messenger.send_voice(REPLY)
        (sent,) = sandbox.sent
    assert (sent.text, sent.mime_type, sent.idempotency_key) == (REPLY.text, "audio/mp4", REPLY.idempotency_key)


@pytest.mark.parametrize("honours_keys", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        ScriptedFault(FaultKind.ACCEPTED_THEN_CUT),
        ScriptedFault(FaultKind.CUT),
        ScriptedFault(FaultKind.HANG),
        ScriptedFault(FaultKind.STATUS, 500),
        ScriptedFault(FaultKind.STATUS, 502),
        ScriptedFault(FaultKind.STATUS, 503),
        ScriptedFault(FaultKind.STATUS, 429, "0"),
        ScriptedFault(FaultKind.EMPTY),
        ScriptedFault(FaultKind.GARBAGE),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_one_attempt_ends_with_one_message(fault: ScriptedFault, *, honours_keys: bool) -> None:
    """After any fault of a send its delivery goes on until there is one message, even if keys are not honoured (I1)."""
    async with (
        Sandbox(ScriptedMind(), honours_keys=honours_keys) as sandbox,
        SERIES.client(sandbox.url, timeout_seconds=patience_seconds(fault)) as messenger,
    ):
        sandbox.faults.next("series.send", fault)
        delivered = await Delivery(messenger).attempt()
        assert [sent.message_id for sent in sandbox.sent] == [delivered.sent_id]
