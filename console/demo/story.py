"""What the demo prints: each event, its voices, and a summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from console.printing import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from console.demo.recognise import RecognitionScore, SpokenReply
    from console.follow import EventOutcome
    from sandbox.app import Sandbox
    from storage.ledger import Step, Story

_STYLES = {"answered": "bold green", "apologised": "yellow", "ignored": "dim", "dead": "magenta", "failed": "bold red"}
_MAIN_STAGES = ("fetch", "decode", "hear", "read", "answer", "speak", "deliver")
_NAME_COLUMNS, _FACT_COLUMNS, _VOICE_COLUMNS = 44, 8, 14


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """How one event ended, and how it should have."""

    name: str
    followed: EventOutcome
    expected: Mapping[str, str]
    repeats: str | None = None  # an earlier event of the same memo: nothing is done again

    @property
    def as_expected(self) -> bool:
        """Whether outcome and reason are the expected ones."""
        return (self.followed.outcome, self.followed.reason) == (self.expected["outcome"], self.expected.get("reason"))


def repeat_of(followed: EventOutcome, earlier: Sequence[DemoEvent]) -> str | None:
    """Return the name of an earlier event of the same memo, if there is one."""
    if followed.story is None:
        return None
    stories = ((event.name, event.followed.story) for event in earlier)
    return next((name for name, story in stories if story is not None and story.key == followed.story.key), None)


def heading(broker: str, upstreams: str, folder: Path) -> RenderableType:
    """List the parts."""
    parts = {
        "broker": f"{broker} (librdkafka's mock cluster, in this process)",
        "upstreams": f"{upstreams} (simulated Series API, Hugging Face, ElevenLabs, Cartesia)",
        "archive": str(_near(folder / "archive")),
    }
    entries = (Entry(Text(f"  {name}"), Text(what), 13) for name, what in parts.items())
    return Group(Text("voicememo demo", style="bold"), *entries, Text(""))


def event_report(event: DemoEvent) -> RenderableType:
    """Report how one event ended, and its memo's story."""
    followed = event.followed
    repeat = f"(a repeat of {event.repeats}: nothing goes out again)" if event.repeats else ""
    style = _STYLES.get(followed.outcome, "bold red")
    outcome = Text.assemble((followed.outcome, style), f"  {followed.reason or repeat}")
    lines: list[RenderableType] = [Entry(Text(event.name, "bold"), outcome, _NAME_COLUMNS)]
    if not event.as_expected:
        expected = " ".join(filter(None, (event.expected["outcome"], event.expected.get("reason"))))
        lines.append(Text(f"  should have been {expected}", style="bold red"))
    if followed.story is not None and not event.repeats:
        lines += [*_facts(followed.story), Text("")]
    return Group(*lines)


def _facts(story: Story) -> Iterator[Entry]:
    facts = story.facts
    for label, name in {"read": "written", "heard": "transcript"}.items():
        if facts.get(name):
            yield _fact(label, Text(f"[{facts.get('language')}] {facts[name]}"))
    if facts.get("said"):
        yield _fact("said", Text(str(facts["said"])))
    yield _fact("steps", _stages(story.steps))
    if kept := [str(facts[key]) for key in ("original", "wav", "spoken") if facts.get(key)]:
        yield _fact("kept", Text("\n".join(kept), "dim"))


def _fact(label: str, text: Text) -> Entry:
    return Entry(Text(f"  {label}", "cyan"), text, _FACT_COLUMNS)


def _stages(steps: Sequence[Step]) -> Text:
    text = Text()
    for step in steps:
        if step.stage not in _MAIN_STAGES:
            continue
        if text:
            text.append(" · ")
        rung = f" {step.rung}" if step.rung else ""
        error = f" ✗ {step.error}" if step.error else ""
        text.append(f"{step.stage}{rung} {step.seconds * 1000:.0f} ms{error}", style="red" if step.error else "")
    return text


def recognition_report(chosen: Mapping[str, SpokenReply], recognitions: Sequence[RecognitionScore]) -> RenderableType:
    """Report for each voice how well its reply was recognised."""
    by_rung = {each.reply.rung: each for each in recognitions}
    return Group(
        Text(""),
        Text("Each voice's longest English reply, as it was sent, recognised again by the local engine:", style="bold"),
        *(_recognised(reply, by_rung.get(rung)) for rung, reply in chosen.items()),
        Text(""),
    )


def _recognised(reply: SpokenReply, found: RecognitionScore | None) -> Entry:
    rung = Text(f"  {reply.rung}", "cyan")
    if found is None:
        short = Text("says too little to be judged by its words: see docs/quality.md", "dim")
        return Entry(rung, short, _VOICE_COLUMNS)
    verdict = ("shares its words", "green") if found.shares_its_words else ("is garbled      ", "bold red")
    rate = f"word-error rate {found.rate:5.1f} %  of {found.words:>2} words  "
    return Entry(rung, Text.assemble(rate, verdict, (f"  {reply.file}", "dim")), _VOICE_COLUMNS)


def summary(events: Sequence[DemoEvent], sandbox: Sandbox, *, scripted: int, folder: Path) -> RenderableType:
    """Count the outcomes and the voices, and list where to look and listen."""
    outcomes = Counter("repeated" if event.repeats else event.followed.outcome for event in events)
    memos = outcomes["answered"] + outcomes["apologised"]
    voices = sum(sent.audio is not None for sent in sandbox.sent)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return Group(
        Text(f"{len(events)} events: {counted}", style="bold"),
        Text(f"{voices} of {len(sandbox.sent)} replies to {memos} memos went out as voice."),
        Text(
            f"English was recognised by the local engine, which knows no other language: the simulated Whisper was"
            f" given the scripts of {scripted} recordings."
        ),
        Entry(Text("Listen:"), Text(f"{_near(folder / 'archive')}/tts_response_*.m4a"), 10),
        Entry(Text("The log:"), Text(f"{_near(folder)}/worker.log"), 10),
    )


def _near(path: Path) -> Path:
    here = path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
