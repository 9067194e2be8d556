"""What every messenger promises, on the wire: one message however it fails, and nothing to strangers."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest
import pytest_asyncio
from aiohttp import web

from audio.clip import Clip
from audio.formats import Format
from providers.errors import (
    BadAnswer,
    Forbidden,
    Gone,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from providers.ports import SentText
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.contracts.deliveries import Delivery
from tests.contracts.messengers import LIMIT, LINQ, REPLY, SERIES, Generation, patience_seconds, serving
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.messengers.linq import LinqMessenger
    from providers.messengers.series import SeriesMessenger

Client: TypeAlias = "SeriesMessenger | LinqMessenger"


@pytest.fixture(params=[SERIES, LINQ], ids=lambda generation: generation.name)
def api(request: pytest.FixtureRequest) -> Generation:
    """Each generation of the API in turn."""
    found: Generation = request.param
    return found


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Both generations, on loopback."""
    async with Sandbox(ScriptedMind(), media=[MEMOS]) as made:
        yield made


@pytest_asyncio.fixture
async def messenger(sandbox: Sandbox, api: Generation) -> AsyncIterator[Client]:
    """The real client."""
    async with api.client(sandbox.url) as made:
        yield made


async def test_voice_goes_out_whole(messenger: Client, sandbox: Sandbox) -> None:
    """A voice message arrives with its sound and its name, and its id comes back."""
    sent_id = await messenger.send_voice(REPLY)
    (sent,) = sandbox.sent
    assert (sent.message_id, sent.chat_id, sent.audio) == (sent_id, REPLY.chat_id, REPLY.clip.data)
    assert sent.filename == REPLY.filename


async def test_text_is_never_empty(messenger: Client, sandbox: Sandbox) -> None:
    """The API wants a text: where there is none, a sign stands for it."""
    sent_id = await messenger.send_text("51", "", idempotency_key="k")
    (sent,) = sandbox.sent
    assert sent.text
    assert (sent.message_id, sent.idempotency_key) == (sent_id, "k")


@pytest.mark.parametrize(
    "fault",
    [
        ScriptedFault(FaultKind.ACCEPTED_THEN_CUT),
        ScriptedFault(FaultKind.ACCEPTED_THEN_HANG),
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
async def test_one_message_whatever_happened(sandbox: Sandbox, api: Generation, fault: ScriptedFault) -> None:
    """After any fault of a send there is one message, after two attempts at the latest (I1)."""
    sandbox.faults.next(api.send, fault)
    async with api.client(sandbox.url, timeout_seconds=patience_seconds(fault)) as messenger:
        delivery = Delivery(messenger)
        try:
            delivered = await delivery.attempt()
        except OutcomeUnknown:
            delivered = await delivery.attempt()
    assert [sent.message_id for sent in sandbox.sent] == [delivered.sent_id]


async def test_unknown_outcome_that_cannot_be_looked_for(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """When neither the send nor the look-up answers, the outcome is unknown, and nothing was sent a second time."""
    sandbox.faults.next(api.send, ScriptedFault(FaultKind.ACCEPTED_THEN_CUT))
    sandbox.faults.always(api.route("list"), ScriptedFault(FaultKind.STATUS, 404))
    with pytest.raises(OutcomeUnknown) as raised:
        await Delivery(messenger).attempt()
    assert raised.value.service == api.name
    assert len(sandbox.sent) == 1
    assert sandbox.faults.requests[api.send] == 1


async def test_client_never_repeats_what_may_be_out(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """A send of unknown outcome is made once, and not searched for: what follows is not the client's to decide."""
    sandbox.faults.always(api.send, ScriptedFault(FaultKind.ACCEPTED_THEN_CUT))
    with pytest.raises(OutcomeUnknown):
        await messenger.send_voice(REPLY)
    assert (sandbox.faults.requests[api.send], sandbox.faults.requests[api.route("list")]) == (1, 0)


async def test_rather_never_than_twice(sandbox: Sandbox, api: Generation) -> None:
    """With resending off a message that may be out, and is not in the chat, is never sent again (RESEND_UNKNOWN)."""
    sandbox.faults.always(api.send, ScriptedFault(FaultKind.STATUS, 500))
    async with api.client(sandbox.url) as messenger:
        delivery = Delivery(messenger, send_seconds=1.0, resend_unknown=False)
        for _ in range(2):
            with pytest.raises(OutcomeUnknown) as raised:
                await delivery.attempt()
            assert raised.value.service == api.name
    assert sandbox.faults.requests[api.send] == 1


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Unauthorized), (404, Gone), (422, Rejected)])
async def test_refused_send_is_not_repeated(
    messenger: Client, sandbox: Sandbox, api: Generation, status: int, kind: type[ProviderError]
) -> None:
    """What the API refuses is asked once."""
    sandbox.faults.always(api.send, ScriptedFault(FaultKind.STATUS, status))
    with pytest.raises(kind):
        await messenger.send_voice(REPLY)
    assert sandbox.faults.requests[api.send] == 1


async def test_sent_message_is_found(sandbox: Sandbox, api: Generation) -> None:
    """A message is found by its attachment's name, a text by its words, in another process too; and nothing else is."""
    async with api.client(sandbox.url) as earlier:
        voice = await earlier.send_voice(REPLY)
        text = await earlier.send_text("51", "hello", idempotency_key="t")
    async with api.client(sandbox.url) as messenger:
        assert await messenger.find_sent("51", filenames=["x.wav", REPLY.filename]) == voice
        assert await messenger.find_sent("51", filenames=[], text=SentText("hello", 0.0)) == text
        assert await messenger.find_sent("51", filenames=[], text=SentText("hello", time.time() + 60)) is None
        assert await messenger.find_sent("51", filenames=["another.m4a"]) is None
        assert await messenger.find_sent("51", filenames=[], text=SentText(REPLY.text, 0.0)) is None
        assert await messenger.find_sent("52", filenames=[REPLY.filename]) is None


async def test_long_answer_is_read_to_its_end(api: Generation) -> None:
    """A list of messages that comes in many pieces is read whole, and not only its first piece."""
    page = json.dumps({"messages": [], "data": [], "padding": "x" * 300_000}).encode()

    async def listed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for start in range(0, len(page), 50_000):
            await response.write(page[start : start + 50_000])
            await asyncio.sleep(0)
        return response

    async with serving(listed) as base, api.client(base) as messenger:
        assert await messenger.find_sent("51", filenames=["x.m4a"]) is None


async def test_message_is_asked_for(messenger: Client, sandbox: Sandbox) -> None:
    """A message is given as the API has it; one that it does not have is gone."""
    sandbox.series.add_message("51", "m1", {"id": "m1", "text": "hello"})
    assert (await messenger.message("51", "m1"))["id"] == "m1"
    with pytest.raises(Gone):
        await messenger.message("51", "m2")


async def test_download(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """A recording comes as it is, after a fault that passes too."""
    sandbox.faults.next(api.route("media"), ScriptedFault(FaultKind.STATUS, 503, "0"), ScriptedFault(FaultKind.CUT))
    found = await messenger.download(f"{sandbox.url}{api.prefix}/media/en-bread.opus")
    assert found == (MEMOS / "en-bread.opus").read_bytes()


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.attempts: list[list[bytes]] = []

    def begin(self) -> None:
        """Another attempt."""
        self.attempts.append([])

    def take(self, piece: bytes) -> None:
        """A piece of the last one."""
        self.attempts[-1].append(piece)


async def test_download_is_looked_on(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """An observer sees every attempt begin: what came before a cut, and then the whole recording again."""
    sandbox.faults.next(
        api.route("media"), ScriptedFault(FaultKind.STATUS, 503, "0"), ScriptedFault(FaultKind.CUT_MIDWAY)
    )
    recorder = Recorder()
    found = await messenger.download(f"{sandbox.url}{api.prefix}/media/en-bread.opus", observer=recorder)
    cut, whole = (b"".join(each) for each in recorder.attempts)
    assert whole == found
    assert 0 < len(cut) < len(found)
    assert found.startswith(cut)


async def test_download_that_cannot_be(
    messenger: Client, sandbox: Sandbox, api: Generation, unused_tcp_port: int
) -> None:
    """What is gone is asked for once; what fails for ever is given up, each with its error."""
    media, route = f"{sandbox.url}{api.prefix}/media", api.route("media")
    with pytest.raises(Gone):
        await messenger.download(f"{media}/nothing.opus")
    assert sandbox.faults.requests[route] == 1
    sandbox.faults.always(route, ScriptedFault(FaultKind.STATUS, 500))
    with pytest.raises(Unavailable):
        await messenger.download(f"{media}/en-bread.opus")
    sandbox.faults.always(route, ScriptedFault(FaultKind.EMPTY))
    with pytest.raises(BadAnswer):
        await messenger.download(f"{media}/en-bread.opus")
    with pytest.raises(Unreachable):
        await messenger.download(f"http://127.0.0.1:{unused_tcp_port}/media/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/memo.caf",
        "https://example.com/memo.caf",
        "https://127.0.0.2/memo.caf",
        "http://10.0.0.1/memo.caf",
        "http://[::1]/memo.caf",
        "http://[::ffff:127.0.0.1]/memo.caf",
        "http://169.254.169.254/latest",
        "http://user:pass@127.0.0.1/memo.caf",
        "file:///etc/passwd",
        "ftp://127.0.0.1/memo.caf",
        "//127.0.0.1/memo.caf",
        "http://",
        "not a url",
        "http://127.0.0.1:99999/x",
    ],
)
async def test_hosts_that_are_not_allowed(messenger: Client, url: str) -> None:
    """A recording is fetched only from the API's own host and those that are listed (I6)."""
    with pytest.raises(Forbidden):
        await messenger.download(url)


async def test_redirects_are_checked_again(api: Generation) -> None:
    """A redirect is followed only to where one may go, at most three times, and the key stays with its owner (I6)."""
    told: list[str | None] = []

    async def stranger(request: web.Request) -> web.Response:
        told.append(request.headers.get("Authorization"))
        return web.Response(body=b"OggSsound")

    async with serving(stranger) as there:

        async def here(request: web.Request) -> web.Response:
            told.append(request.headers.get("Authorization"))
            where = {
                "loop": "/loop",
                "out": "http://example.com/x",
                "file": "file:///etc/passwd",
                "there": f"{there}/x",
            }
            raise web.HTTPFound(where[request.path.strip("/")])

        async with serving(here) as base, api.client(base) as messenger:
            assert await messenger.download(f"{base}/there") == b"OggSsound"
            assert told == [f"Bearer {api.key}" if api.media_is_told_the_key else None, None]
            refused = [messenger.download(f"{base}/{path}") for path in ("loop", "out", "file")]
            errors = await asyncio.gather(*refused, return_exceptions=True)
            assert [type(error) for error in errors] == [Forbidden] * 3


async def test_too_large_is_cut_off(api: Generation) -> None:
    """More bytes than the limit are not read, whether they are announced or not."""

    async def announced(_: web.Request) -> web.Response:
        return web.Response(body=bytes(LIMIT + 1))

    async def streamed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(LIMIT // 1000 + 2):
            await response.write(bytes(1000))
        return response

    for handler in (announced, streamed):
        async with serving(handler) as base, api.client(base) as messenger:
            with pytest.raises(TooLarge):
                await messenger.download(f"{base}/x")


async def test_typing_is_shown_and_taken_back(messenger: Client, sandbox: Sandbox) -> None:
    """Typing is shown while the block runs, and taken back on every path, cancellation included."""
    async with messenger.typing("51"):
        while "51" not in sandbox.series.typing:  # noqa: ASYNC110 (the server's state)
            await asyncio.sleep(0.01)
    assert "51" not in sandbox.series.typing
    with pytest.raises(ZeroDivisionError):
        async with messenger.typing("51"):
            raise ZeroDivisionError
    assert sandbox.series.typed[-1] == ("51", "stop")

    async def work() -> None:
        async with messenger.typing("52"):
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    while "52" not in sandbox.series.typing:  # noqa: ASYNC110 (the server's state)
        await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert "52" not in sandbox.series.typing


@pytest.mark.parametrize(
    "fault",
    [ScriptedFault(FaultKind.HANG), ScriptedFault(FaultKind.CUT), ScriptedFault(FaultKind.STATUS, 500)],
    ids=lambda f: f.kind,
)
async def test_typing_never_stands_in_the_way(
    messenger: Client, sandbox: Sandbox, api: Generation, fault: ScriptedFault
) -> None:
    """Whatever typing suffers, the block neither waits for it nor hears of it."""
    sandbox.faults.always(api.route("typing"), fault)
    async with messenger.typing("51"):
        await messenger.send_voice(REPLY)
    assert len(sandbox.sent) == 1


async def test_check_tells_a_wrong_key(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """check() passes with the right key, and says so when it is wrong."""
    await messenger.check()
    async with api.client(sandbox.url, key="wrong") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.check()


async def test_errors_tell_no_secrets(messenger: Client, sandbox: Sandbox, api: Generation) -> None:
    """Neither the key, the words nor the sound stand in an error or a repr (I6)."""
    sandbox.faults.always(api.send, ScriptedFault(FaultKind.STATUS, 422))
    with pytest.raises(Rejected) as raised:
        await messenger.send_voice(REPLY)
    told = f"{raised.value!r} {messenger!r} {REPLY!r}"
    assert not any(secret in told for secret in (api.key, REPLY.text, base64.b64encode(REPLY.clip.data).decode()))


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_send_that_is_no_longer_ours_is_never_whole(messenger: Client, sandbox: Sandbox, pieces: int) -> None:
    """A worker that loses the memo while the request goes out has sent nothing."""
    asked = 0

    def still_ours() -> None:
        nonlocal asked
        asked += 1
        if asked > 1 + pieces:
            raise InterruptedError

    long = replace(REPLY, clip=Clip(bytes(400_000), Format.M4A))
    with pytest.raises((OutcomeUnknown, InterruptedError)):
        await messenger.send_voice(long, still_ours=still_ours)
    assert not sandbox.sent
