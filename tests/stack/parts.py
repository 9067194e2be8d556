"""The parts of the stack that are servers: Kafka, PostgreSQL and S3's stand-in, and the one-shots that prepare them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contracts.buckets import moto_server
from tests.deploy.compose import environment, services
from tests.deploy.migrating import make_database, migrate
from tests.harness.paths import ROOT
from tests.integration.kafka.broker import VERSIONS, real_kafka
from tests.postgres.server import NoPostgres, real_postgres
from tests.stack.environment import Addresses, env_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.kafka.broker import RealKafka
    from tests.postgres.server import PostgresServer

_TOPICS_SCRIPT = "/opt/kafka/bin/kafka-topics.sh"
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs, and what it was set up with."""

    kafka: RealKafka
    postgres: PostgresServer
    s3: str
    """URL."""
    env: dict[str, str]
    """The .env of the stack."""
    jwt_secret: str


@contextmanager
def parts(folder: Path, tell: Callable[[str], None]) -> Iterator[Parts]:
    """Start the servers and run the one-shots, in the order of the Compose file. Raises NoKafka, NoPostgres."""
    if shutil.which("psql") is None:
        raise NoPostgres("psql is not installed")
    env = env_file(folder / "secrets")
    with ExitStack() as running:
        kafka = running.enter_context(real_kafka(VERSIONS[0]))
        tell(f"Kafka {kafka.version} at {kafka.bootstrap_servers}")
        postgres = running.enter_context(real_postgres())
        tell(f"PostgreSQL at {postgres.folder}")
        s3 = running.enter_context(moto_server())
        tell(f"S3's stand-in at {s3}")
        made = services(env)
        _make_topics(made["topics"], kafka.bootstrap_servers)
        _make_bucket(made["bucket"], env, s3)
        asyncio.run(make_database(postgres))
        tell(migrate(postgres, folder / "secrets").splitlines()[-1])
        yield Parts(kafka, postgres, s3, env, (folder / "secrets" / "jwt_secret").read_text("ascii"))


def _make_topics(service: dict[str, Any], servers: str) -> None:
    """Run the very script of the Compose file, with a stand-in for the program that only Kafka's image has."""
    (script,) = service["command"]
    assert _TOPICS_SCRIPT in script
    script = script.replace(_TOPICS_SCRIPT, f"{sys.executable} -m tests.stack.kafka_topics")
    _ran([*service["entrypoint"], script.replace("kafka:9092", servers)], {})


def _make_bucket(service: dict[str, Any], env: dict[str, str], s3: str) -> None:
    there = Addresses(kafka="", supabase="", s3=s3, sandbox="")
    given = {name: there.moved(value) for name, value in environment(service, env).items()}
    _, *options = service["entrypoint"]
    _ran([sys.executable, *options, *service["command"]], given)


def _ran(command: list[str], given: dict[str, str]) -> None:
    environment_ = {"PATH": os.environ["PATH"], **given}
    ran = subprocess.run(  # noqa: S603 (commands of our own Compose file)
        command, cwd=ROOT, env=environment_, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert ran.returncode == 0, ran.stderr
