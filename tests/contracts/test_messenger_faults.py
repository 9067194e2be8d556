"""What every messenger makes of each fault of its API: the right error in its time, one message, and nothing leaked."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from providers.errors import (
    BadAnswer,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.contracts.adapters import leaked_secrets
from tests.contracts.messengers import LINQ, REPLY, SERIES, Generation, patience_seconds
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from providers.messengers.linq import LinqMessenger
    from providers.messengers.series import SeriesMessenger

READ: Mapping[ScriptedFault, type[ProviderError]] = {
    ScriptedFault(FaultKind.HANG): TimedOut,
    ScriptedFault(FaultKind.HANG_AFTER_HEADERS): TimedOut,
    ScriptedFault(FaultKind.HANG_MIDWAY): TimedOut,
    ScriptedFault(FaultKind.DRIP): TimedOut,
    ScriptedFault(FaultKind.CUT): Unreachable,
    ScriptedFault(FaultKind.RESET): Unreachable,
    ScriptedFault(FaultKind.CUT_MIDWAY): Unreachable,
    ScriptedFault(FaultKind.STATUS, 401): Unauthorized,
    ScriptedFault(FaultKind.STATUS, 402): Unauthorized,
    ScriptedFault(FaultKind.STATUS, 403): Unauthorized,
    ScriptedFault(FaultKind.STATUS, 429, "600"): RateLimited,
    ScriptedFault(FaultKind.STATUS, 500): Unavailable,
    ScriptedFault(FaultKind.STATUS, 503): Unavailable,
    ScriptedFault(FaultKind.EMPTY): BadAnswer,
}
WORDED: Mapping[ScriptedFault, type[ProviderError]] = {
    ScriptedFault(FaultKind.GARBAGE): BadAnswer,
    ScriptedFault(FaultKind.HTML): BadAnswer,
    ScriptedFault(FaultKind.BROKEN_JSON): BadAnswer,
    ScriptedFault(FaultKind.SHORT): BadAnswer,
    ScriptedFault(FaultKind.ENDLESS): BadAnswer,
    ScriptedFault(FaultKind.REDIRECT, location="http://127.0.0.1:1/"): BadAnswer,
}
SENT = [
    *(ScriptedFault(kind) for kind in FaultKind if kind is not FaultKind.STATUS),
    *(ScriptedFault(FaultKind.STATUS, status) for status in (429, 500, 502, 503, 504)),
]


@pytest.fixture(params=[SERIES, LINQ], ids=lambda generation: generation.name)
def api(request: pytest.FixtureRequest) -> Generation:
    """Each generation of the API in turn."""
    found: Generation = request.param
    return found


def client(
    api: Generation, sandbox: Sandbox, fault: ScriptedFault
) -> AbstractAsyncContextManager[SeriesMessenger | LinqMessenger]:
    """Open a client that waits for answers, however busy the machine is, and not for silence."""
    return api.client(sandbox.url, timeout_seconds=patience_seconds(fault))


async def test_reads_fail_by_name(api: Generation, caplog: pytest.LogCaptureFixture) -> None:
    """A message that is asked for comes whole or as the one error that says why not, and that tells nothing (I6)."""
    caplog.set_level(logging.DEBUG, "providers")

    async def failed(fault: ScriptedFault) -> type[ProviderError]:
        async with Sandbox(ScriptedMind()) as sandbox, client(api, sandbox, fault) as messenger:
            sandbox.series.add_message("51", "m1", {"id": "m1", "text": REPLY.text * 20})
            sandbox.faults.always(api.route("message"), fault)
            with pytest.raises(ProviderError) as raised:
                await messenger.message("51", "m1")
            assert leaked_secrets(raised.value, caplog.text) == []
            assert not any(secret in f"{raised.value!r}{raised.value.__cause__!r}" for secret in (api.key, REPLY.text))
            return type(raised.value)

    faults = {**READ, **WORDED}
    assert dict(zip(faults, await asyncio.gather(*map(failed, faults)), strict=True)) == faults


async def test_downloads_fail_by_name(api: Generation) -> None:
    """A recording comes whole or not at all; one that never ends is cut off at the limit."""

    async def failed(fault: ScriptedFault) -> type[ProviderError]:
        async with Sandbox(ScriptedMind(), media=[MEMOS]) as sandbox, client(api, sandbox, fault) as messenger:
            sandbox.faults.always(api.route("media"), fault)
            with pytest.raises(ProviderError) as raised:
                await messenger.download(f"{sandbox.url}{api.prefix}/media/en-bread.opus")
            assert leaked_secrets(raised.value) == []
            return type(raised.value)

    faults = {**READ, ScriptedFault(FaultKind.ENDLESS): TooLarge}
    assert dict(zip(faults, await asyncio.gather(*map(failed, faults)), strict=True)) == faults


async def test_one_message_after_each_fault(api: Generation) -> None:
    """Whatever happens to a send, one message is sent if the chat is searched before sending again (I1)."""

    async def sent(fault: ScriptedFault) -> int:
        async with Sandbox(ScriptedMind()) as sandbox, client(api, sandbox, fault) as messenger:
            sandbox.faults.next(api.send, fault)
            try:
                sent_id = await messenger.send_voice(REPLY)
            except OutcomeUnknown:
                found = await messenger.find_sent(REPLY.chat_id, filenames=[REPLY.filename])
                sent_id = found or await messenger.send_voice(REPLY)
            assert [each.message_id for each in sandbox.sent] == [sent_id]
            return len(sandbox.sent)

    assert dict(zip(SENT, await asyncio.gather(*map(sent, SENT)), strict=True)) == dict.fromkeys(SENT, 1)
