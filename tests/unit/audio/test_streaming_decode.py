"""Decoding a recording while it comes: the same sound as afterwards, or none; and nothing is left of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from audio.clip import Clip
from audio.errors import TooLong, TranscodeTimeout
from audio.streaming_decode import STREAMABLE, StreamingDecode
from audio.transcode import Transcoder
from tests.harness.until import until
from tests.unit.audio.conftest import children
from tests.unit.audio.recordings import CONTAINERS, encoded, memo, recording, tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from audio.formats import Format

FROM_THE_FRONT = [name for name, (known, _) in CONTAINERS.items() if known in STREAMABLE]
PIECE_BYTES = 1500


def show(ahead: StreamingDecode, data: bytes) -> None:
    """Have the recording come, from its beginning."""
    ahead.begin()
    for start in range(0, len(data), PIECE_BYTES):
        ahead.take(data[start : start + PIECE_BYTES])


def of(name: str) -> Format:
    """Which container it is."""
    return CONTAINERS[name][0]


def out() -> Path | None:
    """The decoded sound, as far as it has been written."""
    return next(Path(tempfile.gettempdir()).glob("*/out.pcm"), None)


def spoilt(data: bytes, how: str) -> bytes:
    """The same recording after an accident."""
    middle = len(data) // 2
    return {
        "whole": data,
        "half": data[:middle],
        "hole": data[:middle] + bytes(200) + data[middle + 200 :],
        "tail": data + bytes(999),
    }[how]


@pytest.mark.parametrize("how", ["whole", "half", "hole", "tail"])
@pytest.mark.parametrize("name", CONTAINERS)
async def test_the_same_is_heard(name: str, how: str) -> None:
    """Whether it was begun ahead or not, a recording gives the same sound to the last sample, damaged or not."""
    clip = Clip(spoilt(recording(name), how), of(name))
    transcoder = Transcoder()
    async with transcoder.ahead() as ahead:
        show(ahead, clip.data)
        try:
            expected = await transcoder.decode(clip)
        except Exception as refusal:  # noqa: BLE001 (whatever is raised has to be raised again)
            with pytest.raises(type(refusal)):
                await transcoder.decode(clip, ahead)
        else:
            assert await transcoder.decode(clip, ahead) == expected


@pytest.mark.parametrize("name", FROM_THE_FRONT)
async def test_it_is_decoded_ahead(name: str) -> None:
    """What its container allows to be read from the front is decoded from its pieces, and from them alone."""
    data = recording(name)
    async with Transcoder().ahead() as ahead:
        show(ahead, data)
        assert await ahead.pcm(Clip(data, of(name)))


async def test_sound_is_there_before_the_end() -> None:
    """Decoding does not wait for the last piece: sound has been written when half of the recording is still to come."""
    data = encoded(tone(60), "long.ogg", "-c:a", "libopus")
    async with Transcoder().ahead() as ahead:
        ahead.begin()
        for start in range(0, len(data) // 2, PIECE_BYTES):
            ahead.take(data[start : start + PIECE_BYTES])
        await until(lambda: (written := out()) and written.stat().st_size)


@pytest.mark.parametrize("data", [memo(20), recording("index-last.m4a"), recording("bare.mp3"), b"no recording at all"])
async def test_what_is_not_read_from_the_front_is_not_begun(data: bytes) -> None:
    """No program is started for a container that cannot be read from the front, nor for what is none."""
    before = children()
    async with Transcoder().ahead() as ahead:
        show(ahead, data)
        assert not await ahead.pcm(Clip(data, of("alac.caf")))
        assert children() == before


async def test_an_attempt_that_failed_is_forgotten() -> None:
    """A download that was cut and came again gives the sound of the second, and one decoder remains of two."""
    data = recording("opus.ogg")
    before = children()
    async with Transcoder().ahead() as ahead:
        show(ahead, data[: len(data) // 2])
        await until(lambda: len(children() - before) == 1)
        show(ahead, data)
        assert await ahead.pcm(Clip(data, of("opus.ogg")))


@pytest.mark.parametrize("other", [b"", b"OggS more"])
async def test_what_is_not_all_of_it_is_not_taken(other: bytes) -> None:
    """Where the recording that is to be decoded is not the one whose pieces came, these are of no use."""
    data = recording("opus.ogg")
    async with Transcoder().ahead() as ahead:
        show(ahead, data)
        assert not await ahead.pcm(Clip(data + other, of("opus.ogg" if other else "bare.mp3")))


async def test_nothing_came() -> None:
    """A recording that lay in the event itself is decoded as ever."""
    clip = Clip(recording("opus.ogg"), of("opus.ogg"))
    transcoder = Transcoder()
    async with transcoder.ahead() as ahead:
        assert await transcoder.decode(clip, ahead) == await transcoder.decode(clip)


async def test_who_looks_away_leaves_nothing() -> None:
    """A download that is given up takes its decoder with it, at whatever moment."""
    data = recording("opus.ogg")
    before = children()
    async with Transcoder().ahead() as ahead:
        show(ahead, data[: len(data) // 2])
        await until(lambda: children() - before)
    assert children() == before


async def test_no_more_than_so_many_at_once() -> None:
    """Where as many are decoded ahead as there may be, the next one is decoded once it is there."""
    data = recording("opus.ogg")
    clip = Clip(data, of("opus.ogg"))
    transcoder = Transcoder(processes=1)
    before = children()
    async with transcoder.ahead() as first, transcoder.ahead() as second:
        show(first, data[:-1])
        await until(lambda: len(children() - before) == 1)
        show(second, data)
        assert not await second.pcm(clip)
        assert await transcoder.decode(clip, second) == await transcoder.decode(clip)


async def test_too_long_is_reported() -> None:
    """A recording that plays longer than is allowed is refused, decoded ahead or not."""
    data = encoded(tone(60), "long.wav")
    transcoder = Transcoder(max_seconds=3)
    async with transcoder.ahead() as ahead:
        show(ahead, data)
        with pytest.raises(TooLong):
            await transcoder.decode(Clip(data, of("s16.wav")), ahead)


async def test_a_decoder_that_hangs(program: Callable[[str], str]) -> None:
    """A decoder that does not end is ended at the deadline, and that is reported: it would hang once more."""
    data = recording("opus.ogg")
    transcoder = Transcoder(program("exec sleep 1000"), deadline_seconds=0.2)
    async with transcoder.ahead() as ahead:
        show(ahead, data)
        with pytest.raises(TranscodeTimeout):
            await transcoder.decode(Clip(data, of("opus.ogg")), ahead)


async def test_a_decoder_that_cannot_be_started() -> None:
    """Without ffmpeg the error is that of decode()."""
    data = recording("opus.ogg")
    async with Transcoder("/there/is/none").ahead() as ahead:
        show(ahead, data)
        assert not await ahead.pcm(Clip(data, of("opus.ogg")))
