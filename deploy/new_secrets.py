"""Make the secrets of a stack: files in deploy/secrets/, and lines for .env on standard output.

python3 deploy/new_secrets.py >> .env            once, before the first `docker compose up`
python3 deploy/new_secrets.py --demo > .env      the same, with the simulated upstreams of the profile `demo`

Needs nothing but Python. Existing files stay: to change a secret, remove its file, run this again, and put the new
lines into .env. An existing database needs a new postgres_password too: ALTER ROLE postgres.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path

HERE = Path(__file__).parent
ROLES = {"SUPABASE_KEY": "service_role", "SUPABASE_ANON_KEY": "anon"}


def main() -> None:
    """Write the files, and print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--demo", action="store_true", help="Point the workers at the simulated upstreams.")
    parser.add_argument("--folder", type=Path, default=HERE / "secrets", help="Where the files go.")
    given = parser.parse_args()
    for name, value in write_files(given.folder).items():
        print(f"{name}={value}")
    if given.demo:
        print((HERE / "demo.env").read_text("utf-8"), end="")


def write_files(folder: Path) -> dict[str, str]:
    """Write the files that are missing; return the variables for .env."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("postgres_password", "grafana_password", "jwt_secret"):
        _write_once(folder / name, secrets.token_urlsafe(32))
    password = _write_once(folder / "authenticator_password", secrets.token_urlsafe(32))
    _write_once(folder / "postgrest_uri", f"postgres://authenticator:{password}@postgres:5432/voicememo")
    jwt_secret = (folder / "jwt_secret").read_text("ascii")
    variables = {variable: token(role, jwt_secret) for variable, role in ROLES.items()}
    variables["WEBHOOK_SECRETS"] = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return variables


def token(role: str, jwt_secret: str) -> str:
    """Make the JWT (RFC 7519, HS256) of a PostgREST role. It does not expire: change jwt_secret to revoke it."""
    head, body = _part({"alg": "HS256", "typ": "JWT"}), _part({"iss": "voicememo", "role": role})
    signature = hmac.new(jwt_secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_base64(signature)}"


def _write_once(file: Path, value: str) -> str:
    """Write a file unless it is there; return its content. Users of containers must be able to read it."""
    if not file.exists():
        file.write_text(value, "ascii")
        file.chmod(0o644)  # the folder is ours alone
    return file.read_text("ascii")


def _part(content: dict[str, str]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
