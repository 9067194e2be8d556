"""PostgREST's stand-in, as the Compose file sets PostgREST up: roles by JWTs that are signed with a secret of ours."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from deploy import new_secrets
from tests.postgres.postgrest import PostgRest

if TYPE_CHECKING:
    from aiohttp import web

    from tests.postgres.server import PostgresServer


class SignedPostgRest(PostgRest):
    """Serves one database while its block runs.

    Args:
        server: where the database is.
        database: its name.
        jwt_secret: what tokens are signed with.
    """

    def __init__(self, server: PostgresServer, database: str, jwt_secret: str) -> None:
        super().__init__(server, database)
        self._tokens = {new_secrets.token(role, jwt_secret): role for role in new_secrets.ROLES.values()}

    def _role(self, request: web.Request) -> str | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        for token, role in self._tokens.items():
            if hmac.compare_digest(token, given):
                return role
        return None
