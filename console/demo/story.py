"""How the demo tells what happened: beautiful on a terminal, plain in a pipe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from console.demo.recognise import Recognised, Reply
    from console.follow import Followed
    from sandbox.app import Sandbox
    from storage.ledger import Step, Story

_STYLES = {"answered": "bold green", "apologised": "yellow", "ignored": "dim", "dead": "magenta", "failed": "bold red"}
_MAIN_LINE = ("fetch", "decode", "hear", "read", "answer", "speak", "deliver")


@dataclass(frozen=True, slots=True)
class Account:
    """One event of the demo: how it ended, and how it should."""

    name: str
    followed: Followed
    expected: Mapping[str, str]
    repeats: str | None = None
    """Which event before it told of the same memo: the ledger knows its end, and nothing is done again."""

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should, for the reason that it should."""
        return (self.followed.outcome, self.followed.reason) == (self.expected["outcome"], self.expected.get("reason"))


def repeated(followed: Followed, before: Sequence[Account]) -> str | None:
    """Say which event before it had the same memo, if one had."""
    if followed.story is None:
        return None
    stories = ((account.name, account.followed.story) for account in before)
    return next((name for name, story in stories if story is not None and story.key == followed.story.key), None)


def opening(broker: str, upstreams: str, folder: Path) -> RenderableType:
    """Say what runs."""
    return Group(
        Text("voicememo demo", style="bold"),
        Text(f"  broker     {broker} (librdkafka's mock cluster, in this process)"),
        Text(f"  upstreams  {upstreams} (simulated Series API, Hugging Face, ElevenLabs, Cartesia)"),
        Text(f"  kept in    {folder}"),
        Text(""),
    )


def telling(account: Account, folder: Path) -> RenderableType:
    """Tell of one event."""
    followed = account.followed
    repeat = f"(a repeat of {account.repeats}: nothing goes out again)" if account.repeats else ""
    title = Text.assemble(
        (f"{account.name:<44}", "bold"),
        (followed.outcome, _STYLES.get(followed.outcome, "bold red")),
        f"  {followed.reason or repeat}",
    )
    lines: list[RenderableType] = [title]
    if not account.as_expected:
        lines.append(Text(f"  should have been {dict(account.expected)}", style="bold red"))
    if followed.story is not None and not account.repeats:
        lines.append(Padding(_told(followed.story, folder), (0, 0, 0, 2)))
    return Group(*lines)


def _told(story: Story, folder: Path) -> RenderableType:
    facts = story.facts
    lines = []
    if facts.get("written"):
        lines.append(Text.assemble(("read  ", "cyan"), f"[{facts.get('language')}] {facts['written']}"))
    if facts.get("transcript"):
        lines.append(Text.assemble(("heard ", "cyan"), f"[{facts.get('language')}] {facts['transcript']}"))
    if facts.get("said"):
        lines.append(Text.assemble(("said  ", "cyan"), str(facts["said"])))
    lines.append(Text.assemble(("steps ", "cyan"), _stages(story.steps)))
    kept = [str(facts[key]) for key in ("original", "wav", "spoken") if facts.get(key)]
    lines.extend(Text.assemble(("kept  ", "cyan"), (str(_near(folder / "archive" / each)), "dim")) for each in kept)
    return Group(*lines, Text(""))


def _stages(steps: Sequence[Step]) -> Text:
    """Put the main line on one line: each stage, its rung, its milliseconds, and what fell on the way."""
    text = Text()
    for step in steps:
        if step.stage not in _MAIN_LINE:
            continue
        if text:
            text.append(" · ")
        rung = f" {step.rung}" if step.rung else ""
        fallen = f" ✗ {step.error}" if step.error else ""
        text.append(f"{step.stage}{rung} {step.seconds * 1000:.0f} ms{fallen}", style="red" if step.error else "")
    return text


def understanding(chosen: Mapping[str, Reply], heard: Sequence[Recognised]) -> RenderableType:
    """Say of each voice how well its reply was understood: a line each."""
    by_rung = {each.reply.rung: each for each in heard}
    return Group(
        Text(""),
        Text("Each voice's longest English reply, as it was sent, recognised again by the local engine:", style="bold"),
        *(_understood(reply, by_rung.get(rung)) for rung, reply in chosen.items()),
        Text(""),
    )


def _understood(reply: Reply, heard: Recognised | None) -> Text:
    rung = (f"  {reply.rung:<11} ", "cyan")
    if heard is None:
        return Text.assemble(rung, ("says too little to be judged by its words: see docs/quality.md", "dim"))
    verdict = ("shares its words", "green") if heard.shares_its_words else ("is garbled      ", "bold red")
    rate = f"word-error rate {heard.rate:5.1f} %  of {heard.words:>2} words  "
    return Text.assemble(rung, rate, verdict, (f"  {reply.file}", "dim"))


def summary(accounts: Sequence[Account], sandbox: Sandbox, *, scripted: int, folder: Path) -> RenderableType:
    """Sum it up."""
    outcomes = Counter("repeated" if account.repeats else account.followed.outcome for account in accounts)
    memos = outcomes["answered"] + outcomes["apologised"]
    voices = sum(sent.audio is not None for sent in sandbox.sent)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    lines = [
        Text(f"{len(accounts)} events: {counted}", style="bold"),
        Text(f"{voices} of {len(sandbox.sent)} replies to {memos} memos went out as voice."),
        Text(
            f"English was recognised by the local engine; {scripted} recordings in languages that it does not know were"
            " given their own script by the simulated Whisper."
        ),
        Text(f"Listen:   {_near(folder / 'archive')}/tts_response_*.m4a"),
        Text(f"The log:  {_near(folder)}/worker.log"),
    ]
    return Group(*lines)


def _near(path: Path) -> Path:
    """Name a path from where we stand, if it lies below."""
    here = path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
