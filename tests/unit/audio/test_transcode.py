from __future__ import annotations

import asyncio
import io
import socket
import struct
import wave
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from audio.clip import WAV_RATE, Clip, pcm_of, wav_clip
from audio.errors import AudioError, DecodeFailed, EncodeFailed, TooLong, TranscodeError, TranscodeTimeout
from audio.formats import Format, sniff
from audio.transcode import Transcoder
from tests.harness.until import until
from tests.unit.audio.conftest import children
from tests.unit.audio.recordings import (
    CONTAINERS,
    RATE,
    SECONDS,
    TONE_HZ,
    encoded,
    ffmpeg,
    memo,
    pcm,
    pitch,
    pointing_elsewhere,
    recording,
    tone,
    voice,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

VERBATIM = ("-ar", "16000", "-ac", "1", "-f", "s16le", "OUT")
LONGEST_PADDING_SECONDS = 0.2
"""What a codec may add: an MP3 without an index has no other way to say where its sound begins and ends."""


async def pieces(data: bytes, size: int = 4096) -> AsyncIterator[bytes]:
    """Stream PCM as a synthesizer does."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def is_the_tone(wav: Clip) -> bool:
    """Whether this is what recordings.tone() made, after whatever codec."""
    same_length = abs((wav.seconds or 0) - SECONDS) <= LONGEST_PADDING_SECONDS
    return same_length and abs(pitch(pcm_of(wav)) - TONE_HZ) <= 1


# Decode


@pytest.mark.parametrize("name", CONTAINERS)
async def test_every_container_is_decoded(name: str) -> None:
    """Whatever a memo comes in, what is heard is the same sound, of the same length."""
    data = recording(name)
    assert is_the_tone(await Transcoder().decode(Clip(data, sniff(data))))


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
async def test_an_iphone_s_memo_is_decoded(frame_ms: int) -> None:
    """Opus in CAF, its packet table at the end, is decoded: 480 or 960 frames a packet and others."""
    assert is_the_tone(await Transcoder().decode(Clip(memo(frame_ms), Format.CAF)))


async def test_the_wav_is_canonical() -> None:
    """It is 16 kHz, mono, signed 16 bit; the header takes 44 bytes and its sizes are true; its length is exact."""
    wav = await Transcoder().decode(Clip(recording("stereo-float.wav"), Format.WAV))
    with wave.open(io.BytesIO(wav.data)) as file:
        assert file.getparams()[:4] == (1, 2, WAV_RATE, round(SECONDS * WAV_RATE))
        assert file.readframes(file.getnframes()) == wav.data[44:] == pcm_of(wav)
    assert struct.unpack_from("<I", wav.data, 4)[0] == len(wav.data) - 8
    assert (wav.format, wav.seconds) == (Format.WAV, SECONDS)


@pytest.mark.parametrize("name", ["s16.wav", "opus.ogg", "index-last.m4a", "tagged.mp3", "adts.aac"])
@pytest.mark.parametrize("called", [Format.UNKNOWN, Format.CAF, Format.AMR])
async def test_a_wrong_name_does_no_harm(name: str, called: Format) -> None:
    """A recording that was taken for another container, or for none, is decoded at the second try."""
    assert is_the_tone(await Transcoder().decode(Clip(recording(name), called)))


async def test_the_first_of_two_sound_tracks() -> None:
    """Of several tracks the first is heard, and a film's pictures are left alone."""
    film = ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=duration=2:size=64x64:rate=5"),
        *("-f", "lavfi", "-i", f"sine={TONE_HZ}:duration=2", "-f", "lavfi", "-i", "sine=1000:duration=2"),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "mpeg4", "-c:a", "aac", "-f", "mp4", "OUT"),
    )
    assert is_the_tone(await Transcoder().decode(Clip(film, Format.M4A)))


@pytest.mark.parametrize("name", ["opus.ogg", "pcm.caf", "bare.mp3", "s16.wav", "pcm.aiff", "opus.webm", "adts.aac"])
async def test_what_was_cut_short_is_salvaged(name: str) -> None:
    """Of half a file about half of the sound is heard."""
    data = recording(name)
    wav = await Transcoder().decode(Clip(data[: len(data) // 2], CONTAINERS[name][0]))
    assert wav.seconds == pytest.approx(SECONDS / 2, abs=0.25)
    assert pitch(pcm_of(wav)) == pytest.approx(TONE_HZ, abs=2)


async def test_damage_in_the_middle_is_passed_over() -> None:
    """A hole in the file costs the page that it is in, one second, and not the rest."""
    data = bytearray(encoded(tone(6), "long.ogg", "-c:a", "libopus"))
    data[25_000:25_100] = bytes(100)
    wav = await Transcoder().decode(Clip(bytes(data), Format.OGG))
    assert wav.seconds == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(
    ("data", "called"),
    [
        (b"", Format.OGG),
        (b"This is not a recording.\n" * 200, Format.OGG),
        (recording("index-last.m4a")[:6000], Format.M4A),
        (recording("s16.wav")[:44], Format.WAV),
        (np.random.default_rng(3).bytes(20_000), Format.CAF),
        (b"OggS" + bytes(2000), Format.UNKNOWN),
    ],
    ids=["empty", "words", "index missing", "header only", "noise", "zeros"],
)
async def test_what_has_no_sound_cannot_be_decoded(data: bytes, called: Format) -> None:
    """Where nothing can be saved that is said, with ffmpeg's words and without the names of our files."""
    with pytest.raises(DecodeFailed) as caught:
        await Transcoder().decode(Clip(data, called))
    assert "voicememo-" not in str(caught.value)
    assert "file:" not in str(caught.value)


async def test_a_silent_film_has_no_sound() -> None:
    """A file with pictures only is refused."""
    film = ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5", "-c:v", "mpeg4", "-f", "mp4", "OUT")
    with pytest.raises(DecodeFailed):
        await Transcoder().decode(Clip(film, Format.M4A))


async def test_what_is_too_long_is_refused() -> None:
    """A recording of exactly the limit is decoded, one a little longer is not."""
    data = recording("s16.wav")
    assert is_the_tone(await Transcoder(max_seconds=SECONDS).decode(Clip(data, Format.WAV)))
    with pytest.raises(TooLong, match=r"^longer than 1.9 s$"):
        await Transcoder(max_seconds=1.9).decode(Clip(data, Format.WAV))


async def test_much_more_than_the_limit_is_not_decoded(program: Callable[[str], str]) -> None:
    """A minute is noticed to be too long; ffmpeg has to stop a second past the limit, by time and by size."""
    with pytest.raises(TooLong):
        await Transcoder(max_seconds=3).decode(Clip(encoded(tone(60), "long.wav"), Format.WAV))
    with pytest.raises(DecodeFailed) as caught:
        await Transcoder(program('echo "$@"; exit 1'), max_seconds=3).decode(Clip(b"x", Format.UNKNOWN))
    assert "-t 4.0" in caught.value.last_words
    assert f"-fs {5 * WAV_RATE * 2}" in caught.value.last_words


# What a stranger's file may not do


def playlists(target: str) -> dict[str, bytes]:
    """Build files that make ffmpeg open others."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
    }


@pytest.mark.parametrize("kind", ["hls", "concat"])
@pytest.mark.parametrize("called", [Format.UNKNOWN, Format.M4A, Format.OGG])
async def test_a_playlist_opens_no_file_of_ours(kind: str, called: Format, tmp_path: Path) -> None:
    """A playlist that names a file here is refused, though ffmpeg left to itself would play it."""
    victim = tmp_path / "victim.ts"
    victim.write_bytes(encoded(tone(), "victim.ts", "-c:a", "aac", "-f", "mpegts"))
    hostile = playlists(f"file:{victim}")[kind]
    careless = tmp_path / "playlist"
    careless.write_bytes(hostile)
    options = {"hls": ("-f", "hls"), "concat": ("-safe", "0")}[kind]
    assert pitch(ffmpeg(*options, "-i", str(careless), *VERBATIM)) == pytest.approx(TONE_HZ, abs=1)
    with pytest.raises(DecodeFailed):
        await Transcoder().decode(Clip(hostile, called))


@pytest.mark.parametrize("kind", ["hls", "concat"])
@pytest.mark.parametrize("called", [Format.UNKNOWN, Format.M4A])
async def test_a_playlist_reaches_no_network(kind: str, called: Format) -> None:
    """A playlist that names a server is refused, and the server is not called."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        with pytest.raises(DecodeFailed):
            await Transcoder().decode(Clip(playlists(f"http://127.0.0.1:{port}/a.ts")[kind], called))
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_an_m4a_opens_no_other_file(tmp_path: Path) -> None:
    """An M4A that says that its sound lies in another file is refused, though ffmpeg has an option to follow it."""
    victim = tmp_path / "victim.m4a"
    victim.write_bytes(recording("index-last.m4a"))
    hostile = pointing_elsewhere(victim.read_bytes(), str(victim))
    careless = tmp_path / "hostile.m4a"
    careless.write_bytes(hostile)
    follow = ("-enable_drefs", "1", "-use_absolute_path", "1")
    assert pitch(ffmpeg(*follow, "-i", str(careless), *VERBATIM)) == TONE_HZ
    with pytest.raises(DecodeFailed):
        await Transcoder().decode(Clip(hostile, Format.M4A))


# Encode


async def test_pcm_becomes_an_m4a() -> None:
    """A stream of PCM becomes AAC-LC, mono, in an M4A whose index stands in front, of the same sound and length."""
    clip = await Transcoder().encode(pieces(pcm(tone(rate=24_000))), sample_rate=24_000)
    assert (clip.format, clip.seconds, sniff(clip.data)) == (Format.M4A, SECONDS, Format.M4A)
    assert clip.data[8:12] == b"M4A "
    assert clip.data.index(b"moov") < clip.data.index(b"mdat")
    described = clip.data.index(b"mp4a")
    channels, bits, _, _, rate = struct.unpack_from(">HHHHH", clip.data, described + 20)
    assert (channels, bits, rate) == (1, 16, 24_000)
    descriptor = clip.data.index(b"\x05\x80\x80\x80", clip.data.index(b"esds"))
    assert clip.data[descriptor + 5] >> 3 == 2  # audio object type 2: AAC-LC
    assert is_the_tone(await Transcoder().decode(clip))


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100])
async def test_the_bit_rate_is_64_kbit(rate: int) -> None:
    """Speech at any rate that a voice has takes 64 kbit/s, give or take a quarter."""
    samples = np.interp(np.arange(round(8 * rate)) / rate, np.arange(8 * RATE) / RATE, voice(8.0))
    clip = await Transcoder().encode(pieces(pcm(samples * 8000)), sample_rate=rate)
    assert clip.seconds == pytest.approx(8.0)
    assert len(clip.data) * 8 / 8.0 == pytest.approx(64_000, rel=0.25)


async def test_the_same_sound_gives_the_same_file() -> None:
    """However the PCM is cut the bytes are the same, and they say neither when nor by what they were made."""
    data = pcm(tone())
    clips = [await Transcoder().encode(pieces(data, size), sample_rate=RATE) for size in (len(data), 4096, 999)]
    assert len({clip.data for clip in clips}) == 1
    assert b"Lavf" not in clips[0].data


async def test_encoding_begins_before_the_sound_has_ended() -> None:
    """The encoder reads while the voice still speaks: nothing has to be kept until the end."""
    working = []

    async def speaking() -> AsyncIterator[bytes]:
        before = children()
        async for piece in pieces(pcm(tone())):
            yield piece
            working.append(len(children() - before))

    await Transcoder().encode(speaking(), sample_rate=RATE)
    assert set(working) == {1}


@pytest.mark.parametrize("given", [[], [b""], [b"", b"", b""], [b"\x00"]], ids=["nothing", "empty", "empties", "half"])
async def test_no_sound_is_no_reply(given: list[bytes]) -> None:
    """Without a whole sample there is nothing to encode, as M4A or as WAV; no process is started for it."""

    async def silent() -> AsyncIterator[bytes]:
        for piece in given:
            yield piece

    with pytest.raises(EncodeFailed, match=r"^no sound$"):
        await Transcoder("/nowhere/ffmpeg").encode(silent(), sample_rate=RATE)
    with pytest.raises(EncodeFailed, match=r"^no sound$"):
        await Transcoder().wav(silent(), sample_rate=RATE)


async def test_one_sample_is_a_reply() -> None:
    """The shortest sound that there is can be encoded."""
    clip = await Transcoder().encode(pieces(b"\x01\x00", 1), sample_rate=RATE)
    assert clip.seconds == 1 / RATE
    assert sniff(clip.data) is Format.M4A


@pytest.mark.parametrize("after", [0, 1, 20])
@pytest.mark.parametrize("error", [TimeoutError("voice"), BrokenPipeError("voice"), KeyError("voice")])
async def test_a_voice_s_own_error_passes_through(error: Exception, after: int) -> None:
    """Whatever the stream raises, whenever, is what the caller gets, unchanged; also what looks like ours."""

    async def failing() -> AsyncIterator[bytes]:
        for _ in range(after):
            yield bytes(4096)
        raise error

    with pytest.raises(type(error)) as caught:
        await Transcoder().encode(failing(), sample_rate=RATE)
    assert caught.value is error


async def test_a_voice_without_end_is_stopped() -> None:
    """Neither encoder takes more than the limit: an endless stream is an error, not an endless file."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(4096)

    with pytest.raises(EncodeFailed, match=r"^more than 2 s of sound$"):
        await Transcoder(max_seconds=2).encode(endless(), sample_rate=RATE)
    with pytest.raises(EncodeFailed, match=r"^more than 2 s of sound$"):
        await Transcoder(max_seconds=2).wav(endless(), sample_rate=RATE)


async def test_what_ffmpeg_did_not_take_is_left_to_the_caller(program: Callable[[str], str]) -> None:
    """When ffmpeg dies in the middle its last words are logged, and the rest of the stream can still be read."""
    data = pcm(tone(20))
    taken: list[bytes] = []
    stream = pieces(data, 64 * 1024)

    async def kept() -> AsyncIterator[bytes]:
        async for piece in stream:
            taken.append(piece)
            yield piece

    dying = program("head -c 1000 >/dev/null; echo 'out of ideas' >&2; exit 1")
    with pytest.raises(EncodeFailed, match=r"^ffmpeg refused: out of ideas$"):
        await Transcoder(dying).encode(kept(), sample_rate=RATE)
    assert len(taken) < len(data) // (64 * 1024)
    rest = [piece async for piece in stream]
    assert b"".join([*taken, *rest]) == data


# The WAV without ffmpeg


async def test_a_wav_needs_no_ffmpeg() -> None:
    """The fallback gives the PCM as it came behind a RIFF header, where there is no ffmpeg at all."""
    data = pcm(tone(rate=22_050))
    clip = await Transcoder("/nowhere/ffmpeg").wav(pieces(data, 333), sample_rate=22_050)
    assert (clip.format, clip.seconds, sniff(clip.data), pcm_of(clip)) == (Format.WAV, SECONDS, Format.WAV, data)
    assert is_the_tone(await Transcoder().decode(clip))


@given(data=st.binary(max_size=300), rate=st.integers(1, 192_000))
def test_wav_and_pcm_are_inverse(data: bytes, rate: int) -> None:
    """What is put behind a header comes back, but for half a sample; the wave module of Python reads the same."""
    clip = wav_clip(data, sample_rate=rate)
    whole = data[: len(data) // 2 * 2]
    assert pcm_of(clip) == whole
    assert clip.seconds == len(whole) / 2 / rate
    with wave.open(io.BytesIO(clip.data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
        assert file.readframes(file.getnframes()) == whole


# An ffmpeg that misbehaves


async def test_version() -> None:
    """The program says who it is, on one line."""
    assert (await Transcoder().version()).startswith("ffmpeg version ")


async def test_there_is_no_ffmpeg() -> None:
    """Without the program each of its works fails as such, in words that name no path."""
    missing = Transcoder("/nowhere/ffmpeg")
    with pytest.raises(DecodeFailed, match=r"^ffmpeg cannot be started: No such file or directory$"):
        await missing.decode(Clip(memo(), Format.CAF))
    with pytest.raises(EncodeFailed, match=r"^ffmpeg cannot be started: No such file or directory$"):
        await missing.encode(pieces(pcm(tone())), sample_rate=RATE)
    with pytest.raises(TranscodeError, match=r"^ffmpeg cannot be started: No such file or directory$"):
        await missing.version()


async def test_a_program_is_found_on_the_path(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name is looked up where programs are, a relative one from where we are: not in the folder it works in."""
    folder = program("echo found").rpartition("/")[0]
    monkeypatch.setenv("PATH", folder, prepend=":")
    assert await Transcoder("ffmpeg").version() == "found"
    monkeypatch.chdir(folder)
    assert await Transcoder("./ffmpeg").version() == "found"


@pytest.mark.parametrize("script", ["exec sleep 1000", "sleep 1000", "trap '' TERM; while :; do :; done"])
async def test_an_ffmpeg_that_hangs_is_ended(program: Callable[[str], str], script: str) -> None:
    """Whatever it was asked for, an ffmpeg that does not end in time is killed, with what it has started."""
    hanging = Transcoder(program(script), deadline_seconds=0.05)
    with pytest.raises(TranscodeTimeout, match=r"^no end within 0.05 s$"):
        await hanging.decode(Clip(memo(), Format.CAF))
    with pytest.raises(TranscodeTimeout):
        await hanging.encode(pieces(pcm(tone(60))), sample_rate=RATE)  # more than the pipe holds
    with pytest.raises(TranscodeTimeout):
        await hanging.encode(pieces(pcm(tone(0.1))), sample_rate=RATE)
    with pytest.raises(TranscodeTimeout):
        await hanging.version()


async def test_a_slow_voice_does_not_use_up_ffmpeg_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is for ffmpeg: while the voice is silent it does not run."""
    loop = asyncio.get_running_loop()
    real, ahead = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real() + ahead)

    async def slow() -> AsyncIterator[bytes]:
        nonlocal ahead
        async for piece in pieces(pcm(tone()), 16 * 1024):
            ahead += 100
            yield piece

    clip = await Transcoder(deadline_seconds=20).encode(slow(), sample_rate=RATE)
    assert clip.seconds == SECONDS


async def test_an_ffmpeg_that_says_nothing_of_use(program: Callable[[str], str]) -> None:
    """A program that ends well and writes nothing has done nothing."""
    idle = Transcoder(program("cat >/dev/null"))
    with pytest.raises(DecodeFailed):
        await idle.decode(Clip(memo(), Format.CAF))
    with pytest.raises(EncodeFailed):
        await idle.encode(pieces(pcm(tone())), sample_rate=RATE)
    failing = Transcoder(program("echo out of order; exit 9"))
    with pytest.raises(TranscodeError, match="out of order"):
        await failing.version()


# Bounds


def _holds(folder: Path, count: int) -> bool:
    return len(list(folder.iterdir())) >= count


async def test_only_so_many_run_at_once(program: Callable[[str], str], tmp_path: Path) -> None:
    """However many memos wait, no more than `processes` recordings are decoded at once; all get their turn."""
    held = tmp_path / "held"
    held.mkdir()
    script = f': > {held}/$$; while [ -e {held}/$$ ]; do sleep 0.01; done; exec {get_ffmpeg_exe()} "$@"'
    transcoder = Transcoder(program(script), processes=2, deadline_seconds=600)  # each waits until its file is removed
    decodes = [asyncio.create_task(transcoder.decode(Clip(memo(), Format.CAF))) for _ in range(6)]
    at_once = []
    for left in range(len(decodes), 0, -1):
        await until(partial(_holds, held, min(2, left)))
        # A decode by another begins later and ends now: a third of these, if it might start, would have started.
        assert is_the_tone(await Transcoder().decode(Clip(memo(), Format.CAF)))
        at_once.append(len(list(held.iterdir())))
        next(held.iterdir()).unlink()
    assert at_once == [2, 2, 2, 2, 2, 1]
    assert all(is_the_tone(wav) for wav in await asyncio.gather(*decodes))


async def test_voices_that_wait_hold_up_no_decode() -> None:
    """An encoder waits for its voice without taking a decoder's place."""
    transcoder = Transcoder(processes=1)
    spoken = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield pcm(tone())
        await spoken.wait()

    replies = [asyncio.create_task(transcoder.encode(waiting(), sample_rate=RATE)) for _ in range(3)]
    assert is_the_tone(await transcoder.decode(Clip(memo(), Format.CAF)))
    assert not any(task.done() for task in replies)
    spoken.set()
    assert {clip.seconds for clip in await asyncio.gather(*replies)} == {SECONDS}


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
async def test_cancelled_at_any_moment_nothing_is_left(turns: int) -> None:
    """A decode or an encode can be cancelled after any number of turns of the loop, twice even (see nothing_left)."""
    transcoder = Transcoder()
    for work in (
        transcoder.decode(Clip(memo(), Format.CAF)),
        transcoder.encode(pieces(pcm(tone()), 500), sample_rate=RATE),
        transcoder.version(),
    ):
        task = asyncio.create_task(work)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("asked", ["decode", "encode"])
async def test_cancelled_at_work_the_process_is_gone(program: Callable[[str], str], asked: str) -> None:
    """When the cancellation is raised the process has been reaped, and its place is free again."""
    transcoder = Transcoder(program("exec sleep 1000"), processes=1)
    before = children()
    for _ in range(2):
        work = {
            "decode": lambda: transcoder.decode(Clip(memo(), Format.CAF)),
            "encode": lambda: transcoder.encode(pieces(pcm(tone(60))), sample_rate=RATE),
        }[asked]()
        task = asyncio.create_task(work)
        await until(lambda: children() - before)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children() == before


damaged = st.sampled_from(["opus.ogg", "index-first.m4a", "tagged.mp3", "s16.wav", "narrow.amr", "plain.flac", "memo"])


@settings(max_examples=40, deadline=None)
@given(
    name=damaged,
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=12),
)
async def test_any_damage_is_decoded_or_refused(name: str, cut: float, flips: list[tuple[float, int]]) -> None:
    """A recording cut anywhere and flipped anywhere is salvaged, within bounds, or refused as what it is."""
    whole = memo() if name == "memo" else recording(name)
    data = bytearray(whole[: round(len(whole) * cut)])
    for where, mask in flips:
        if data:
            data[int(where * len(data))] ^= mask
    try:
        wav = await Transcoder(max_seconds=10).decode(Clip(bytes(data), sniff(bytes(data), filename="memo.ogg")))
    except AudioError as error:
        assert isinstance(error, DecodeFailed | TooLong) or not data  # noqa: PT017 (either may come)
    else:
        assert wav.seconds is not None
        assert 0 < wav.seconds <= 10
        assert len(pcm_of(wav)) == round(wav.seconds * WAV_RATE) * 2
