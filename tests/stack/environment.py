"""What workers of the stack are given: what the Compose file says, with the addresses of this machine."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from deploy import new_secrets
from tests.deploy import compose, dockerfile
from tests.deploy.compose import WORKER
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

QUICK = {"KAFKA_SESSION_SECONDS": "6", "LEASE_SECONDS": "6"}
"""The one thing that is otherwise: a killed worker is given up sooner, to save waiting."""
_THEIRS = {"kafka": "kafka:9092", "supabase": "http://supabase:8000", "s3": "http://s3:4566"}
_THEIRS |= {"sandbox": "http://sandbox:9099"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts are on this machine, as Compose's addresses are written."""

    kafka: str
    supabase: str
    s3: str
    sandbox: str

    def moved(self, value: str) -> str:
        """Put these in the place of Compose's."""
        for part in fields(self):
            value = value.replace(_THEIRS[part.name], getattr(self, part.name))
        return value


def env_file(secrets: Path) -> dict[str, str]:
    """Return the .env of the profile `demo`: fresh secrets, and the simulated upstreams."""
    demo = compose.dotenv((ROOT / "deploy" / "demo.env").read_text("utf-8"))
    return {**new_secrets.write_files(secrets), **demo}


def in_compose(env: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a worker in its container: the image's, .env, and the service's own."""
    image = {name: value for name, value in dockerfile.variables("run").items() if name != "PATH"}
    return {**image, **compose.environment(compose.services(env)[WORKER], env)}


def of_worker(env: Mapping[str, str], there: Addresses, folder: Path, vitals_port: int) -> dict[str, str]:
    """Give the environment of a worker of the stack."""
    moved = {name: there.moved(value) for name, value in in_compose(env).items()}
    place = {"ARCHIVE_SPOOL": str(folder / "owed"), "VITALS_HOST": "127.0.0.1", "VITALS_PORT": str(vitals_port)}
    return {**moved, **place, **QUICK}
