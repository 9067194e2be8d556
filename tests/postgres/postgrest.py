"""A stand-in for PostgREST behind Supabase's gateway: real SQL and roles, and its errors."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import asyncpg
from aiohttp import web

from sandbox.fault_injection import fault_middleware
from sandbox.faults import Faults
from tests.postgres.database import AUTHENTICATOR, CLOCK_SETTING
from tests.postgres.statements import Statement, Unanswerable, calling, reading, writing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from sandbox.faults import ScriptedFault
    from tests.postgres.server import PostgresServer

SERVICE_KEY, ANON_KEY = "sb_secret_of_the_stand_in", "sb_publishable_of_the_stand_in"
"""They open nothing but the stand-in."""

FUNCTIONS = (
    *("versions", "remember", "recent", "claim", "renew", "advance", "settle", "release", "park", "park_behind"),
    *("due", "resume", "revive", "event", "bury", "unpublished", "published", "find", "waiting", "letters"),
    *("settled", "memos_after", "take", "empty", "remove", "old_letters", "letters_with", "drop_letter"),
    *("old_turns", "drop_turns", "forget"),
)
"""Functions that the store calls, without voicememo_."""

_ROLES = {SERVICE_KEY: "service_role", ANON_KEY: "anon"}
_CONNECTIONS = 20
_LONGEST_BODY_BYTES = 128 * 1024 * 1024
_SHUTDOWN_SECONDS = 1.0
# HTTP status by SQLSTATE or its class (docs.postgrest.org, "Errors"); what is not listed is 400.
_STATUSES = {"08": 503, "23503": 409, "23505": 409, "25": 500, "25006": 405, "28": 403, "40": 500, "53": 503, "54": 500}
_STATUSES |= {"55": 500, "57": 500, "58": 500, "42883": 404, "42P01": 404, "P0": 500, "P0001": 400, "XX": 500}


class PostgRest:
    """Serves one database while its block runs.

    Args:
        server: where the database is.
        database: its name.
        clock: what the ledger of a database with a clock is to take for the time; None: its own.
        port: 0 for any that is free.
    """

    def __init__(
        self, server: PostgresServer, database: str, *, clock: Callable[[], float] | None = None, port: int = 0
    ) -> None:
        self.faults = Faults()
        """By service: a function's name without its voicememo_, else `rpc` or `table`."""
        self.keys: list[str] = []
        """Keys of the requests."""
        self._server = server
        self._database = database
        self._clock = clock
        self._port = port
        self._closing = asyncio.Event()
        self._pool: Any = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The project's URL, while it runs."""
        if self._runner is None:
            raise RuntimeError("the stand-in is not running")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def suffer(self, fault: ScriptedFault) -> None:
        """Fail every call so, until the faults are cleared."""
        for name in FUNCTIONS:
            self.faults.always(name, fault)

    @property
    def called(self) -> int:
        """Number of calls."""
        return sum(self.faults.requests[name] for name in FUNCTIONS)

    async def __aenter__(self) -> Self:
        self._pool = asyncpg.create_pool(
            host=str(self._server.folder),
            user=AUTHENTICATOR,
            database=self._database,
            min_size=0,
            max_size=_CONNECTIONS,
            reset=_nothing_to_reset,
        )
        app = web.Application(
            middlewares=[fault_middleware(self.faults, self._closing)], client_max_size=_LONGEST_BODY_BYTES
        )
        for name in FUNCTIONS:
            app.router.add_post(f"/rest/v1/rpc/{{name:voicememo_{name}}}", self._rpc, name=name)
        app.router.add_post("/rest/v1/rpc/{name}", self._rpc, name="rpc")
        tables = app.router.add_resource("/rest/v1/{name}", name="table")
        tables.add_route("GET", self._read)
        tables.add_route("POST", self._write)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        await self._pool
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._pool.close()

    async def _rpc(self, request: web.Request) -> web.Response:
        arguments = await request.json()
        return await self._answered(
            request, 200, lambda connection: calling(connection, request.match_info["name"], arguments)
        )

    async def _read(self, request: web.Request) -> web.Response:
        return await self._answered(request, 200, lambda _: _now(reading(request.match_info["name"], request.query)))

    async def _write(self, request: web.Request) -> web.Response:
        given = await request.json()
        rows = given if isinstance(given, list) else [given]
        ignore = "resolution=ignore-duplicates" in request.headers.get("Prefer", "")
        statement = writing(
            request.match_info["name"], rows, on_conflict=request.query.get("on_conflict"), ignore=ignore
        )
        return await self._answered(request, 201, lambda _: _now(statement))

    async def _answered(
        self, request: web.Request, status: int, statement: Callable[[Any], Awaitable[Statement]]
    ) -> web.Response:
        role = self._role(request)
        if role is None:  # the gateway's words, not PostgREST's
            refusal = {"message": "Invalid API key", "hint": "Double check the API key that you send."}
            return web.json_response(refusal, status=401)
        try:
            text = await self._transacted(role, statement)
        except Unanswerable as no:
            return web.json_response(no.answer, status=no.status)
        except asyncpg.PostgresError as error:
            return _refused(error, role)
        except OSError:
            lost = {"code": "PGRST000", "details": None, "hint": None, "message": "Database connection error. Retrying"}
            return web.json_response(lost, status=503)
        return web.Response(text=text, status=status, content_type="application/json")

    def _role(self, request: web.Request) -> str | None:
        key = request.headers.get("apikey", "")
        self.keys.append(key)
        same = request.headers.get("Authorization") == f"Bearer {key}"
        return _ROLES.get(key) if same else None

    async def _transacted(self, role: str, statement: Callable[[Any], Awaitable[Statement]]) -> str:
        async with self._pool.acquire() as connection:
            wanted = await statement(connection)
            async with connection.transaction(readonly=wanted.read_only):
                await connection.execute(f"set local role {role}")
                if self._clock is not None:
                    await connection.execute("select set_config($1, $2, true)", CLOCK_SETTING, repr(self._clock()))
                return str(await connection.fetchval(wanted.sql, *wanted.values))


async def _nothing_to_reset(connection: Any) -> None:  # noqa: ANN401 (asyncpg ships no types)
    """Role and clock end with their transaction."""


async def _now(statement: Statement) -> Statement:
    return statement


def _refused(error: Any, role: str) -> web.Response:  # noqa: ANN401 (asyncpg ships no types)
    code = error.sqlstate
    status = _STATUSES.get(code, _STATUSES.get(code[:2], 400))
    if code == "42501":
        status = 401 if role == "anon" else 403
    answer = {"code": code, "details": error.detail, "hint": error.hint, "message": error.message}
    return web.json_response(answer, status=status, dumps=json.dumps)
