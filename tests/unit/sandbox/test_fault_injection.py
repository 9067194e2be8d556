"""Each scripted fault, as a client sees it that hides nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from sandbox.app import CARTESIA_KEY, OPENAI_KEY, Sandbox
from sandbox.faults import SCRIPTED, FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHAT: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hello " * 30}], "stream": True}
SPEECH: dict[str, object] = {
    "transcript": "hello",
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
}
WHOLE_SPEECH_BYTES = round(5 * 0.06 * 24_000) * 2
MADE_UP = [FaultKind.EMPTY, FaultKind.GARBAGE, FaultKind.HTML, FaultKind.BROKEN_JSON, FaultKind.OTHER_JSON]
PART = [FaultKind.CUT_MIDWAY, FaultKind.SHORT]
CUT = [FaultKind.CUT, FaultKind.RESET, FaultKind.ACCEPTED_THEN_CUT]
HUNG = [FaultKind.HANG, FaultKind.ACCEPTED_THEN_HANG]
OPEN = [FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY, FaultKind.DRIP, FaultKind.ENDLESS]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(ScriptedMind()) as made:
        yield made


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that believes nothing and follows nowhere."""
    async with aiohttp.ClientSession() as made:
        yield made


class asked:  # noqa: N801 (used like a function)
    """Ask for speech, or for chat."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox, route: str = "cartesia") -> None:
        if route == "cartesia":
            url, body, key = f"{sandbox.url}/tts/bytes", SPEECH, CARTESIA_KEY
        else:
            url, body, key = f"{sandbox.url}/openai/v1/chat/completions", CHAT, OPENAI_KEY
        headers = {"Authorization": f"Bearer {key}", "Cartesia-Version": "1"}
        self._asking = session.post(url, json=body, headers=headers, allow_redirects=False)

    async def __aenter__(self) -> aiohttp.ClientResponse:
        return await self._asking.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._asking.__aexit__(None, None, None)


def test_each_kind_is_tried_here() -> None:
    """No kind is left out below."""
    tried = {*MADE_UP, *PART, *CUT, *HUNG, *OPEN, FaultKind.STATUS, FaultKind.REDIRECT, FaultKind.TRICKLE}
    assert tried == set(FaultKind)


async def test_a_status_comes_with_its_wait(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A status has its Retry-After, word for word, and the marker in body and reason."""
    sandbox.faults.next("cartesia", ScriptedFault(FaultKind.STATUS, 429, "Thu, 01 Jan 1970"))
    async with asked(session, sandbox) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "Thu, 01 Jan 1970")
        assert SCRIPTED in await response.text()
        assert response.reason == SCRIPTED


async def test_a_redirect_points_where_it_is_reported(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A redirect keeps the method, and names the place."""
    sandbox.faults.next("cartesia", ScriptedFault(FaultKind.REDIRECT, location="http://127.0.0.1:1/x"))
    async with asked(session, sandbox) as response:
        assert (response.status, response.headers["Location"]) == (307, "http://127.0.0.1:1/x")


@pytest.mark.parametrize("kind", MADE_UP)
async def test_a_made_up_answer_says_yes(sandbox: Sandbox, session: aiohttp.ClientSession, kind: FaultKind) -> None:
    """What is no answer comes as one, with the marker in it where there is anything."""
    sandbox.faults.next("cartesia", ScriptedFault(kind))
    async with asked(session, sandbox) as response:
        body = await response.read()
        assert response.status == 200
        assert (SCRIPTED.encode() in body) == (kind is not FaultKind.EMPTY)
        assert response.content_type.endswith("json") == kind.endswith("json")


@pytest.mark.parametrize("kind", CUT)
async def test_a_cut_connection_says_nothing(sandbox: Sandbox, session: aiohttp.ClientSession, kind: FaultKind) -> None:
    """The connection ends before a status comes."""
    sandbox.faults.next("cartesia", ScriptedFault(kind))
    with pytest.raises(aiohttp.ClientOSError if kind is FaultKind.RESET else aiohttp.ServerDisconnectedError):
        async with asked(session, sandbox):
            pass


@pytest.mark.parametrize("route", ["cartesia", "openai.chat"])
async def test_a_cut_answer_is_seen_to_be_one(sandbox: Sandbox, session: aiohttp.ClientSession, route: str) -> None:
    """The beginning comes, and then an end that is none: of an announced length, and of a stream alike."""
    sandbox.faults.next(route, ScriptedFault(FaultKind.CUT_MIDWAY))
    got = b""
    with pytest.raises(aiohttp.ClientPayloadError):  # noqa: PT012 (what came before it counts too)
        async with asked(session, sandbox, route) as response:
            async for piece in response.content.iter_any():
                got += piece
    assert got
    assert b"[DONE]" not in got
    assert len(got) < WHOLE_SPEECH_BYTES


async def test_a_short_answer_ends_well(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """The beginning comes as if it were the whole, and as long as it was asked to be."""
    sandbox.faults.next("cartesia", ScriptedFault(FaultKind.SHORT, after_bytes=100))
    async with asked(session, sandbox) as response:
        assert len(await response.read()) == 100


@pytest.mark.parametrize("route", ["cartesia", "openai.chat"])
async def test_a_trickle_is_whole(sandbox: Sandbox, session: aiohttp.ClientSession, route: str) -> None:
    """The answer comes in many pieces, and is the right one."""
    async with asked(session, sandbox, route) as response:
        right = await response.read()
    sandbox.faults.next(route, ScriptedFault(FaultKind.TRICKLE, pause_seconds=0))
    async with asked(session, sandbox, route) as response:
        assert await response.read() == right
    assert sandbox.faults.requests[route] == 2


@pytest.mark.parametrize("kind", HUNG)
async def test_who_leaves_a_hung_request_is_seen(
    sandbox: Sandbox, session: aiohttp.ClientSession, kind: FaultKind
) -> None:
    """Nothing comes; and the sandbox sees that the client went."""
    sandbox.faults.next("cartesia", ScriptedFault(kind))
    asking = asyncio.ensure_future(asked(session, sandbox).__aenter__())
    while not sandbox.faults.requests["cartesia"]:  # noqa: ASYNC110 (the server's state)
        await asyncio.sleep(0)
    assert not asking.done()
    asking.cancel()
    while not sandbox.faults.left["cartesia"]:  # noqa: ASYNC110 (the server's state)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", OPEN)
async def test_who_leaves_an_open_answer_is_seen(
    sandbox: Sandbox, session: aiohttp.ClientSession, kind: FaultKind
) -> None:
    """The answer begins, gives what its kind gives, and has no end; and the sandbox sees that the client went."""
    sandbox.faults.next("cartesia", ScriptedFault(kind, pause_seconds=0.001))
    async with asked(session, sandbox) as response:
        assert response.status == 200
        match kind:
            case FaultKind.HANG_AFTER_HEADERS:
                assert not response.content.total_bytes
            case FaultKind.HANG_MIDWAY:
                assert len(await response.content.readexactly(WHOLE_SPEECH_BYTES // 2)) == WHOLE_SPEECH_BYTES // 2
            case FaultKind.DRIP:
                assert await response.content.readexactly(5) == bytes(5)
            case _:
                assert len(await response.content.readexactly(10 * WHOLE_SPEECH_BYTES)) == 10 * WHOLE_SPEECH_BYTES
        response.close()
    while not sandbox.faults.left["cartesia"]:  # noqa: ASYNC110 (the server's state)
        await asyncio.sleep(0.001)


async def test_faults_are_scripted_from_outside(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Another process puts a fault with all its fields, for as many requests as it says, and sees who left."""
    fault = {"kind": "short", "after_bytes": 10, "times": 1}
    async with session.put(f"{sandbox.url}/sandbox/faults/cartesia", json=fault) as response:
        assert response.status == 204
    for expected in (10, WHOLE_SPEECH_BYTES):
        async with asked(session, sandbox) as response:
            assert len(await response.read()) == expected
    async with session.get(f"{sandbox.url}/sandbox/left") as response:
        assert await response.json() == {}
