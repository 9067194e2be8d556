"""`voicememo demo`: the whole system on embedded parts. No account, no key, nothing else to install."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final

import click

from console.errors import exit_on_errors
from console.exits import FAILED, exit_with
from console.printing import printer
from runtime.garbage import import_without_gc

_FIXTURES = Path(__file__).parents[2] / "fixtures"
_MARKER: Final = "made-by-voicememo-demo.txt"
_MARK: Final = "`voicememo demo` made this folder, and empties it when it runs again.\n"
_BROKER_PACKAGE: Final = "confluent_kafka"


@click.command(name="demo")
@click.option(
    "--folder",
    default="var/demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where recordings, log and store are left; what an earlier demo left there is deleted.",
)
def command(folder: Path) -> None:
    """Answer the fixture memos: Kafka in, voice memos out, every step shown.

    The broker is librdkafka's mock cluster; the upstreams are simulated on loopback, with local engines; archive and
    store are files. Exit status 1 when an event did not end as it should, or a reply is garbled.
    """
    if not _FIXTURES.is_dir():
        exit_with("The demo needs the fixtures folder: run it in a checkout of the project.", FAILED)
    try:
        demo = import_without_gc("console.demo.demo")
    except ModuleNotFoundError as error:
        if error.name != _BROKER_PACKAGE:
            raise
        exit_with("The demo needs an extra for its broker: pip install 'voicememo[demo]'.", FAILED)
    folder = folder.resolve()
    _empty(folder)
    with exit_on_errors(), (folder / "worker.log").open("w") as log:
        shortcomings = asyncio.run(demo.Demo(_FIXTURES, folder, printer()).run(log))
    if shortcomings:
        exit_with("\n".join(shortcomings), FAILED)


def _empty(folder: Path) -> None:
    """Make a folder, or empty it if it has the mark of an earlier demo. The folder itself stays: we may be in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content, marker = list(folder.iterdir()), folder / _MARKER
        if content and not (marker.is_file() and marker.read_text("utf-8", errors="replace") == _MARK):
            exit_with(
                f"{folder} is not empty, and has no {_MARKER}: choose another --folder, or delete it yourself.", FAILED
            )
        for each in content:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each != marker:  # it stays, should this be cut off
                each.unlink()
        marker.write_text(_MARK, "utf-8")
    except FileExistsError:
        exit_with(f"{folder} is no folder: choose another --folder.", FAILED)
    except OSError as error:
        exit_with(f"{folder} cannot be made or emptied ({error.strerror}): choose another --folder.", FAILED)
