"""Child process of audio.engines.espeak: UTF-8 text in, mono s16le PCM out (espeak-ng's speak_lib.h)."""

from __future__ import annotations

import ctypes
import sys

import espeakng_loader

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL
_RATE = 1  # espeakRATE, words per minute
_BY_CHARACTER = 1  # POS_CHARACTER
_UTF8 = 1  # espeakCHARS_UTF8, and neither SSML nor phoneme input: markup is spoken as it stands
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def speak(text: bytes, voice: str, words_per_minute: int) -> None:
    """Write the speech of a text to standard output."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    if library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0) < 0:
        sys.exit("espeak-ng cannot start")

    @_CALLBACK  # type: ignore[untyped-decorator] # ctypes says nothing of its callbacks
    def on_samples(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count:
            sys.stdout.buffer.write(ctypes.string_at(samples, count * 2))
        return 0

    library.espeak_SetSynthCallback(on_samples)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        sys.exit("espeak-ng has no such voice")
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    library.espeak_Synth(text, len(text) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    speak(sys.stdin.buffer.read(), sys.argv[1], int(sys.argv[2]))
