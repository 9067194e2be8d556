"""`python -m tests.benchmarks.upstreams MEDIA [REPLY [WORDS]]`: all upstreams in a process of their own.

So their CPU is not counted as ours. Prints the variables that point a worker here, as one line of JSON, and goes on
until its standard input ends. Its voice is espeak-ng, at so many words a minute, asked once for each text: then what it
says costs nothing any more.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind, resampled
from tests.benchmarks.bucket import Bucket

SAID = (
    "We would like to walk along the river on Saturday, and I wonder whether the weather will hold. My sister comes"
    " with the children in the morning, so we could leave at ten. What do you think, and what should we take with us?"
)
"""What every memo says."""
REPLY = (
    "That sounds like a lovely plan for Saturday. The weather should stay dry until the evening, so ten in the morning"
    " is a good time to leave. Take light jackets with you, because it gets cool by the water. Call me when you are"
    " there, and tell me how it went."
)
"""What every memo is answered."""
LONG_REPLY = (
    "That sounds like a lovely plan for Saturday. The weather should stay dry until the evening, so ten in the morning"
    " is a good time to leave. Take light jackets with you, because it gets cool by the water. There is a quiet"
    " restaurant behind the old bridge, where the children can play while you have coffee. If the wind gets stronger,"
    " come back through the park instead. Call me when you are there, and tell me how it went."
)
"""The longest that is spoken whole: 80 words."""
WORDS_PER_MINUTE = 130
SLOW_WORDS_PER_MINUTE = 80
"""The slowest that espeak-ng speaks."""


@dataclass(slots=True)
class RehearsedMind(ScriptedMind):
    """Knows what was said, knows its answer, and speaks with a real voice that it remembers."""

    words: str = SAID
    answer: str | None = REPLY
    voice: EspeakVoice = field(default_factory=EspeakVoice)
    spoken_before: dict[tuple[str, str, int], bytes] = field(default_factory=dict)

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:
        """Speak, or say again what was said before."""
        key = (text, language, sample_rate)
        if key not in self.spoken_before:
            pcm = b"".join([piece async for piece in self.voice.speak(text, language=language)])
            self.spoken_before[key] = await asyncio.to_thread(resampled, pcm, SAMPLE_RATE, sample_rate)
        return self.spoken_before[key]


async def main(media: Path, reply: str = REPLY, words_per_minute: str = str(WORDS_PER_MINUTE)) -> None:
    """Serve until standard input ends."""
    mind = RehearsedMind(answer=reply, voice=EspeakVoice(words_per_minute=int(words_per_minute)))
    # No idempotency: a memo that is sent twice is to be seen twice.
    async with (
        Sandbox(mind, media=[media], honours_keys=False) as sandbox,
        Bucket(sandbox.pace) as bucket,
    ):
        variables = {**sandbox.environment(), **bucket.environment()}
        sys.stdout.write(f"{json.dumps(variables)}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
