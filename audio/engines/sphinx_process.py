"""Child process of audio.engines.sphinx: 16 kHz mono s16le PCM in, words out."""

from __future__ import annotations

import sys

import numpy as np
import pocketsphinx

_RATE = 16_000
_FRAME = _RATE // 50
_PAUSE_FRAMES = 20  # 0.4 s
_SPEECH_ABOVE_FLOOR_DB = 12.0
_PEAK = 0.7 * 32767


def main(pcm: bytes) -> str:
    """Recognize a recording."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2")
    if samples.size < _FRAME:
        return ""
    gain = _PEAK / max(1, int(np.abs(samples.astype(np.int32)).max()))
    loud = np.clip(samples * gain, -32768, 32767).astype("<i2")
    decoder = pocketsphinx.Decoder(samprate=_RATE, cmn="batch", loglevel="FATAL")
    return " ".join(filter(None, (_words(decoder, part) for part in utterances(loud))))


# Short utterances are recognized better and faster than one long one.
def utterances(samples: np.ndarray) -> list[np.ndarray]:
    """Cut at pauses, keeping 0.2 s of silence around each part."""
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    levels = 10 * np.log10((frames**2).mean(axis=1) + 1)
    speech = np.flatnonzero(levels > np.percentile(levels, 5) + _SPEECH_ABOVE_FLOOR_DB)
    if not speech.size:
        return [samples]
    breaks = np.flatnonzero(np.diff(speech) > _PAUSE_FRAMES)
    starts = [int(speech[0]), *(int(speech[index + 1]) for index in breaks)]
    ends = [*(int(speech[index]) for index in breaks), int(speech[-1])]
    margin = _PAUSE_FRAMES // 2
    return [
        samples[max(0, start - margin) * _FRAME : (end + margin) * _FRAME]
        for start, end in zip(starts, ends, strict=True)
    ]


def _words(decoder: pocketsphinx.Decoder, part: np.ndarray) -> str:
    decoder.start_utt()
    decoder.process_raw(part.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


if __name__ == "__main__":
    sys.stdout.write(main(sys.stdin.buffer.read()))
