"""The command line: `voicememo`. A command is imported when it is called, so that --help is there at once."""

from __future__ import annotations

import logging
from importlib.metadata import version

import click

from console.exits import INTERRUPTED, MEANINGS
from runtime.garbage import import_without_gc

_COMMANDS = {
    "demo": "Answer the fixture memos on embedded parts, and show each step.",
    "run": "Run the worker.",
    "webhook": "Receive Linq's webhooks, and put them on the topic.",
    "replay": "Put fixture events, or recordings, on the topic.",
    "show": "Show a memo's story.",
    "failed": "List memos that failed or wait, and unreadable events.",
    "reprocess": "Answer failed memos now, from ledger and archive.",
    "doctor": "Check settings and every upstream.",
    "purge": "Delete what is too old, or everything of one person.",
}
"""Commands and their help, in the order in which a new user meets them."""


class _LazyGroup(click.Group):
    """Knows its commands' names and one-line helps, and imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (the signature is click's)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (the same)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_without_gc(f"console.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)  # the terminal has written ^C
            raise click.exceptions.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (the same)
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Configured by environment variables: docs/configuration.md, or `voicememo doctor`. "
    f"Exit status: {', '.join(f'{status} {meaning}' for status, meaning in MEANINGS.items())}.",
)
@click.version_option(version("voicememo"), prog_name="voicememo")
def main() -> None:
    """Answer every iMessage voice memo with a voice memo."""
    # Libraries' logs are for the worker, which sets logging up; other commands print what is wrong themselves.
    logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
