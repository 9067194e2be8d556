"""What every adapter of a model promises, of whatever port, on the wire and with the vendor's own client."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from providers.errors import (
    BadAnswer,
    Gone,
    ProviderError,
    RateLimited,
    Rejected,
    Stalled,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from tests.contracts.adapters import ALL, SHORT_SECONDS, STREAMING, TRANSCRIBERS, WORDS, Listener, Wired, leaked_secrets
from tests.contracts.messengers import serving
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(Listener()) as made:
        yield made


@pytest.fixture(params=ALL, ids=lambda wired: wired.name)
def wired(request: pytest.FixtureRequest) -> Wired:
    """Each adapter in turn."""
    found: Wired = request.param
    return found


ANSWERED = [
    (ScriptedFault(FaultKind.CUT), Unreachable),
    (ScriptedFault(FaultKind.RESET), Unreachable),
    (ScriptedFault(FaultKind.ACCEPTED_THEN_CUT), Unreachable),
    (ScriptedFault(FaultKind.STATUS, 400), Rejected),
    (ScriptedFault(FaultKind.STATUS, 401), Unauthorized),
    (ScriptedFault(FaultKind.STATUS, 402), Unauthorized),
    (ScriptedFault(FaultKind.STATUS, 403), Unauthorized),
    (ScriptedFault(FaultKind.STATUS, 404), Gone),
    (ScriptedFault(FaultKind.STATUS, 408), Unavailable),
    (ScriptedFault(FaultKind.STATUS, 422), Rejected),
    (ScriptedFault(FaultKind.STATUS, 429, "7"), RateLimited),
    (ScriptedFault(FaultKind.STATUS, 429, "86400"), RateLimited),
    (ScriptedFault(FaultKind.STATUS, 500), Unavailable),
    (ScriptedFault(FaultKind.STATUS, 503), Unavailable),
    (ScriptedFault(FaultKind.STATUS, 504), Unavailable),
    (ScriptedFault(FaultKind.EMPTY), BadAnswer),
    (ScriptedFault(FaultKind.GARBAGE), BadAnswer),
    (ScriptedFault(FaultKind.HTML), BadAnswer),
    (ScriptedFault(FaultKind.BROKEN_JSON), BadAnswer),
    (ScriptedFault(FaultKind.OTHER_JSON), BadAnswer),
    (ScriptedFault(FaultKind.REDIRECT), BadAnswer),
    (ScriptedFault(FaultKind.CUT_MIDWAY), BadAnswer),
    (ScriptedFault(FaultKind.CUT_MIDWAY, after_bytes=1), BadAnswer),
]
_FORMAT_REFUSED = {400, 422}


@pytest.mark.parametrize(("fault", "kind"), ANSWERED, ids=lambda value: getattr(value, "kind", ""))
async def test_a_fault_is_its_error(
    wired: Wired, sandbox: Sandbox, fault: ScriptedFault, kind: type[ProviderError], caplog: pytest.LogCaptureFixture
) -> None:
    """Each fault is the one error that says what to do, after one request, and tells nothing that is private (I6).

    But for the recogniser of the OpenAI wire: a 400 or 422 may mean that verbose_json is unknown, so json is asked for.
    """
    caplog.set_level(logging.DEBUG, "providers")
    sandbox.faults.always(wired.route, fault)
    async with wired.adapter(sandbox.url) as adapter:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(adapter)
        assert leaked_secrets(raised.value, repr(adapter), caplog.text) == []
    assert type(raised.value) is kind
    assert (raised.value.service, raised.value.reason) == (wired.service, kind.reason)
    asked_twice = wired.route == "openai.transcribe" and fault.status in _FORMAT_REFUSED
    assert sandbox.faults.requests[wired.route] == 1 + asked_twice
    if fault.kind is FaultKind.STATUS:
        assert raised.value.status == fault.status


async def test_silence_is_bounded(wired: Wired) -> None:
    """Whatever never comes is given up after the adapter's own time-out: before the answer, in it, and after a part.

    What drips, one byte at a time that means nothing, is silence too. A stream that fell silent says that it did.
    """

    async def asked(kind: FaultKind) -> ProviderError:
        async with (
            Sandbox(Listener()) as sandbox,
            wired.adapter(sandbox.url, timeout_seconds=SHORT_SECONDS) as adapter,
        ):
            sandbox.faults.always(wired.route, ScriptedFault(kind))
            with pytest.raises(ProviderError) as raised:
                await wired.ask(adapter)
            assert leaked_secrets(raised.value) == []
            await until(lambda: sandbox.faults.left[wired.route] == 1)
            return raised.value

    never, *begun = await asyncio.gather(
        *map(asked, (FaultKind.HANG, FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY, FaultKind.DRIP))
    )
    assert type(never) is TimedOut
    assert {type(error) for error in begun} == {TimedOut if wired in TRANSCRIBERS else Stalled}


async def test_unreachable(wired: Wired, unused_tcp_port: int) -> None:
    """A refused connection is Unreachable."""
    async with wired.adapter(f"http://127.0.0.1:{unused_tcp_port}") as adapter:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(adapter)
    assert type(raised.value) is Unreachable
    assert leaked_secrets(raised.value) == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1e9", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Foo 1970", None),
    ],
)
async def test_how_long_to_wait_is_heeded(wired: Wired, sandbox: Sandbox, said: str, seconds: float | None) -> None:
    """Retry-After is read in seconds or as a date, never below nothing nor above an hour; what is neither is left."""
    sandbox.faults.next(wired.route, ScriptedFault(FaultKind.STATUS, 429, said))
    async with wired.adapter(sandbox.url) as adapter:
        with pytest.raises(RateLimited) as raised:
            await wired.ask(adapter)
    assert raised.value.retry_after_seconds == seconds


async def test_no_redirect_is_followed(wired: Wired, sandbox: Sandbox) -> None:
    """A redirect is a BadAnswer: neither the key nor what was said goes where it points, by check() neither (I6)."""
    followed: list[str] = []

    async def stranger(request: web.Request) -> web.Response:
        followed.append(request.path)
        return web.Response()

    async with serving(stranger) as elsewhere, wired.adapter(sandbox.url) as adapter:
        for route in (wired.route, wired.check_route or wired.route):
            sandbox.faults.always(route, ScriptedFault(FaultKind.REDIRECT, location=elsewhere))
        for asking in (wired.ask(adapter), adapter.check()):
            with pytest.raises(ProviderError) as raised:
                await asking
            assert type(raised.value) is BadAnswer
    assert followed == []


@pytest.mark.parametrize(
    "kind", [FaultKind.HTML, FaultKind.EMPTY, FaultKind.GARBAGE, FaultKind.OTHER_JSON, FaultKind.BROKEN_JSON]
)
async def test_check_is_not_deceived(wired: Wired, sandbox: Sandbox, kind: FaultKind) -> None:
    """An address where something else says yes does not pass the check."""
    sandbox.faults.always(wired.check_route or wired.route, ScriptedFault(kind))
    async with wired.adapter(sandbox.url) as adapter:
        with pytest.raises(ProviderError) as raised:
            await adapter.check()
    assert type(raised.value) is BadAnswer
    assert leaked_secrets(raised.value) == []


async def test_check_tells_a_wrong_key(wired: Wired, sandbox: Sandbox) -> None:
    """check() passes with the right key, and with a wrong one says that the key is wrong."""
    async with wired.adapter(sandbox.url) as right, wired.adapter(sandbox.url, key="hf_wrong") as wrong:
        await right.check()
        with pytest.raises(Unauthorized):
            await wrong.check()


async def test_check_has_its_time(wired: Wired, sandbox: Sandbox) -> None:
    """check() waits no longer than a call does."""
    sandbox.faults.always(wired.check_route or wired.route, ScriptedFault(FaultKind.HANG))
    async with wired.adapter(sandbox.url, timeout_seconds=SHORT_SECONDS) as adapter:
        with pytest.raises(TimedOut):
            await adapter.check()


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY])
async def test_cancelled_half_way(wired: Wired, sandbox: Sandbox, kind: FaultKind) -> None:
    """A call that is cancelled ends at once, its connection is closed, no task stays, and the next call is served."""
    async with wired.adapter(sandbox.url) as adapter:
        right = await wired.ask(adapter)
        before = own_tasks()
        sandbox.faults.next(wired.route, ScriptedFault(kind))
        asking = asyncio.ensure_future(wired.ask(adapter))
        await until(lambda: sandbox.faults.held[wired.route] == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: sandbox.faults.left[wired.route] == 1)
        assert own_tasks() == before
        assert joined(await wired.ask(adapter)) == joined(right)


@pytest.mark.parametrize("wired", STREAMING, ids=lambda wired: wired.name)
async def test_left_early(wired: Wired, sandbox: Sandbox) -> None:
    """Pieces are given as they come; and a reader that leaves after the first closes the connection by leaving."""
    sandbox.faults.next(wired.route, ScriptedFault(FaultKind.HANG_MIDWAY))
    async with wired.adapter(sandbox.url) as adapter:
        before = own_tasks()
        async with aclosing(wired.asked(adapter, WORDS)) as pieces:  # type: ignore[type-var] # a generator
            async for piece in pieces:
                assert piece
                break
        await until(lambda: sandbox.faults.left[wired.route] == 1)
        assert own_tasks() == before


async def test_slow_is_whole(wired: Wired, sandbox: Sandbox) -> None:
    """An answer that comes a few bytes at a time is the same answer."""
    async with wired.adapter(sandbox.url) as adapter:
        right = await wired.ask(adapter, "Hello")
        sandbox.faults.next(wired.route, ScriptedFault(FaultKind.TRICKLE, pause_seconds=0.0005))
        assert joined(await wired.ask(adapter, "Hello")) == joined(right)


async def test_two_at_once(wired: Wired, sandbox: Sandbox) -> None:
    """Calls that overlap get each its own answer."""
    async with wired.adapter(sandbox.url) as adapter:
        texts = ("one", "two two two")
        apart = [joined(await wired.ask(adapter, text)) for text in texts]
        together = await asyncio.gather(*(wired.ask(adapter, text) for text in texts))
        assert [joined(pieces) for pieces in together] == apart


async def test_a_hundred_calls_leave_nothing(wired: Wired, sandbox: Sandbox) -> None:
    """Calls, served or failed, keep no more than a connection between them; and none of it outlives close()."""
    before = open_files()
    async with wired.adapter(sandbox.url) as adapter:
        for _ in range(25):
            sandbox.faults.next(wired.route, ScriptedFault(FaultKind.CUT_MIDWAY))
            with pytest.raises(BadAnswer):
                await wired.ask(adapter, "Hello")
            for _ in range(3):
                await wired.ask(adapter, "Hello")
        await until(lambda: open_files() <= before + 2)  # both ends of one connection
    await until(lambda: open_files() <= before)


async def test_a_connection_is_kept(wired: Wired, sandbox: Sandbox) -> None:
    """Calls one after the other go over one connection: there is no other handshake."""
    async with wired.adapter(sandbox.url) as adapter:
        for _ in range(5):
            await wired.ask(adapter, "Hello")
    assert len(sandbox.faults.callers[wired.route]) == 1


async def test_closed_twice(wired: Wired, sandbox: Sandbox) -> None:
    """close() may come twice, and before anything was asked."""
    for asked in (True, False):
        async with wired.adapter(sandbox.url) as adapter:
            if asked:
                await wired.ask(adapter)
            await adapter.close()


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY])
async def test_closed_while_a_call_runs(wired: Wired, sandbox: Sandbox, kind: FaultKind) -> None:
    """A call whose adapter is closed under it ends with an error of ours, and not later than it would have."""
    sandbox.faults.next(wired.route, ScriptedFault(kind))
    async with wired.adapter(sandbox.url, timeout_seconds=SHORT_SECONDS) as adapter:
        asking = asyncio.ensure_future(wired.ask(adapter))
        # On a machine that stands still for so long the call has timed out before it is seen to hang.
        await until(lambda: sandbox.faults.held[wired.route] == 1 or asking.done())
        await adapter.close()
        with pytest.raises(ProviderError) as raised:
            await asking
    assert leaked_secrets(raised.value) == []


def joined(pieces: list[str] | list[bytes]) -> str | bytes:
    """Join the pieces of an answer."""
    return "".join(map(str, pieces)) if isinstance(pieces[0], str) else b"".join(map(bytes, pieces))


def own_tasks() -> set[asyncio.Task[object]]:
    """Return the tasks, without those of the sandbox in the same loop."""
    return {
        task for task in asyncio.all_tasks() if "RequestHandler" not in getattr(task.get_coro(), "__qualname__", "")
    }


def open_files() -> int:
    """Count the open files and sockets of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a path has no shorter way)
