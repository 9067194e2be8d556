"""The sandbox: all simulated upstreams behind one loopback port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aiohttp import web

from sandbox import control
from sandbox.fault_injection import fault_middleware
from sandbox.faults import Faults
from sandbox.pace import Speeds
from sandbox.upstreams import cartesia, elevenlabs, huggingface, linq, openai, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.mind import Mind
    from sandbox.upstreams.series import Sent

# Keys to nothing but the sandbox.
SERIES_KEY, LINQ_KEY = "sandbox-series", "sandbox-linq"
HF_TOKEN, OPENAI_KEY = "hf_sandbox", "sandbox-openai"
ELEVENLABS_KEY, CARTESIA_KEY = "sandbox-eleven", "sandbox-cartesia"
_LONGEST_BODY_BYTES = 64 * 1024 * 1024
_LANGUAGES = ("en", "fr", "es", "de", "hi", "it", "pt", "zh", "ja", "ar")
_VOICES = ",".join(["default=voice-en", *(f"{language}=voice-{language}" for language in _LANGUAGES)])


class Sandbox:
    """A server that runs while its block does; folders of `media` are served under /media/.

    Unless it `honours_keys`, the Series API ignores idempotency keys. Port 0 is any that is free.
    """

    def __init__(
        self,
        mind: Mind,
        *,
        media: Sequence[Path] = (),
        honours_keys: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.mind = mind
        self.faults = Faults()
        self.pace = Speeds()
        self.series = series.SeriesState(media, honours_keys=honours_keys)
        self.linq = linq.LinqState(self.series)
        self._host = host
        self._port = port
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def sent(self) -> list[Sent]:
        """Messages sent through the Series API and Linq v3, in order."""
        return self.series.sent

    @property
    def url(self) -> str:
        """The base URL, while it runs."""
        if self._runner is None:
            raise RuntimeError("the sandbox is not running")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point voicememo here, without those of openai_environment()."""
        return {
            "SERIES_API_URL": self.url,
            "SERIES_API_KEY": SERIES_KEY,
            "SERIES_SENDER_NUMBER": "+15550109999",
            "HF_TOKEN": HF_TOKEN,
            "HF_WHISPER_URL": f"{self.url}/hf-inference/models/openai/whisper-large-v3-turbo",
            "HF_LLAMA_URL": f"{self.url}/v1",
            "ELEVENLABS_API_KEY": ELEVENLABS_KEY,
            "ELEVENLABS_BASE_URL": self.url,
            "ELEVENLABS_VOICES": _VOICES,
            "CARTESIA_API_KEY": CARTESIA_KEY,
            "CARTESIA_BASE_URL": self.url,
            "CARTESIA_VOICES": _VOICES,
        }

    def linq_environment(self) -> dict[str, str]:
        """Return the variables that point voicememo here, with Linq v3 instead of the Series API."""
        others = {name: value for name, value in self.environment().items() if not name.startswith("SERIES_API_")}
        return {
            **others,
            "MESSENGER": "linq",
            "LINQ_API_URL": f"{self.url}{linq.PREFIX}",
            "LINQ_API_KEY": LINQ_KEY,
            "LINQ_MEDIA_HOSTS": "127.0.0.1",
        }

    def openai_environment(self) -> dict[str, str]:
        """Return the variables that add the rung openai to each ladder."""
        return {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{self.url}/openai/v1", "OPENAI_VOICES": _VOICES}

    async def __aenter__(self) -> Self:
        middlewares = [fault_middleware(self.faults, self._closing), self.pace.delay]
        app = web.Application(middlewares=middlewares, client_max_size=_LONGEST_BODY_BYTES)
        app.add_routes(series.routes(self.series, key=SERIES_KEY))
        app.add_routes(linq.routes(self.linq, key=LINQ_KEY))
        keys = {huggingface: HF_TOKEN, elevenlabs: ELEVENLABS_KEY, cartesia: CARTESIA_KEY, openai: OPENAI_KEY}
        for vendor, key in keys.items():
            app.add_routes(vendor.routes(self.mind, self.pace, key=key))
        app.add_routes(control.routes(self.series, self.faults, self.pace))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
