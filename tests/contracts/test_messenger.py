"""What the client of the Series API promises, on the wire: one message however it fails, and nothing to strangers."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

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
from providers.ports import SentText, VoiceReply
from providers.series import SeriesMessenger
from sandbox.app import SERIES_KEY, Sandbox
from sandbox.faults import Fault, Kind
from sandbox.mind import ScriptedMind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MEMOS = Path(__file__).parent.parent.parent / "fixtures" / "memos"
REPLY = VoiceReply("51", Clip(b"\x00sound", Format.M4A), "the words", "tts_response_1.m4a", "voicememo-51-1")
LIMIT = 200_000
TIMEOUT_SECONDS = 0.4


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A Series API that honours idempotency keys."""
    async with Sandbox(ScriptedMind(), media=[MEMOS]) as made:
        yield made


@pytest_asyncio.fixture
async def messenger(sandbox: Sandbox) -> AsyncIterator[SeriesMessenger]:
    """The real client."""
    async with _client(sandbox.url) as made:
        yield made


class _client:  # noqa: N801 (used like a function)
    def __init__(self, url: str, *, key: str = SERIES_KEY, hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self._made = SeriesMessenger(
            url,
            key,
            media_hosts=hosts,
            max_memo_bytes=LIMIT,
            timeout_seconds=TIMEOUT_SECONDS,
            send_timeout_seconds=TIMEOUT_SECONDS,
        )

    async def __aenter__(self) -> SeriesMessenger:
        return self._made

    async def __aexit__(self, *_: object) -> None:
        await self._made.close()


async def test_voice_goes_out_whole(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """A voice message arrives with its sound, its text, its name and its key, and its id comes back."""
    sent_id = await messenger.send_voice(REPLY)
    (sent,) = sandbox.sent
    assert (sent.message_id, sent.audio, sent.text) == (sent_id, REPLY.clip.data, REPLY.text)
    assert (sent.filename, sent.mime_type, sent.idempotency_key) == (
        REPLY.filename,
        "audio/mp4",
        REPLY.idempotency_key,
    )


async def test_text_is_never_empty(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """The API wants a text: where there is none, a sign stands for it."""
    await messenger.send_text("51", "", idempotency_key="k")
    assert sandbox.sent[0].text


@pytest.mark.parametrize("honours_keys", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.ACCEPTED_THEN_CUT),
        Fault(Kind.CUT),
        Fault(Kind.HANG),
        Fault(Kind.STATUS, 500),
        Fault(Kind.STATUS, 502),
        Fault(Kind.STATUS, 503),
        Fault(Kind.STATUS, 429, "0"),
        Fault(Kind.EMPTY),
        Fault(Kind.GARBAGE),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_one_message_whatever_happened(fault: Fault, *, honours_keys: bool) -> None:
    """After any fault of a send there is exactly one message in the chat, whether or not the API honours keys (I1)."""
    async with Sandbox(ScriptedMind(), honours_keys=honours_keys) as sandbox, _client(sandbox.url) as messenger:
        sandbox.faults.next("series.send", fault)
        sent_id = await messenger.send_voice(REPLY)
        assert [sent.message_id for sent in sandbox.sent] == [sent_id]


async def test_unknown_outcome_that_cannot_be_looked_for(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """When neither the send nor the look-up answers, the outcome is unknown, and nothing was sent a second time."""
    sandbox.faults.next("series.send", Fault(Kind.ACCEPTED_THEN_CUT))
    sandbox.faults.always("series.list", Fault(Kind.STATUS, 404))
    with pytest.raises(OutcomeUnknown):
        await messenger.send_voice(REPLY)
    assert len(sandbox.sent) == 1
    assert sandbox.faults.requests["series.send"] == 1


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Unauthorized), (404, Gone), (422, Rejected)])
async def test_refused_send_is_not_repeated(
    messenger: SeriesMessenger, sandbox: Sandbox, status: int, kind: type[ProviderError]
) -> None:
    """What the API refuses is asked once."""
    sandbox.faults.always("series.send", Fault(Kind.STATUS, status))
    with pytest.raises(kind):
        await messenger.send_voice(REPLY)
    assert sandbox.faults.requests["series.send"] == 1


async def test_sent_message_is_found(messenger: SeriesMessenger) -> None:
    """A message is found by its attachment's name, a text by its words, and nothing by another's."""
    voice = await messenger.send_voice(REPLY)
    text = await messenger.send_text("51", "hello", idempotency_key="t")
    assert await messenger.find_sent("51", filenames=["x.wav", REPLY.filename]) == voice
    assert await messenger.find_sent("51", filenames=[], text=SentText("hello", 0.0)) == text
    assert await messenger.find_sent("51", filenames=[], text=SentText("hello", time.time() + 60)) is None
    assert await messenger.find_sent("51", filenames=["another.m4a"]) is None
    assert await messenger.find_sent("51", filenames=[], text=SentText(REPLY.text, 0.0)) is None
    assert await messenger.find_sent("52", filenames=[REPLY.filename]) is None


async def test_download(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """A recording comes as it is, after a fault that passes too."""
    sandbox.faults.next("series.media", Fault(Kind.STATUS, 503, "0"), Fault(Kind.CUT))
    found = await messenger.download(f"{sandbox.url}/media/en-bread.opus")
    assert found == (MEMOS / "en-bread.opus").read_bytes()


async def test_download_that_cannot_be(messenger: SeriesMessenger, sandbox: Sandbox, unused_tcp_port: int) -> None:
    """What is gone is asked for once; what fails for ever is given up, each with its error."""
    with pytest.raises(Gone):
        await messenger.download(f"{sandbox.url}/media/nothing.opus")
    assert sandbox.faults.requests["series.media"] == 1
    sandbox.faults.always("series.media", Fault(Kind.STATUS, 500))
    with pytest.raises(Unavailable):
        await messenger.download(f"{sandbox.url}/media/en-bread.opus")
    sandbox.faults.always("series.media", Fault(Kind.EMPTY))
    with pytest.raises(BadAnswer):
        await messenger.download(f"{sandbox.url}/media/en-bread.opus")
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
async def test_hosts_that_are_not_allowed(messenger: SeriesMessenger, url: str) -> None:
    """A recording is fetched only from the API's own host and those that are listed (I6)."""
    with pytest.raises(Forbidden):
        await messenger.download(url)


async def test_redirects_are_checked_anew(unused_tcp_port_factory: object) -> None:
    """A redirect is followed only to where one may go, at most three times, and the key stays with its owner (I6)."""
    del unused_tcp_port_factory
    told: list[str | None] = []

    async def stranger(request: web.Request) -> web.Response:
        told.append(request.headers.get("Authorization"))
        return web.Response(body=b"OggSsound")

    async with _serving(stranger) as there:

        async def here(request: web.Request) -> web.Response:
            told.append(request.headers.get("Authorization"))
            where = {
                "loop": "/loop",
                "out": "http://example.com/x",
                "file": "file:///etc/passwd",
                "there": f"{there}/x",
            }
            raise web.HTTPFound(where[request.path.strip("/")])

        async with _serving(here) as base, _client(base) as messenger:
            assert await messenger.download(f"{base}/there") == b"OggSsound"
            assert told == [f"Bearer {SERIES_KEY}", None]
            refused = [messenger.download(f"{base}/{path}") for path in ("loop", "out", "file")]
            errors = await asyncio.gather(*refused, return_exceptions=True)
            assert [type(error) for error in errors] == [Forbidden] * 3


async def test_too_large_is_cut_off() -> None:
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
        async with _serving(handler) as base, _client(base) as messenger:
            with pytest.raises(TooLarge):
                await messenger.download(f"{base}/x")


async def test_typing_is_shown_and_taken_back(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
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


@pytest.mark.parametrize("fault", [Fault(Kind.HANG), Fault(Kind.CUT), Fault(Kind.STATUS, 500)], ids=lambda f: f.kind)
async def test_typing_never_stands_in_the_way(messenger: SeriesMessenger, sandbox: Sandbox, fault: Fault) -> None:
    """Whatever typing suffers, the block neither waits for it nor hears of it."""
    sandbox.faults.always("series.typing", fault)
    async with messenger.typing("51"):
        await messenger.send_voice(REPLY)
    assert len(sandbox.sent) == 1


async def test_check_tells_a_wrong_key(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """check() passes with the right key, and says so when it is wrong."""
    await messenger.check()
    async with _client(sandbox.url, key="wrong") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.check()


async def test_errors_tell_no_secrets(messenger: SeriesMessenger, sandbox: Sandbox) -> None:
    """Neither the key, the words nor the sound stand in an error or a repr (I6)."""
    sandbox.faults.always("series.send", Fault(Kind.STATUS, 422))
    with pytest.raises(Rejected) as raised:
        await messenger.send_voice(REPLY)
    told = f"{raised.value!r} {messenger!r} {REPLY!r}"
    assert not any(secret in told for secret in (SERIES_KEY, REPLY.text, base64.b64encode(REPLY.clip.data).decode()))


class _serving:  # noqa: N801 (used like a function)
    """One handler on loopback, for every path."""

    def __init__(self, handler: object) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)  # type: ignore[arg-type] # one of two shapes of handler
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_send_that_is_no_longer_ours_is_never_whole(sandbox: Sandbox, pieces: int) -> None:
    """Whoever loses the memo while the request goes out has sent nothing."""
    asked = 0

    def still_ours() -> None:
        nonlocal asked
        asked += 1
        if asked > 1 + pieces:
            raise InterruptedError

    long = replace(REPLY, clip=Clip(bytes(400_000), Format.M4A))
    async with _client(sandbox.url) as messenger:
        with pytest.raises((OutcomeUnknown, InterruptedError)):
            await messenger.send_voice(long, still_ours=still_ours)
    assert not sandbox.sent
