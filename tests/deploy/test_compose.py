"""The Compose file: valid by the published schema, in order, closed, and in agreement with settings and Dockerfile."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from consumer.kafka.client import MAX_EVENT_BYTES
from consumer.settings import Settings, load
from consumer.webhook.server import Limits
from deploy import new_secrets
from runtime.settings.environment import unknown_variables
from runtime.settings.variables import variables
from tests.deploy import compose, dockerfile
from tests.deploy.compose import BASE, OUTSIDE, WORKER, Missing, dotenv, environment, read, seconds, services
from tests.harness.paths import ROOT
from tests.integration.kafka.broker import VERSIONS

SCHEMA = Path(__file__).parent / "compose-spec.json"
"""The Compose Specification's own (github.com/compose-spec/compose-spec, schema/compose-spec.json, June 2026), by The
Compose Specification Authors, under the Apache License 2.0 (compose-spec.LICENSE)."""
OURS = {"worker", "webhook", "bucket", "sandbox", "replay"}
AS_ROOT = {"s3"}
"""LocalStack's image: it says so where it stands."""
WRITING = {"s3", "kafka", "topics"}
"""Whose start-up writes into the image."""
PRODUCER_SECONDS = 25
"""What the door's producer may take to write what it holds, where Kafka does not answer: docs/webhook.md."""
FILLED_IN = {
    "SERIES_API_URL": "https://series.example",
    "SERIES_API_KEY": "key-of-the-series-api",
}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A .env as an operator has it: the example, our own secrets, and the upstreams filled in."""
    made = new_secrets.write_files(tmp_path_factory.mktemp("made") / "secrets")
    return {**dotenv((ROOT / ".env.example").read_text("utf-8")), **made, **FILLED_IN}


@pytest.fixture(scope="module")
def stack(env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Every service, with that .env."""
    return services(env)


@pytest.mark.parametrize("paths", [(BASE,), (BASE, OUTSIDE)], ids=["here", "outside"])
def test_schema(env: dict[str, str], paths: tuple[Path, ...]) -> None:
    """The files are what the Compose Specification's schema describes, by themselves and merged."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    model = {**read(BASE), "services": services(env, *paths)}
    faults = [f"{list(fault.path)}: {fault.message}" for fault in jsonschema.Draft7Validator(schema).iter_errors(model)]
    assert not faults
    assert list(jsonschema.Draft7Validator(schema).iter_errors({"services": {"worker": {"replicas": 2}}}))


def test_images_are_pinned(stack: dict[str, dict[str, Any]]) -> None:
    """Each image has an exact tag; Kafka's is one that the tests run, LocalStack's the last without an account."""
    images = {name: service["image"] for name, service in stack.items()}
    foreign = {name: image for name, image in images.items() if name not in OURS}
    assert all(re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$", image) for image in foreign.values())
    assert images["kafka"] == images["topics"] == f"apache/kafka:{VERSIONS[0]}"
    assert images["s3"].startswith("localstack/localstack:4.14.")
    assert images["migrate"] == images["postgres"]
    assert {images[name] for name in OURS} == {"voicememo:local"}


def test_start_in_order(stack: dict[str, dict[str, Any]]) -> None:
    """Who waits for health waits for a service that is probed, who waits for an end waits for one that ends."""
    for name, service in stack.items():
        for other, how in service.get("depends_on", {}).items():
            awaited = stack[other]
            if how["condition"] == "service_completed_successfully":
                assert awaited["restart"] == "no", f"{name} waits for the end of {other}"
            else:
                assert how["condition"] == "service_healthy"
                probed = awaited.get("healthcheck") or (other in OURS and dockerfile.only("HEALTHCHECK", "run"))
                assert probed, f"{name} waits for the health of {other}"
            assert set(awaited.get("profiles", [])) <= set(service.get("profiles", []))
    assert set(_before(stack, WORKER)) == {
        *("topics", "kafka", "bucket", "s3", "supabase", "postgrest", "migrate", "postgres")
    }


def test_services_are_closed(stack: dict[str, dict[str, Any]]) -> None:
    """Nobody gains rights, is root, writes to the image, or is reached from other machines, but who says why."""
    for name, service in stack.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & service.keys(), name
        assert service.get("cap_drop") == ["ALL"] or name in AS_ROOT, name
        assert int(service.get("user", "0:0").partition(":")[0]) > 0 or name in AS_ROOT, name
        assert service.get("read_only") is True or name in WRITING, name
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert not [mount for mount in service.get("volumes", []) if "docker.sock" in mount], name
        assert set(service["networks"]) <= {"inside", "outside", "published"}, name
    assert read(BASE)["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in stack.items() if "outside" in service["networks"]}
    assert outside == {"worker", "webhook"}


def test_what_is_mounted_is_there(stack: dict[str, dict[str, Any]]) -> None:
    """Every file and folder that is mounted is in the tree, for reading only; every volume and secret is declared."""
    declared = read(BASE)
    for name, service in stack.items():
        for mount in service.get("volumes", []):
            source, target, *options = mount.split(":")
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert options == ["ro"], f"{name}: {target}"
            else:
                assert source in declared["volumes"]
        assert set(service.get("secrets", [])) <= declared["secrets"].keys()


def test_image_is_as_the_dockerfile_says(stack: dict[str, dict[str, Any]]) -> None:
    """Ours run as the image's user, with a tmpfs to write to, and keep what is owed on a volume."""
    spool = dockerfile.variables("run")["ARCHIVE_SPOOL"]
    for name in OURS:
        assert stack[name]["user"] == "10001:10001"
        assert [mount.partition(":")[0] for mount in stack[name]["tmpfs"]] == ["/tmp"]  # noqa: S108 (in a container)
    assert stack[WORKER]["volumes"] == [f"owed:{spool}"]


def test_worker_has_time_to_stop(stack: dict[str, dict[str, Any]], env: dict[str, str]) -> None:
    """Two workers, each of which is left alone for longer than a drain, and the sends after it, may take."""
    worker = stack[WORKER]
    settings = load(environment(worker, env))
    assert worker["deploy"]["replicas"] == 2
    assert seconds(worker["stop_grace_period"]) > settings.worker.drain_seconds + settings.worker.cancel_seconds + 10


def test_door_has_time_to_stop(stack: dict[str, dict[str, Any]]) -> None:
    """The door is left alone for as long as deliveries in hand, and what the producer holds, may take."""
    limits = Limits()
    in_hand_seconds = limits.read_seconds + limits.keep_seconds
    assert seconds(stack["webhook"]["stop_grace_period"]) > in_hand_seconds + PRODUCER_SECONDS + 10


def test_environment_is_right(stack: dict[str, dict[str, Any]], env: dict[str, str]) -> None:
    """What workers and door are given is what the settings take, all of it: no fault, and no unused variable."""
    for name in ("worker", "webhook", "replay"):
        given = environment(stack[name], env)
        settings = load({**dockerfile.variables("run"), **given})
        unread = given.keys() - {variable.name for variable in variables(Settings)}
        assert unread == {variable for variable in unread if variable.startswith("AWS_")}
        assert unknown_variables(Settings, given) == []
        assert settings.store.supabase.key is not None
        assert settings.vitals.host == "0.0.0.0"  # noqa: S104 (in a container)
    door = load({**dockerfile.variables("run"), **environment(stack["webhook"], env)})
    assert (door.webhook.host, door.webhook.port, len(door.webhook.secrets)) == ("0.0.0.0", 8081, 1)  # noqa: S104


@pytest.mark.parametrize("name", ["SUPABASE_KEY", "WEBHOOK_SECRETS"])
def test_missing_secrets_are_reported(env: dict[str, str], name: str) -> None:
    """Without a secret nothing starts, and the engine says where to get it."""
    with pytest.raises(Missing, match=rf"{name}: is written by deploy/new_secrets\.py"):
        services({**env, name: ""})


def test_no_secret_stands_in_the_file() -> None:
    """Values of variables that name a secret are variables, files, or what LocalStack takes from anybody."""
    found = {
        f"{name}.{variable}": str(value)
        for name, service in read(BASE)["services"].items()
        for variable, value in service.get("environment", {}).items()
        if re.search(r"(PASSWORD|SECRETS?|KEY|TOKEN|URI)(__?FILE)?$", variable)
    }
    assert found
    harmless = re.compile(r"\$\{\w+:\?.+\}|@?/run/secrets(/\w+)?|local")
    assert not {name for name, value in found.items() if not harmless.fullmatch(value)}
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10}|whsec_|sb_secret", BASE.read_text("utf-8"))
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("paths", [(BASE,), (BASE, OUTSIDE)], ids=["here", "outside"])
def test_prometheus_finds_each_worker_once(env: dict[str, str], paths: tuple[Path, ...]) -> None:
    """Prometheus shares one network with what it scrapes: Docker's DNS gives an address in each that both are in."""
    stack = services(env, *paths)
    for scraped in ("worker", "webhook"):
        assert len(set(stack["prometheus"]["networks"]) & set(stack[scraped]["networks"])) == 1
    assert set(stack["prometheus"]["networks"]) & set(stack["grafana"]["networks"])


def test_topics_take_what_comes(stack: dict[str, dict[str, Any]], env: dict[str, str]) -> None:
    """Topics take the largest event and a dead letter of it, and keep events for less long than the ledger does."""
    settings = load(environment(stack[WORKER], env))
    (script,) = stack["topics"]["command"]
    (largest,) = re.findall(r"max\.message\.bytes=(\d+)", script)
    assert int(largest) == stack["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] > MAX_EVENT_BYTES
    made = re.findall(r"^create (\S+) (\d+) (\d+)$", script, re.MULTILINE)
    assert [name for name, _, _ in made] == [settings.kafka.topic, settings.kafka.dead_letter_topic]
    assert int(made[0][2]) / 1000 < settings.retention.ledger_days * 86_400
    assert int(made[0][1]) >= stack[WORKER]["deploy"]["replicas"]
    assert stack["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"


def test_gateway_takes_the_prefix_away() -> None:
    """What supabase-py asks for below /rest/v1 reaches PostgREST as PostgREST names it."""
    text = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text("utf-8")
    (rule,) = re.findall(r"rewrite (\S+) (\S+) break;", text)
    assert re.sub(rule[0], rule[1].replace("$1", r"\1"), "/rest/v1/rpc/voicememo_claim") == "/rpc/voicememo_claim"
    assert "listen 8000;" in text
    assert "set $postgrest http://postgrest:3000;" in text


def test_outside_is_yours(env: dict[str, str]) -> None:
    """With the second file only workers, door and metrics are left, wait for no other, and take all from .env."""
    yours = {
        **env,
        "KAFKA_BOOTSTRAP_SERVERS": "pkc-1.eu-central-1.aws.confluent.cloud:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": "api-key",
        "KAFKA_SASL_PASSWORD": "api-secret",
        "ARCHIVE_URL": "s3://memos/production",
        "STORE_URL": "supabase",
        "SUPABASE_URL": "https://project.supabase.co",
        "SUPABASE_KEY": "sb_secret_yours",
    }
    merged = services(yours, BASE, OUTSIDE)
    left = {name: service for name, service in merged.items() if "not-here" not in service.get("profiles", [])}
    assert left.keys() == {"worker", "webhook", "sandbox", "replay", "prometheus", "grafana"}
    for name in ("worker", "webhook"):
        assert not left[name].get("depends_on")
        assert left[name]["networks"] == ["outside"]
        given = environment(left[name], yours)
        assert not [variable for variable in given if variable.startswith("AWS_")]
        settings = load({**dockerfile.variables("run"), **given})
        assert settings.kafka.bootstrap_servers == ("pkc-1.eu-central-1.aws.confluent.cloud:9092",)
        assert settings.store.supabase.url == "https://project.supabase.co"


def test_this_reader_reads_as_the_engine_does() -> None:
    """Interpolation and merging, as the specification's own examples have them."""
    given = {"SET": "value", "EMPTY": ""}
    for text, result in {
        "${SET}": "value", "$SET": "value", "$$SET": "$SET", "${NONE:-default}": "default",
        "${EMPTY:-default}": "default", "${EMPTY-default}": "", "${NONE}": "",
    }.items():  # fmt: skip
        assert compose.filled(text, given) == result
    with pytest.raises(Missing):
        compose.filled("${EMPTY:?}", given)
    assert seconds("1m30s") == 90


def _before(stack: dict[str, dict[str, Any]], name: str) -> list[str]:
    """Everything that must have started or ended before a service starts."""
    others = list(stack[name].get("depends_on", {}))
    return [*others, *(each for other in others for each in _before(stack, other))]
