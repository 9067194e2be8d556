"""The secrets of a stack of one's own: made once, for their owner, and such as PostgREST takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
import subprocess
import sys
from pathlib import Path

from deploy import new_secrets
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from tests.deploy.compose import dotenv, environment, read, services
from tests.harness.paths import ROOT


def test_each_is_made_once(tmp_path: Path) -> None:
    """Files are in a folder that is ours alone, differ from one another, and stay when they are asked for again."""
    folder = tmp_path / "secrets"
    first = new_secrets.write_files(folder)
    files = {file.name: file.read_text() for file in folder.iterdir()}
    assert files.keys() == {
        Path(secret["file"]).name for secret in read(ROOT / "docker-compose.yml")["secrets"].values()
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(set(files.values())) == len(files)
    assert all(len(value) >= 32 for value in files.values())
    assert files["authenticator_password"] in files["postgrest_uri"]
    again = new_secrets.write_files(folder)
    assert {file.name: file.read_text() for file in folder.iterdir()} == files
    assert {name: again[name] for name in new_secrets.ROLES} == {name: first[name] for name in new_secrets.ROLES}


def test_tokens_are_signed(tmp_path: Path) -> None:
    """The two keys are JWTs of the two roles (RFC 7519), signed with the secret that PostgREST reads."""
    made = new_secrets.write_files(tmp_path)
    secret = (tmp_path / "jwt_secret").read_bytes()
    for name, role in new_secrets.ROLES.items():
        head, body, signature = made[name].split(".")
        assert json.loads(_decoded(head)) == {"alg": "HS256", "typ": "JWT"}
        assert json.loads(_decoded(body))["role"] == role
        assert _decoded(signature) == hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()


def test_demo_needs_nothing_else(tmp_path: Path) -> None:
    """What --demo prints is a whole .env: workers find their stack and the simulated upstreams in it."""
    script = str(ROOT / "deploy" / "new_secrets.py")
    command = [sys.executable, "-I", script, "--demo", "--folder", str(tmp_path / "secrets")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own script)
    env = dotenv(said.stdout)
    given = environment(services(env)["worker"], env)
    expected = {
        name: value.replace("http://here", "http://sandbox:9099") for name, value in _Here().environment().items()
    }
    assert {name: given[name] for name in expected} == expected
    assert services(env)["sandbox"]["command"] == ["--host", "0.0.0.0", "--port", "9099"]  # noqa: S104 (in a container)


class _Here(Sandbox):
    """A sandbox that was not started."""

    url = "http://here"

    def __init__(self) -> None:
        super().__init__(ScriptedMind())


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
