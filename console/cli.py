"""The command line: `voicememo`. A command's module is imported when it is called, so that --help is there at once."""

from __future__ import annotations

import logging
import signal
from importlib.metadata import version

import click

from consumer.importing import imported

_COMMANDS = {
    "demo": "Answer the fixture memos on embedded parts, and show each step.",
    "run": "Run the worker.",
    "webhook": "Take Linq's webhooks, and put them on the topic.",
    "replay": "Put fixture events, or recordings, on the topic.",
    "show": "Tell a memo's story.",
    "failed": "List what waits for a person.",
    "reprocess": "Answer failed memos now, from ledger and archive.",
    "doctor": "Check settings and every upstream.",
    "purge": "Delete what is too old, or everything of one person.",
}
"""In the order in which a new user meets them."""
_INTERRUPTED = 128 + signal.SIGINT


class _Lazy(click.Group):
    """Knows its commands' names and one-line helps, and imports the rest when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (the signature is click's)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (the same)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = imported(f"console.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; one that somebody cuts off ends as a shell expects it, with nothing to be said about it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)  # the terminal has written ^C
            raise click.exceptions.Exit(_INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (the same)
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Configured by environment variables: docs/configuration.md, or `voicememo doctor`. "
    "Exit status: 0 done, 1 it failed, 2 wrong usage or configuration, 3 no such memo, "
    "4 already answered, 130 interrupted.",
)
@click.version_option(version("voicememo"), prog_name="voicememo")
def main() -> None:
    """Answer every iMessage voice memo with a voice memo."""
    # What libraries log is for the worker, which sets logging up; other commands say in their own words what is wrong.
    logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
