from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumer.settings import CompleteSettings, Settings, load
from consumer.settings.kafka import KafkaSettings
from consumer.settings.worker import WorkerSettings
from runtime.settings.environment import read
from runtime.settings.faults import ConfigurationError
from runtime.settings.variables import redacted_values, secrets_of, variables, written_as_variable
from tests.harness.paths import ROOT
from tests.unit.runtime.settings.reading import faults, one_fault, values
from tests.write_docs import example_env, reference_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runtime.settings.groups import Group

NEEDED = {"SERIES_API_URL": "https://api.example.com", "SERIES_API_KEY": "the-series-key"}
SECRETS = (
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "WEBHOOK_SECRETS",
    "SERIES_API_KEY",
    "LINQ_API_KEY",
    "HF_TOKEN",
    "ELEVENLABS_API_KEY",
    "CARTESIA_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_TRANSCRIBE_KEY",
    "OPENAI_CHAT_KEY",
    "OPENAI_SPEECH_KEY",
    "ARCHIVE_USER_KEY",
    "SUPABASE_KEY",
    "SUPABASE_ANON_KEY",
)
CONTRACT = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "KAFKA_TOPIC": "message.received",
    "KAFKA_GROUP_ID": "voicememo",
    "KAFKA_CLIENT_ID": "voicememo",
    "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "",
    "KAFKA_SASL_PASSWORD": "",
    "KAFKA_AUTO_OFFSET_RESET": "earliest",
    "KAFKA_SESSION_SECONDS": "30",
    "KAFKA_DEAD_LETTER_TOPIC": "message.received.dead",
    "WEBHOOK_SECRETS": "",
    "WEBHOOK_HOST": "127.0.0.1",
    "WEBHOOK_PORT": "8081",
    "WEBHOOK_PATH": "/webhook",
    "WEBHOOK_TOLERANCE_SECONDS": "300",
    "MESSENGER": "series",
    "SERIES_API_URL": "",
    "SERIES_API_KEY": "",
    "SERIES_SENDER_NUMBER": "",
    "SERIES_MEDIA_HOSTS": "",
    "LINQ_API_URL": "https://api.linqapp.com/api/partner",
    "LINQ_API_KEY": "",
    "LINQ_MEDIA_HOSTS": "cdn.linqapp.com",
    "HF_TOKEN": "",
    "HF_WHISPER_MODEL": "openai/whisper-large-v3-turbo",
    "HF_LLAMA_MODEL": "meta-llama/Llama-3.2-3B-Instruct",
    "HF_WHISPER_URL": "",
    "HF_LLAMA_URL": "",
    "ELEVENLABS_API_KEY": "",
    "ELEVENLABS_BASE_URL": "",
    "ELEVENLABS_MODEL": "eleven_flash_v2_5",
    "ELEVENLABS_VOICES": "",
    "CARTESIA_API_KEY": "",
    "CARTESIA_BASE_URL": "",
    "CARTESIA_MODEL": "sonic-3",
    "CARTESIA_VOICES": "",
    "OPENAI_API_KEY": "",
    "OPENAI_BASE_URL": "",
    "OPENAI_TRANSCRIBE_MODEL": "whisper-1",
    "OPENAI_CHAT_MODEL": "gpt-4o-mini",
    "OPENAI_SPEECH_MODEL": "gpt-4o-mini-tts",
    "OPENAI_VOICES": "",
    "OPENAI_TRANSCRIBE_URL": "",
    "OPENAI_TRANSCRIBE_KEY": "",
    "OPENAI_CHAT_URL": "",
    "OPENAI_CHAT_KEY": "",
    "OPENAI_SPEECH_URL": "",
    "OPENAI_SPEECH_KEY": "",
    "TRANSCRIBERS": "huggingface,openai,scribe,local",
    "REPLIERS": "huggingface,openai,canned",
    "SYNTHESIZERS": "elevenlabs,cartesia,openai,local,clip",
    "ARCHIVE_URL": "file:audio_files",
    "ARCHIVE_SSE": "none",
    "ARCHIVE_USER": "pseudonym",
    "ARCHIVE_USER_KEY": "",
    "ARCHIVE_SPOOL": "var/owed",
    "ARCHIVE_SPOOL_BYTES": "1073741824",
    "STORE_URL": "sqlite:var/voicememo.db",
    "SUPABASE_URL": "",
    "SUPABASE_KEY": "",
    "SUPABASE_ANON_KEY": "",
    "RETENTION_DAYS": "30",
    "LEDGER_DAYS": "365",
    "DEFAULT_LANGUAGE": "en",
    "ANSWER_TEXT_MESSAGES": "false",
    "WORKER_CONCURRENCY": "64",
    "REPLY_DEADLINE_SECONDS": "30",
    "DRAIN_SECONDS": "25",
    "RETRY_FOR_SECONDS": "900",
    "LEASE_SECONDS": "30",
    "RESEND_UNKNOWN": "true",
    "MAX_MEMO_BYTES": "26214400",
    "MAX_MEMO_SECONDS": "1800",
    "FFMPEG": "",
    "VITALS_HOST": "127.0.0.1",
    "VITALS_PORT": "8080",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "auto",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
}


def told(environ: Mapping[str, str], *, complete: bool = False) -> dict[str, str]:
    """Load what has faults; return the advice by variable."""
    return faults(CompleteSettings if complete else Settings, environ)


@pytest.mark.parametrize(
    ("group", "variable", "text", "advice"),
    [
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "localhost", "localhost is not HOST:PORT"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "localhost:0", "is not HOST:PORT"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:70000", "b:70000 is not HOST:PORT"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:9092,,b:9092", "has an empty entry"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "me:word@broker:9092", "the value is not HOST:PORT"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "broker:9092/path", "is not HOST:PORT"),
        (KafkaSettings, "KAFKA_TOPIC", "a topic", "is no topic name"),
        (KafkaSettings, "KAFKA_TOPIC", "..", "is no topic name"),
        (KafkaSettings, "KAFKA_DEAD_LETTER_TOPIC", "message.received", "must be another topic than KAFKA_TOPIC"),
        (KafkaSettings, "KAFKA_SECURITY_PROTOCOL", "TLS", "TLS is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        (KafkaSettings, "KAFKA_SASL_MECHANISM", "GSSAPI", "is not one of PLAIN"),
        (KafkaSettings, "KAFKA_AUTO_OFFSET_RESET", "none", "is not one of earliest, latest"),
        (WorkerSettings, "DEFAULT_LANGUAGE", "en-GB", "is no primary language subtag"),
        (WorkerSettings, "ANSWER_TEXT_MESSAGES", "perhaps", "perhaps is neither true nor false"),
        (WorkerSettings, "REPLY_DEADLINE_SECONDS", "nan", "is not a number of seconds between 1 and 600"),
        (WorkerSettings, "REPLY_DEADLINE_SECONDS", "0.5", "0.5 is not between 1 and 600 seconds"),
        (WorkerSettings, "REPLY_DEADLINE_SECONDS", "٣٠", "is not a number of seconds"),
        (WorkerSettings, "DRAIN_SECONDS", "-1", "-1 is not a number of seconds between 0 and 300"),
        (WorkerSettings, "RETRY_FOR_SECONDS", "", "must not be empty"),
        (WorkerSettings, "MAX_MEMO_BYTES", "1e6", "1e6 is not a whole number"),
        (WorkerSettings, "MAX_MEMO_BYTES", "9" * 5000, "… is not a whole number"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(group: type[Group], variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(group, variable, text)


@pytest.mark.parametrize(
    ("group", "variable", "text", "value"),
    [
        (
            KafkaSettings,
            "KAFKA_BOOTSTRAP_SERVERS",
            "a.example:9092, [::1]:9093",
            ("a.example:9092", "[::1]:9093"),
        ),
        (KafkaSettings, "KAFKA_SECURITY_PROTOCOL", "ssl", "SSL"),
        (WorkerSettings, "ANSWER_TEXT_MESSAGES", "True", True),
        (WorkerSettings, "DRAIN_SECONDS", "2.5", 2.5),
        (WorkerSettings, "WORKER_CONCURRENCY", " 8 ", 8),
        (WorkerSettings, "FFMPEG", "/usr/bin/ffmpeg", "/usr/bin/ffmpeg"),
    ],
)
def test_a_value_is_parsed_once_and_for_all(group: type[Group], variable: str, text: str, value: object) -> None:
    """Whoever uses a setting finds it as a value of its own type, and the shown value reads back as the same."""
    found = values(read(group, {variable: text}))
    assert found[variable] == value
    assert values(read(group, {variable: written_as_variable(value)})) == found


def test_names_and_defaults_are_those_of_the_contract() -> None:
    """Every variable of the contract is there, by its name, with its default, and there is no other."""
    settings = load({}, complete=False)
    assert {name: text for name, text, _ in redacted_values(settings)} == CONTRACT


def test_every_default_can_be_written_out() -> None:
    """A default that is set explicitly gives the same settings as one that is left out."""
    explicit = {name: text for name, text in CONTRACT.items() if text}
    assert values(load(explicit, complete=False)) == values(load({}, complete=False))


def test_run_needs_the_series_api() -> None:
    """What `run` cannot do without is a fault for it; elsewhere `missing()` lists it."""
    assert list(told({}, complete=True)) == ["SERIES_API_URL", "SERIES_API_KEY"]
    assert [fault.variable for fault in load({}, complete=False).missing()] == ["SERIES_API_URL", "SERIES_API_KEY"]
    assert load(NEEDED).missing() == ()


def test_all_faults_come_at_once_in_the_order_of_the_table() -> None:
    """An operator sees everything that is wrong in one go, a line each."""
    environ = {"VITALS_PORT": "http", "KAFKA_GROUP_ID": "", "WORKER_CONCURRENCY": "0", "SERIES_API_URL": "api"}
    with pytest.raises(ConfigurationError) as caught:
        load(environ)
    assert str(caught.value).splitlines() == [
        "KAFKA_GROUP_ID: must not be empty",
        "SERIES_API_URL: must be a URL such as https://api.example.com",
        "SERIES_API_KEY: is needed: the Bearer key of the Series API",
        "WORKER_CONCURRENCY: 0 is not between 1 and 1024",
        "VITALS_PORT: http is not a whole number between 0 and 65535",
    ]


@pytest.mark.parametrize("variable", [name for name, default in CONTRACT.items() if not default])
def test_an_empty_variable_without_default_counts_as_not_set(variable: str) -> None:
    """A line such as HF_TOKEN= in an env file means that there is none."""
    assert values(load({variable: "  "}, complete=False)) == values(load({}, complete=False))


def test_sasl_needs_user_and_password() -> None:
    """A protocol with SASL cannot go without credentials."""
    missing = told({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    assert list(missing) == ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"]
    load(
        {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"}, complete=False
    )


def test_no_memo_is_tried_for_longer_than_it_is_kept() -> None:
    """The ledger must still know a memo while it is being tried."""
    assert list(told({"RETRY_FOR_SECONDS": "86400", "RETENTION_DAYS": "1"})) == ["RETRY_FOR_SECONDS"]
    load({"RETRY_FOR_SECONDS": "86400", "RETENTION_DAYS": "2"}, complete=False)


@given(
    drain=st.floats(0, 300, allow_subnormal=False).map(lambda seconds: round(seconds, 3)),
    deadline=st.floats(1, 600).map(lambda seconds: round(seconds, 3)),
)
def test_the_times_agree_whatever_is_set(drain: float, deadline: float) -> None:
    """A rebalance outlasts a drain, staleness outlasts a rebalance, and a send ends inside a lease's remainder."""
    settings = load(
        {"DRAIN_SECONDS": f"{drain:.3f}", "REPLY_DEADLINE_SECONDS": f"{deadline:.3f}"}, complete=False
    ).worker
    assert settings.drain_seconds < settings.rebalance_timeout_seconds < settings.stale_after_seconds
    assert settings.drain_seconds + settings.cancel_seconds < settings.rebalance_timeout_seconds
    assert settings.lease_seconds / 3 + settings.send_seconds < settings.lease_seconds
    assert settings.send_seconds < settings.cancel_seconds
    assert 0 < settings.send_seconds <= settings.reply_deadline_seconds


def test_a_ladder_without_any_configured_rung_cannot_run() -> None:
    """If no rung of a ladder is configured, `run` refuses and says what each would need."""
    environ = NEEDED | {"SYNTHESIZERS": "cartesia,elevenlabs"}
    assert told(environ, complete=True) == {
        "SYNTHESIZERS": "leaves no rung that is configured: "
        "cartesia needs CARTESIA_API_KEY, elevenlabs needs ELEVENLABS_API_KEY"
    }
    load(environ, complete=False)


def test_pseudonyms_have_a_secret_of_their_own_or_a_derived_one() -> None:
    """The pseudonym key is ARCHIVE_USER_KEY, else derived from the API key without revealing it, else a fault."""
    derived = load(NEEDED).pseudonym_key
    assert derived is not None
    assert len(derived) == hashlib.sha256().digest_size
    assert derived == load(NEEDED).pseudonym_key
    assert derived != load(NEEDED | {"SERIES_API_KEY": "another"}).pseudonym_key
    assert load(NEEDED | {"ARCHIVE_USER_KEY": "own"}).pseudonym_key == b"own"
    assert derived == load(NEEDED | {"MESSENGER": "linq", "LINQ_API_KEY": "another"}).pseudonym_key
    assert derived == load({"MESSENGER": "linq", "LINQ_API_KEY": NEEDED["SERIES_API_KEY"]}).pseudonym_key
    assert load(NEEDED | {"ARCHIVE_USER": "phone"}).pseudonym_key is None
    with pytest.raises(ConfigurationError, match="SERIES_API_KEY"):
        _ = load({}, complete=False).pseudonym_key


def test_settings_cannot_be_changed() -> None:
    """Settings are read once and cannot be changed afterwards."""
    settings = load({}, complete=False)
    with pytest.raises(ValidationError):
        setattr(settings, "kafka", None)  # noqa: B010 (mypy knows that it is read-only)
    with pytest.raises(ValidationError):
        setattr(settings.kafka, "topic", "other")  # noqa: B010 (mypy knows that it is read-only)


def test_only_the_given_mapping_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the process environment nor a .env file changes what load() gives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKA_TOPIC", "from.the.process")
    (tmp_path / ".env").write_text("KAFKA_TOPIC=from.a.file\n")
    assert load({"kafka_topic": "lower.case"}, complete=False).kafka.topic == "message.received"


def test_the_number_and_secrets_are_the_ones_to_watch_for() -> None:
    """The logs are given every secret, our own number included."""
    environ = {name: f"secret-of-{name}" for name in SECRETS} | {
        "SERIES_SENDER_NUMBER": "+15550100123",
    }
    watched = secrets_of(load(environ, complete=False))
    assert watched == {f"secret-of-{name}" for name in SECRETS} | {"+15550100123"}


@given(
    secrets=st.fixed_dictionaries({name: st.text(st.characters(codec="utf-8"), max_size=40) for name in SECRETS}),
    number=st.from_regex(r"\+?[0-9]{10,20}", fullmatch=True),
    broken=st.booleans(),
)
def test_secrets_are_never_shown(secrets: dict[str, str], number: str, *, broken: bool) -> None:
    """Whatever is wrong or right, no secret stands in a repr, a str, an error or the redacted list."""
    marked = {name: f"§{text}§" for name, text in secrets.items()}
    environ = marked | {"SERIES_SENDER_NUMBER": number, "VITALS_PORT": "x" if broken else "1"}
    try:
        settings = load(environ, complete=False)
    except ConfigurationError as error:
        shown_to_people = f"{error}{error!r}{error.faults!r}{error.__cause__!r}{error.__context__!r}"
    else:
        shown_to_people = f"{settings}{settings!r}{redacted_values(settings)}{settings.missing()!r}"
    assert "§" not in shown_to_people
    assert number not in shown_to_people


@given(
    environ=st.dictionaries(
        st.sampled_from([*CONTRACT, "PATH", "KAFKA_UNKNOWN"]),
        st.one_of(
            st.text(max_size=60),
            st.sampled_from([text for text in CONTRACT.values() if text]),
            st.from_regex(r"(https?|s3|file|sqlite):[/a-z0-9.:@\[\]?#-]{0,40}", fullmatch=True),
            st.from_regex(r"[a-z]{0,8}(=[a-z]{0,4})?(,[a-z]{0,8}=?[a-z]{0,3}){0,3}", fullmatch=True),
            st.from_regex(r"-?[0-9]{0,20}(\.[0-9]{0,12})?", fullmatch=True),
        ),
    ),
    complete=st.booleans(),
)
def test_any_environment_loads_or_is_reported_what_is_wrong(environ: dict[str, str], *, complete: bool) -> None:
    """No environment makes load() fail otherwise than by naming its own variables, each once."""
    try:
        settings = load(environ, complete=complete)
    except ConfigurationError as error:
        named = [fault.variable for fault in error.faults]
        assert named
        assert named == [each.name for each in variables(Settings) if each.name in named]
    else:
        written = {
            name: environ[name] if text == "(set)" else text
            for name, text, is_default in redacted_values(settings)
            if not is_default
        }
        assert values(load(written, complete=complete)) == values(settings)


def test_redacted_tells_the_defaults_from_what_was_set() -> None:
    """Whoever looks at the settings sees which were set, and of secrets only that they are."""
    settings = load(NEEDED | {"WORKER_CONCURRENCY": "8"})
    rows = {name: (text, is_default) for name, text, is_default in redacted_values(settings)}
    assert rows["WORKER_CONCURRENCY"] == ("8", False)
    assert rows["KAFKA_TOPIC"] == ("message.received", True)
    assert rows["SERIES_API_KEY"] == ("(set)", False)
    assert rows["HF_TOKEN"] == ("", True)


def test_the_example_environment_is_the_defaults() -> None:
    """The example loads once its open lines are filled; with its comments taken off it is still the defaults."""
    lines = example_env(Settings, NEEDED).splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["SERIES_API_URL=", "SERIES_API_KEY="]
    pairs = (line.removeprefix("#").partition("=") for line in lines if not line.startswith("# "))
    environ = {name: text for name, _, text in pairs if name}
    assert list(environ) == list(CONTRACT)
    assert values(load(environ | NEEDED)) == values(load(NEEDED))


def test_the_reference_has_a_row_for_every_variable() -> None:
    """The table names each variable once, with a meaning."""
    rows = [line.split("|") for line in reference_table(Settings).splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == list(CONTRACT)
    assert all(row[3].strip() for row in rows)
    assert all(len(row) == 5 for row in rows)


def test_importing_reads_nothing_and_stays_light() -> None:
    """The module pulls in no client library, and a bad environment does not matter before load()."""
    heavy = "aiohttp aiokafka boto3 structlog prometheus_client huggingface_hub elevenlabs cartesia numpy"
    probe = f"import sys, consumer.settings; print([name for name in '{heavy}'.split() if name in sys.modules])"
    environ = {"VITALS_PORT": "x", "KAFKA_TOPIC": " ", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", probe], env=environ, capture_output=True, text=True, check=True)  # noqa: S603 (our own interpreter)
    assert done.stdout.strip() == "[]"


def test_settings_are_made_of_fields_that_say_what_they_mean() -> None:
    """Each field carries the one-line meaning that the documentation is written from."""
    assert all(each.field.description for each in variables(Settings))
