"""What warm() promises, of every adapter that asks over a connection: the first request finds one open."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from providers.wire.sessions import open_connection, policy_for, session
from sandbox.app import LINQ_KEY, SERIES_KEY, Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from tests.contracts.adapters import ALL, KEYS, Listener, Wired
from tests.contracts.messengers import LINQ, SERIES, Generation, serving
from tests.contracts.test_adapters import open_files, own_tasks
from tests.harness.paths import MEMOS
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from multidict import CIMultiDict

UNKNOWN = "other"
"""What the sandbox calls requests for what it does not have, such as its root."""
AUTOMATIC = {"host", "accept", "accept-encoding", "user-agent"}
"""What aiohttp says by itself."""
TROUBLES = [
    ScriptedFault(FaultKind.CUT),
    ScriptedFault(FaultKind.RESET),
    ScriptedFault(FaultKind.GARBAGE),
    ScriptedFault(FaultKind.EMPTY),
    ScriptedFault(FaultKind.STATUS, 401),
    ScriptedFault(FaultKind.STATUS, 429, "86400"),
    ScriptedFault(FaultKind.STATUS, 503),
]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(Listener(), media=[MEMOS]) as made:
        yield made


@pytest.fixture(params=ALL, ids=lambda wired: wired.name)
def wired(request: pytest.FixtureRequest) -> Wired:
    """Each adapter of a model in turn."""
    found: Wired = request.param
    return found


@pytest.fixture(params=[SERIES, LINQ], ids=lambda generation: generation.name)
def api(request: pytest.FixtureRequest) -> Generation:
    """Each generation of the messenger's API in turn."""
    found: Generation = request.param
    return found


@pytest.fixture(params=[*ALL, SERIES, LINQ], ids=lambda each: each.name)
def any_kind(request: pytest.FixtureRequest) -> Wired | Generation:
    """Every adapter in turn."""
    found: Wired | Generation = request.param
    return found


@asynccontextmanager
async def adapter(kind: Wired | Generation, url: str) -> AsyncIterator[Any]:
    """Open an adapter for the block."""
    async with kind.adapter(url) if isinstance(kind, Wired) else kind.client(url) as made:
        yield made


def opened(kind: Wired | Generation) -> int:
    """Return how many connections it opens: a messenger has one to the API, and one for recordings."""
    return 1 if isinstance(kind, Wired) else 2


async def test_the_first_call_finds_a_connection(wired: Wired, sandbox: Sandbox) -> None:
    """The first call goes over the one connection that warm() has opened."""
    async with wired.adapter(sandbox.url) as made:
        await made.warm()
        assert sandbox.faults.requests == {UNKNOWN: 1}
        await wired.ask(made)
    callers = sandbox.faults.callers
    assert len(callers[UNKNOWN]) == 1
    assert callers[wired.route] == callers[UNKNOWN]


async def test_a_messenger_finds_its_connections(api: Generation, sandbox: Sandbox) -> None:
    """The first call of a messenger's API goes over an open connection, and the first download over another."""
    async with api.client(sandbox.url) as made:
        await made.warm()
        assert sandbox.faults.requests == {UNKNOWN: 2}
        await made.check()
        memo = next(MEMOS.glob("*.caf"))
        await made.download(f"{sandbox.url}/media/{memo.name}")
    warmed, *others = (callers for callers in sandbox.faults.callers.values())
    assert len(warmed) == len(others) == 2
    assert set.union(*others) == warmed


@pytest.mark.parametrize(("status", "headers"), [(200, {}), (301, {"Location": "/elsewhere"}), (404, {}), (500, {})])
async def test_what_a_service_learns(any_kind: Wired | Generation, status: int, headers: dict[str, str]) -> None:
    """It is asked for the headers of its root, once, without a key and without words; no redirect is followed (I6)."""
    asked: list[tuple[str, str, CIMultiDict[str]]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.path_qs, request.headers.copy()))
        return web.Response(status=status, headers=headers)

    async with serving(answer) as url, adapter(any_kind, url) as made:
        await made.warm()
    assert [each[:2] for each in asked] == [("HEAD", "/")] * opened(any_kind)
    for *_, said in asked:
        assert {name.lower() for name in said} <= AUTOMATIC
        assert not any(key in value for key in (*KEYS, SERIES_KEY, LINQ_KEY) for value in said.values())


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_trouble_is_no_failure(wired: Wired, sandbox: Sandbox, trouble: ScriptedFault) -> None:
    """Whatever comes instead of an answer, nothing is raised, and the first call is served all the same."""
    sandbox.faults.always(UNKNOWN, trouble)
    async with wired.adapter(sandbox.url) as made:
        await made.warm()
        await wired.ask(made, "Hello")
    assert sandbox.faults.requests[wired.route] == 1


async def test_unreachable(any_kind: Wired | Generation, caplog: pytest.LogCaptureFixture) -> None:
    """A service that is away is logged in one line a connection, which names it, and not where it is."""
    caplog.set_level(logging.DEBUG, "providers")
    async with Sandbox(Listener()) as gone:
        url = gone.url
    async with adapter(any_kind, url) as made:
        await made.warm()
    assert [record.message for record in caplog.records] == ["connection.not_opened"] * opened(any_kind)
    assert not any(url.removeprefix("http://") in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "cancelled"])
async def test_ended_meanwhile(any_kind: Wired | Generation, sandbox: Sandbox, *, closed: bool) -> None:
    """An adapter that is closed while it warms, or whose warming is cancelled, leaves no task and no connection."""
    sandbox.faults.always(UNKNOWN, ScriptedFault(FaultKind.HANG))
    tasks, files = own_tasks(), open_files()
    async with adapter(any_kind, sandbox.url) as made:
        warming = asyncio.ensure_future(made.warm())
        await until(lambda: sandbox.faults.held[UNKNOWN] == opened(any_kind))
        if closed:
            await made.close()
            await warming
        else:
            warming.cancel()
            with pytest.raises(asyncio.CancelledError):
                await warming
    await until(lambda: open_files() <= files)
    assert own_tasks() <= tasks


async def test_silence_has_its_end(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A service that takes a connection and never says a word is given up when the time is over."""
    caplog.set_level(logging.INFO, "providers")
    sandbox.faults.always(UNKNOWN, ScriptedFault(FaultKind.HANG))
    async with session(total_seconds=None) as connections:
        await open_connection(connections, sandbox.url, service="silent", seconds=0.05)
    (line,) = caplog.records
    assert (vars(line)["service"], vars(line)["error"]) == ("silent", "TimeoutError")


@pytest.mark.parametrize("address", ["", "nonsense", "http://", "ftp://a", "http://[", "http://a:99999", "http://\0"])
async def test_no_address(address: str) -> None:
    """What is no address of a service is no failure either."""
    async with session(total_seconds=None) as connections:
        await open_connection(connections, address, service="nowhere")


@pytest.mark.parametrize(
    "first",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked", b"220 mail.example.com ESMTP\r\n", b"\x00" * 100_000],
    ids=["a body to a HEAD", "another protocol", "noise"],
)
async def test_a_service_that_breaks_the_rules(first: bytes) -> None:
    """What else a service says to a HEAD is never read as the answer to what is asked next."""
    connected = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        answer = first if connected == 1 else b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, session(total_seconds=None) as connections:
        await open_connection(connections, f"http://{host}:{port}/v1", service="rude")
        async with connections.get(f"http://{host}:{port}/v1") as answer:
            assert await answer.read() == b"right"


def test_where_recordings_are_likely_to_be() -> None:
    """The API itself, and the public names that are listed: not what is listed as a private address, or with a port."""
    listed = ["cdn.example.com", "127.0.0.1", "api.example.com", "::1", "media.example.com:8443"]
    policy = policy_for("https://api.example.com/v1", listed)
    assert [str(url) for url in policy.likely()] == ["https://api.example.com", "https://cdn.example.com"]
    assert len(policy_for("https://a.b", [f"{number}.example.com" for number in range(99)]).likely()) < 10
