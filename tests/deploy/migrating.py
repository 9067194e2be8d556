"""Runs the script by which the Compose file makes roles and applies migrations, against a server of the tests."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.harness.paths import ROOT
from tests.postgres.database import connected
from tests.postgres.server import SUPERUSER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres.server import PostgresServer

DATABASE = "voicememo"
_SECONDS = 60


async def make_database(server: PostgresServer) -> None:
    """Make the empty database, as the server's image does by itself."""
    async with connected(server, SUPERUSER) as root:
        await root.execute(f"create database {DATABASE}")


def migrate(server: PostgresServer, secrets: Path) -> str:
    """Run the script as the one-shot service does, with the real psql; give what it said."""
    environment = {
        "PATH": os.environ["PATH"],
        "PGHOST": str(server.folder),
        "PGUSER": SUPERUSER,
        "PGDATABASE": DATABASE,
        "SECRETS": str(secrets),
        "SCHEMA": str(ROOT / "storage" / "schema" / "postgres"),
    }
    command = ["/bin/bash", str(ROOT / "deploy" / "postgres" / "migrate.sh")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 (our own script)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout
