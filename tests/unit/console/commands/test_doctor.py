from __future__ import annotations

import json
from typing import TYPE_CHECKING

from console import checks
from console.checks import CheckVerdict
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from sandbox.broker import EmbeddedBroker
from tests.unit.console.calling import called, kept

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from consumer.settings import Settings

HEADING = "Set in the environment"


def _settings(folder: Path, **more: str) -> Settings:
    return load({**kept(folder), **more}, complete=False)


def test_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set it makes nothing where it runs, says what will be made there, and heads no empty list."""
    monkeypatch.chdir(tmp_path)
    result = called("doctor")
    assert result.exit_code == 1
    assert f"`voicememo run` will make {tmp_path / 'var' / 'voicememo.db'}" in result.stdout
    assert f"`voicememo run` will make {tmp_path / 'audio_files'}" in result.stdout
    assert HEADING not in result.stdout
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_made(tmp_path: Path) -> None:
    """A ledger and an archive that a worker could not make are wrong, by the names of their variables."""
    (tmp_path / "afile").touch()
    settings = _settings(tmp_path, STORE_URL=f"sqlite:{tmp_path}/afile/a.db", ARCHIVE_URL=f"file:{tmp_path}/afile/b")
    store, archive = await checks._store(settings), await checks._archive(settings)
    assert [each.verdict for each in (store, archive)] == [CheckVerdict.WRONG] * 2
    assert store.words == f"{tmp_path}/afile/a.db cannot be made: Not a directory: see STORE_URL"
    assert archive.words == f"{tmp_path}/afile/b cannot be made: Not a directory: see ARCHIVE_URL"


async def test_a_ledger_that_is_none(tmp_path: Path) -> None:
    """A file that is no database is wrong, by its name and that of the variable."""
    (tmp_path / "voicememo.db").write_text("garbage\n")
    finding = await checks._store(_settings(tmp_path))
    words = f"SQLite: {tmp_path / 'voicememo.db'} is no database, or is damaged: see STORE_URL"
    assert (finding.verdict, finding.words) == (CheckVerdict.WRONG, words)


def test_programs_are_reported_of_bad_variables() -> None:
    """With --json a variable that cannot be read is reported as a finding, in the one object, with exit status 2."""
    result = called("doctor", "--json", WORKER_CONCURRENCY="0", KAFKA_TOPIC="a topic")
    told = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (2, "")
    assert {(each["part"], each["verdict"]) for each in told["findings"]} == {
        ("WORKER_CONCURRENCY", "wrong"),
        ("KAFKA_TOPIC", "wrong"),
    }


async def test_both_topics_are_looked_for(tmp_path: Path) -> None:
    """A dead-letter topic that is not there is wrong, by the name of its variable; with both there all is well."""
    with EmbeddedBroker() as broker:
        settings = _settings(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers)
        publisher = KafkaPublisher(settings.kafka.login())
        try:
            # The embedded broker makes a topic when it is first spoken of.
            await publisher.publish(settings.kafka.topic, key=None, value=b"{}")
            without = await checks._kafka(settings)
            await publisher.publish(settings.kafka.dead_letter_topic, key=None, value=b"{}")
        finally:
            await publisher.close()
        both = await checks._kafka(settings)
    words = "reached, but there is no topic message.received.dead: create it, or set KAFKA_DEAD_LETTER_TOPIC"
    assert (without.verdict, without.words) == (CheckVerdict.WRONG, words)
    assert (both.verdict, both.words) == (
        CheckVerdict.GOOD,
        "topics message.received, 4 partitions; message.received.dead, 4 partitions",
    )
