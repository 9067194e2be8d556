"""A temporary PostgreSQL server, reached through a Unix socket, never run as root."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPERUSER = "superuser"
OLDEST = 14

_DEBIAN = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "postgres")
_ACCOUNTS = ("postgres", "nobody")
"""Accounts to run it as when we are root, which PostgreSQL refuses."""
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
    "logging_collector": "off",
    "timezone": "Asia/Kolkata",  # the schema must not lean on UTC
}
_INIT_SECONDS = 60
_START_SECONDS = 30.0
_STOP_SECONDS = 10
_LOOK_SECONDS = 0.05


class NoPostgres(Exception):
    """PostgreSQL is missing; the message says why."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    folder: Path
    """Folder of its socket."""

    async def connect(self, user: str, database: str = "postgres") -> Any:  # noqa: ANN401 (asyncpg ships no types)
        """Connect as a role; the server trusts every user of its socket."""
        return await asyncpg.connect(host=str(self.folder), user=user, database=database)


@contextmanager
def real_postgres() -> Iterator[PostgresServer]:
    """Run a server for a block. Raises NoPostgres."""
    programs = _programs()
    with ExitStack() as closing:
        folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        account = _account()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        who: list[str | Path] = ["-D", data, "-U", SUPERUSER, "-A", "trust"]
        _run_to_its_end([programs / "initdb", *who, "-E", "UTF8", "--no-locale", "--no-sync"], account)
        settings = [argument for name, value in _SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        command: list[str | Path] = [programs / "postgres", "-D", data, "-k", folder, *settings]
        log = closing.enter_context((folder / "log").open("wb"))
        server = closing.enter_context(_running(command, account, log))
        closing.enter_context(_never_outliving_us(server))
        running = PostgresServer(folder)
        _wait_until_ready(running, server)
        yield running


def _programs() -> Path:
    """Find the folder of its programs: in PATH, or Debian's, which is not linked."""
    in_path = shutil.which("initdb")
    folders = [Path(in_path).resolve().parent] if in_path else []
    folders += sorted(_DEBIAN.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    whole = [folder for folder in folders if all((folder / name).exists() for name in _PROGRAMS)]
    if not whole:
        raise NoPostgres("neither in PATH nor in /usr/lib/postgresql are there initdb and postgres")
    version = subprocess.run([whole[0] / "postgres", "-V"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 (as found)
    if int(version.stdout.split()[2].partition(".")[0]) < OLDEST:
        raise NoPostgres(f"{version.stdout.strip()} is older than {OLDEST}")
    return whole[0]


def _account() -> pwd.struct_passwd | None:
    """Return the account to run it as; None: our own."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("we are root, and there is nobody else here to run it")


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run_to_its_end(command: list[str | Path], account: pwd.struct_passwd | None) -> None:
    ran = subprocess.run(  # noqa: S603 (initdb, as found)
        command, capture_output=True, cwd="/", timeout=_INIT_SECONDS, check=False, **_as(account)
    )
    if ran.returncode != 0:
        raise AssertionError(f"initdb failed: {ran.stderr.decode()[-2000:]}")


@contextmanager
def _running(
    command: list[str | Path],
    account: pwd.struct_passwd | None,
    log: Any,  # noqa: ANN401 (a file)
) -> Iterator[subprocess.Popen[bytes]]:
    """Run for a block, and stop at once: its data are not kept."""
    server = subprocess.Popen(  # noqa: S603 (postgres, as found)
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **_as(account)
    )
    try:
        yield server
    finally:
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(_STOP_SECONDS)


@contextmanager
def _never_outliving_us(server: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the server even when we are killed: a shell waits for its input to end, as it does with us."""
    script = ["/bin/sh", "-c", 'read -r _; kill -QUIT "$1" 2>/dev/null', "watcher", str(server.pid)]
    watcher = subprocess.Popen(script, stdin=subprocess.PIPE)  # noqa: S603 (the line above)
    try:
        yield
    finally:
        watcher.communicate(timeout=_STOP_SECONDS)


def _wait_until_ready(running: PostgresServer, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        while not runner.run(_answers(running)):
            if server.poll() is not None or time.monotonic() > until:
                said = (running.folder / "log").read_text()[-2000:]
                raise AssertionError(f"PostgreSQL did not start; its log ends: {said}")
            time.sleep(_LOOK_SECONDS)


async def _answers(running: PostgresServer) -> bool:
    try:
        connection = await running.connect(SUPERUSER)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
