"""What the client of Linq v3 promises besides the contract of all messengers: uploads, refusals, opt-outs, bubbles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from audio.clip import Clip
from audio.formats import Format
from providers.errors import (
    BadAnswer,
    Barred,
    Forbidden,
    Gone,
    OptedOut,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    TimedOut,
    Unavailable,
)
from providers.messengers import linq
from sandbox.app import LINQ_KEY, Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from sandbox.upstreams.linq import Refusal
from tests.contracts.deliveries import Delivery
from tests.contracts.messengers import LINQ, REPLY, patience_seconds, serving
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.messengers.linq import LinqMessenger
    from providers.messengers.series import SeriesMessenger

CUT_SHORT = ScriptedFault(FaultKind.ACCEPTED_THEN_HANG)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Linq v3, on loopback."""
    async with Sandbox(ScriptedMind(), media=[MEMOS]) as made:
        yield made


@pytest_asyncio.fixture
async def messenger(sandbox: Sandbox) -> AsyncIterator[SeriesMessenger | LinqMessenger]:
    """The real client."""
    async with LINQ.client(sandbox.url) as made:
        yield made


@pytest_asyncio.fixture
async def impatient(sandbox: Sandbox) -> AsyncIterator[SeriesMessenger | LinqMessenger]:
    """The same, for what never answers."""
    async with LINQ.client(sandbox.url, timeout_seconds=patience_seconds(CUT_SHORT)) as made:
        yield made


# --- uploads


async def test_upload_has_the_headers_that_it_names_and_no_others(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """The file goes up under exactly the headers named, besides its host and length: no key, no agent (I6)."""
    await messenger.send_voice(REPLY)
    (made,) = sandbox.linq.attachments.values()
    assert made.data == REPLY.clip.data
    assert {name: value for name, value in made.headers.items() if name != "Host"} == {
        "Content-Type": "audio/x-m4a",
        "x-amz-acl": "private",
        "Content-Length": str(len(REPLY.clip.data)),
    }


async def test_wav_goes_by_the_vendors_name(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """A WAV, which is sent where M4A is refused, is announced as Linq calls it."""
    await messenger.send_voice(replace(REPLY, clip=Clip(b"RIFF", Format.WAV)))
    assert [sent.mime_type for sent in sandbox.sent] == ["audio/x-wav"]


async def test_key_stays_away_from_the_upload_host(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """A host that is not the API's gets the file and not the key; a redirect from there leads nowhere (I6)."""
    asked: list[tuple[str, dict[str, str]]] = []

    async def stranger(request: web.Request) -> web.Response:
        await request.read()
        asked.append((request.raw_path, dict(request.headers)))
        raise web.HTTPTemporaryRedirect(f"{sandbox.url}/elsewhere")

    async with serving(stranger) as there:
        sandbox.linq.upload_base = there
        with pytest.raises(Unavailable):
            await messenger.send_voice(REPLY)
    assert len(asked) == 3
    assert all(path.endswith("?X-Amz-Signature=ab%2Fcd") for path, _ in asked)
    assert not any(LINQ_KEY in value for _, headers in asked for value in headers.values())
    assert sandbox.faults.requests["other"] == 0
    assert not sandbox.sent


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "http://localhost/x",
        "https://127.0.0.2/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/x",
        "https://[::1]/x",
        "https://[fd00::1]/x",
        "https://user:pass@example.com/x",
        "https://localhost:1/x",
        "file:///etc/passwd",
        "not a url",
        "https://example.com/x y",
        "https://example.com/x\r\nHost: y",
        "https://example.com:99999/x",
    ],
)
async def test_upload_hosts_that_are_not_allowed(url: str) -> None:
    """A file goes to public hosts over https, and to private ones only where they are listed (I6)."""
    async with _answering({"attachment_id": "a", "upload_url": url, "required_headers": {}}) as base:  # noqa: SIM117 (the client's base is the server's)
        async with LINQ.client(base, hosts=()) as messenger:
            with pytest.raises(Forbidden):
                await messenger.send_voice(REPLY)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"attachment_id": "a"},
        {"attachment_id": 7, "upload_url": "https://example.com"},
        {"attachment_id": "a", "upload_url": "http://127.0.0.1/x", "required_headers": {"content-length": "1"}},
        {
            "attachment_id": "a",
            "upload_url": "http://127.0.0.1/x",
            "required_headers": {"Transfer-Encoding": "chunked"},
        },
    ],
)
async def test_uploads_that_make_no_sense(answer: dict[str, Any]) -> None:
    """A leave to upload without what it takes, or for another length, is no answer."""
    async with _answering(answer) as base, LINQ.client(base) as messenger:
        with pytest.raises(BadAnswer):
            await messenger.send_voice(REPLY)


@pytest.mark.parametrize(
    "fault",
    [ScriptedFault(FaultKind.STATUS, 403), ScriptedFault(FaultKind.CUT), ScriptedFault(FaultKind.STATUS, 503)],
    ids=lambda f: f.kind,
)
async def test_upload_is_tried_again_afresh(messenger: LinqMessenger, sandbox: Sandbox, fault: ScriptedFault) -> None:
    """What the store does not take is uploaded again, at a fresh address: a file that is not sent is invisible."""
    sandbox.faults.next("linq.upload", fault)
    await messenger.send_voice(REPLY)
    assert len(sandbox.sent) == 1
    assert len(sandbox.linq.attachments) == 2


async def test_upload_that_takes_too_long_sent_nothing(impatient: LinqMessenger, sandbox: Sandbox) -> None:
    """An upload that does not end in time is known not to be out: later it may simply be tried again."""
    sandbox.faults.always("linq.upload", ScriptedFault(FaultKind.HANG))
    with pytest.raises(TimedOut):
        await impatient.send_voice(REPLY)
    assert sandbox.faults.requests["linq.voicememo"] == 0


# --- refusals


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(400, 1004), Rejected),
        (Refusal(404, 2001), Gone),
        (Refusal(409, 2013), Barred),
        (Refusal(403, 2024), OptedOut),
        (Refusal(503, 4002), Barred),
        (Refusal(422, 4005), Barred),
        (Refusal(400, 5004), Rejected),
    ],
    ids=lambda value: str(getattr(value, "code", "")),
)
async def test_codes_that_time_does_not_mend(
    messenger: LinqMessenger, sandbox: Sandbox, refusal: Refusal, kind: type[ProviderError]
) -> None:
    """What Linq's own code says is for good is asked once."""
    sandbox.linq.refuse("linq.voicememo", refusal)
    with pytest.raises(kind) as raised:
        await messenger.send_voice(REPLY)
    assert type(raised.value) is kind
    assert (sandbox.faults.requests["linq.voicememo"], sandbox.sent) == (1, [])


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(429, 1007, 0),
        Refusal(404, 2003),
        Refusal(404, 2007),
        Refusal(409, 2009),
        Refusal(503, 4001),
        Refusal(503, 4004),
        Refusal(500, 5001),
        Refusal(500, 5003),
    ],
    ids=lambda refusal: str(refusal.code),
)
async def test_codes_that_pass(messenger: LinqMessenger, sandbox: Sandbox, refusal: Refusal) -> None:
    """What Linq's own code says will pass is asked again, with the file that is there already."""
    sandbox.linq.refuse("linq.voicememo", refusal)
    sent_id = await messenger.send_voice(REPLY)
    assert [sent.message_id for sent in sandbox.sent] == [sent_id]
    assert len(sandbox.linq.attachments) == 1


@pytest.mark.parametrize("refusal", [Refusal(500, 2022), Refusal(500, 3001), Refusal(502, 3005), Refusal(503, 9)])
async def test_server_errors_tell_nothing(messenger: LinqMessenger, sandbox: Sandbox, refusal: Refusal) -> None:
    """A server's error may hide a message that is out: it is looked for, and not sent again."""
    sandbox.linq.refuse("linq.voicememo", refusal)
    with pytest.raises(OutcomeUnknown) as raised:
        await Delivery(messenger).attempt()
    assert raised.value.retry_after_seconds
    assert sandbox.faults.requests["linq.voicememo"] == 1
    assert sandbox.faults.requests["linq.list"] >= 2


@pytest.mark.parametrize("told", ["header", "body"])
async def test_long_waits_are_left_to_who_can(messenger: LinqMessenger, sandbox: Sandbox, told: str) -> None:
    """A wait of a minute is not waited for here; it is reported, whether it came in the header or in the body."""
    if told == "header":
        sandbox.faults.next("linq.voicememo", ScriptedFault(FaultKind.STATUS, 429, "60"))
    else:
        sandbox.linq.refuse("linq.voicememo", Refusal(429, 1007, 60))
    with pytest.raises(RateLimited) as raised:
        await messenger.send_voice(REPLY)
    assert raised.value.retry_after_seconds == 60
    assert sandbox.faults.requests["linq.voicememo"] == 1


# --- who wants to hear no more


async def test_opted_out_is_heeded(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """Once a person opted out, nothing is asked for their chat again, in no form; other chats do not notice (2024)."""
    sandbox.linq.opted_out.add("51")
    with pytest.raises(OptedOut):
        await messenger.send_voice(REPLY)
    before = sandbox.faults.requests.copy()
    with pytest.raises(OptedOut):
        await messenger.send_voice(REPLY)
    with pytest.raises(OptedOut):
        await messenger.send_text("51", "hello", idempotency_key="k")
    async with messenger.typing("51"):
        await asyncio.sleep(0)
    assert sandbox.faults.requests == before
    await messenger.send_voice(replace(REPLY, chat_id="52"))
    assert [sent.chat_id for sent in sandbox.sent] == ["52"]


async def test_what_is_remembered_is_bounded(
    messenger: LinqMessenger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those who opted out the latest are remembered, up to a bound (I9)."""
    monkeypatch.setattr(linq, "_MOST_REMEMBERED", 2)
    sandbox.linq.opted_out |= {"1", "2", "3"}
    for chat in ("1", "2", "3"):
        with pytest.raises(OptedOut):
            await messenger.send_text(chat, "hello", idempotency_key=chat)
    asked = sandbox.faults.requests["linq.send"]
    for chat in ("2", "3", "1"):
        with pytest.raises(OptedOut):
            await messenger.send_text(chat, "hello", idempotency_key=chat)
    assert sandbox.faults.requests["linq.send"] == asked + 1


# --- one bubble


@pytest.mark.parametrize("lists_late", [0, 1])
async def test_accepted_and_timed_out_is_one_bubble(
    impatient: LinqMessenger, sandbox: Sandbox, lists_late: int
) -> None:
    """A memo that was accepted without a word is found in the chat, at a second look too, and not sent again (I1)."""
    sandbox.faults.next("linq.voicememo", CUT_SHORT)
    sandbox.linq.lists_late = lists_late
    delivered = await Delivery(impatient).attempt()
    assert [sent.message_id for sent in sandbox.sent] == [delivered.sent_id]
    assert sandbox.faults.requests["linq.voicememo"] == 1


async def test_accepted_and_listed_much_later(impatient: LinqMessenger, sandbox: Sandbox) -> None:
    """What is not listed yet stays unknown, with some time to wait; then it is found, by the name alone."""
    sandbox.faults.next("linq.voicememo", CUT_SHORT)
    sandbox.linq.lists_late = 3
    delivery = Delivery(impatient)
    with pytest.raises(OutcomeUnknown) as raised:
        await delivery.attempt()
    assert raised.value.retry_after_seconds
    async with LINQ.client(sandbox.url) as another:
        name = str(delivery.progress.facts["filename"])
        assert await another.find_sent("51", filenames=[name]) == sandbox.sent[0].message_id
    assert len(sandbox.sent) == 1


async def test_found_under_another_name(impatient: LinqMessenger, sandbox: Sandbox) -> None:
    """Where Linq renames a file, its attachment's id tells it, to the process that uploaded it."""
    sandbox.faults.next("linq.voicememo", CUT_SHORT)
    sending = asyncio.create_task(Delivery(impatient).attempt())
    while not sandbox.sent:  # noqa: ASYNC110 (the server's state)
        await asyncio.sleep(0.01)
    sandbox.sent[0] = replace(sandbox.sent[0], filename="Audio Message.caf")
    assert (await sending).sent_id == sandbox.sent[0].message_id


async def test_same_text_with_the_same_key_is_one(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """A text carries its key in the body, where v3 knows it: the same one gives the same message."""
    first = await messenger.send_text("51", "hello", idempotency_key="k")
    assert await messenger.send_text("51", "hello", idempotency_key="k") == first
    assert len(sandbox.sent) == 1


async def test_it_is_found_on_a_later_page(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """A long chat is read page by page, and no further than it is ours to find."""
    sandbox.linq.page = 2
    first = await messenger.send_voice(REPLY)
    for number in range(4):
        await messenger.send_text("51", f"text {number}", idempotency_key=str(number))
    assert await messenger.find_sent("51", filenames=[REPLY.filename]) == first
    assert sandbox.faults.requests["linq.list"] == 3
    assert await messenger.find_sent("51", filenames=["another.m4a"]) is None


@pytest.mark.parametrize("oldest_first", [True, False])
async def test_chat_that_is_too_long(*, oldest_first: bool) -> None:
    """A chat that is not read to its end says nothing of what is new, if it lists the oldest first."""
    pages = 0

    async def endless(_: web.Request) -> web.Response:
        nonlocal pages
        pages += 1
        at = f"2025-11-03T15:{pages if oldest_first else 59 - pages:02}:00Z"
        return web.json_response({"messages": [{"id": str(pages), "created_at": at, "parts": []}], "next_cursor": "c"})

    async with serving(endless) as base, LINQ.client(base) as messenger:
        if oldest_first:
            with pytest.raises(BadAnswer):
                await messenger.find_sent("51", filenames=["x.m4a"])
        else:
            assert await messenger.find_sent("51", filenames=["x.m4a"]) is None
    assert pages == 10


# --- what comes in


async def test_recording_without_a_link_gets_one(messenger: LinqMessenger, sandbox: Sandbox) -> None:
    """A part that names an attachment and no URL is given the fresh one, and the recording can be had."""
    part = {"type": "voice_memo", "attachment_id": "en-train", "mime_type": None}
    sandbox.series.add_message("51", "m1", {"id": "m1", "parts": [part]})
    message: Any = await messenger.message("51", "m1")
    assert await messenger.download(message["parts"][0]["url"]) == (MEMOS / "en-train.amr").read_bytes()


async def test_attachment_that_is_not_ready() -> None:
    """A file that is still on its way is no missing recording: it may be had later."""

    async def pending(request: web.Request) -> web.Response:
        if "attachments" in request.path:
            return web.json_response({"id": "a", "status": "pending", "download_url": None})
        return web.json_response({"id": "m1", "parts": [{"type": "media", "id": "a"}]})

    async with serving(pending) as base, LINQ.client(base) as messenger:
        with pytest.raises(Unavailable):
            await messenger.message("51", "m1")


def _answering(answer: dict[str, Any]) -> serving:
    """Serve one JSON answer to whatever is asked."""

    async def answered(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(answer)

    return serving(answered)
