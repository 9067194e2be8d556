"""`python -m sandbox` as a process: what it prints, and what it says when it cannot listen."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

from tests.harness.paths import ROOT

COMMAND = (sys.executable, "-m", "sandbox", "--scripted")


def _refused(*options: str) -> tuple[int, str]:
    ended = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    assert not ended.stdout
    return ended.returncode, ended.stderr


def test_a_port_that_is_taken_is_reported_in_one_line() -> None:
    """Where somebody listens already it ends with status 1, and one line that says what to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = _refused("--port", str(port))
    assert status == 1
    assert said == f"sandbox: cannot listen on 127.0.0.1, port {port} (address already in use): see --host and --port\n"


def test_a_host_that_is_none_is_reported_in_one_line() -> None:
    """So it does for a host that is no address of this machine."""
    status, said = _refused("--host", "192.0.2.1", "--port", "0")
    assert status == 1
    assert re.fullmatch(r"sandbox: cannot listen on 192\.0\.2\.1, port 0 \(.+\): see --host and --port\n", said)


def test_a_port_that_cannot_be_is_wrong_usage() -> None:
    """A number that is no port is refused as any wrong option is."""
    status, said = _refused("--port", "99999")
    assert status == 2
    assert "99999 is not in the range 0<=x<=65535" in said


def test_the_variables_come_in_one_piece() -> None:
    """The first bytes that come are all of them: who waits for a file that is not empty has a complete one."""
    with subprocess.Popen([*COMMAND, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, bufsize=0) as running:  # noqa: S603 (our own)
        assert running.stdout is not None
        lines = running.stdout.read(65_536).decode()  # one read(2)
        running.terminate()
    assert running.returncode == 0
    assert lines.startswith("export SERIES_API_URL=http://127.0.0.1:")
    assert "\nexport CARTESIA_VOICES=" in lines
    assert lines.endswith("\n")
