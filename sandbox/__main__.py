"""`python -m sandbox`: the simulated upstreams as a process of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import click

from sandbox.app import Sandbox
from sandbox.mind import Mind, ScriptedMind, engine_mind

_FIXTURES = Path(__file__).parent.parent / "fixtures"


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Listen here; beyond loopback only in a closed network."
)
@click.option(
    "--port", default=9099, show_default=True, type=click.IntRange(0, 65_535), help="Listen here; 0 for any free port."
)
@click.option(
    "--media",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve this folder under /media/; may be repeated. [default: the fixture memos]",
)
@click.option("--scripted", is_flag=True, help="Use instant, scripted models instead of local engines.")
@click.option("--linq", is_flag=True, help="Print the variables for Linq v3 instead of those for the Series API.")
def main(host: str, port: int, media: tuple[Path, ...], scripted: bool, linq: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Simulate the Series API, Linq v3, Hugging Face, ElevenLabs, Cartesia and OpenAI on one port.

    Prints the variables that point voicememo here, as `export` lines. Runs until SIGTERM or SIGINT.
    """
    folders = media or (_FIXTURES / "memos", _FIXTURES / "broken")
    asyncio.run(_serve(host, port, folders, scripted=scripted, linq=linq))


async def _serve(host: str, port: int, media: tuple[Path, ...], *, scripted: bool, linq: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    mind: Mind = ScriptedMind() if scripted else await engine_mind(_FIXTURES)
    async with AsyncExitStack() as closing:
        try:
            sandbox = await closing.enter_async_context(Sandbox(mind, media=media, host=host, port=port))
        except OSError as error:
            sys.exit(f"sandbox: cannot listen on {host}, port {port} ({_why(error)}): see --host and --port")
        variables = sandbox.linq_environment() if linq else sandbox.environment()
        # All at once, so that a file that this goes to is either empty or complete.
        click.echo("\n".join(f"export {name}={value}" for name, value in variables.items()))
        await stop.wait()


def _why(error: OSError) -> str:
    """Return the system's words, without the address that asyncio adds to them; an unknown host has its own."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or type(error).__name__
    return os.strerror(error.errno).lower()


if __name__ == "__main__":
    main()
