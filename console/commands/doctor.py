"""`voicememo doctor`: check the settings and every upstream."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.checks import CheckVerdict, Finding, examine
from console.errors import exit_on_errors
from console.exits import FAILED, MISUSED
from console.printing import Entry, json_option, print_json, printer
from consumer.settings import Settings, load
from runtime.settings.environment import unknown_variables
from runtime.settings.faults import ConfigurationError
from runtime.settings.variables import redacted_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_STYLES = {
    CheckVerdict.GOOD: "bold green",
    CheckVerdict.LEFT_OUT: "yellow",
    CheckVerdict.UNKNOWN: "yellow",
    CheckVerdict.WRONG: "bold red",
}


@click.command(name="doctor")
@json_option(help="For programs: one JSON object.")
def command(as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Check the settings and every upstream, and print what to do about what is wrong.

    Each upstream gets a request that is free or next to free; no message is sent. Secrets are shown as (set). Exit
    status 1 when something is wrong, 2 when a variable cannot be read at all.
    """
    unknown = [
        Finding(fault.variable, CheckVerdict.UNKNOWN, fault.advice) for fault in unknown_variables(Settings, os.environ)
    ]
    with exit_on_errors():
        try:
            settings = load(os.environ, complete=False)
        except ConfigurationError as error:
            if not as_json:
                raise
            faults = [Finding(fault.variable, CheckVerdict.WRONG, fault.advice) for fault in error.faults]
            _print_json([], [*faults, *unknown])
            raise click.exceptions.Exit(MISUSED) from error
        findings = [*asyncio.run(examine(settings)), *unknown]
    if as_json:
        _print_json(redacted_values(settings), findings)
    else:
        _print(settings, findings, printer())
    if any(each.verdict is CheckVerdict.WRONG for each in findings):
        raise click.exceptions.Exit(FAILED)


def _print_json(values: Iterable[tuple[str, str, bool]], findings: Iterable[Finding]) -> None:
    shown = {name: value for name, value, _ in values}
    print_json({"settings": shown, "findings": [asdict(each) for each in findings]})


def _print(settings: Settings, findings: Sequence[Finding], console: Console) -> None:
    indent = max(len(each.part) for each in findings)
    for each in findings:
        verdict = f"{each.verdict.value:<8}  "
        label = Text.assemble((verdict, _STYLES[each.verdict]), each.part.ljust(indent))
        console.print(Entry(label, Text(each.words)), crop=False)
    console.print()
    values = [(name, value) for name, value, is_default in redacted_values(settings) if not is_default]
    if values:
        console.print(Text("Set in the environment (for the defaults of others see docs/configuration.md):", "bold"))
        indent = max(len(name) for name, _ in values)
        for name, value in values:
            console.print(Entry(Text(name.ljust(indent)), Text(value)), crop=False)
        console.print()
    wrong = sum(each.verdict is CheckVerdict.WRONG for each in findings)
    verdict = f"{wrong} to put right." if wrong else "All is well: `voicememo run` can start."
    console.print(Text(verdict, style="bold red" if wrong else "bold green"))
