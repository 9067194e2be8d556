"""Requests to PostgREST as SQL, as far as supabase-py makes them here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ARGUMENTS = """
select proargnames as names, pronargdefaults as optional, provolatile <> 'v' as read_only,
    array(select format_type(each, null) from unnest(proargtypes) with ordinality as types (each, place) order by place)
        as types
from pg_proc where pronamespace = 'public'::regnamespace and proname = $1
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, whose only column is JSON as text."""

    sql: str
    values: tuple[object, ...] = ()
    read_only: bool = False


class Unanswerable(Exception):
    """PostgREST's own refusal (docs.postgrest.org, "Errors")."""

    def __init__(self, status: int, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"code": code, "details": None, "hint": hint, "message": message}


async def calling(connection: Any, function: str, arguments: Mapping[str, object]) -> Statement:  # noqa: ANN401 (asyncpg ships no types)
    """Call a function with named arguments."""
    for found in await connection.fetch(_ARGUMENTS, function):
        types = dict(zip(found["names"] or [], found["types"], strict=False))
        needed = list(types)[: len(types) - found["optional"]]
        if set(needed) <= set(arguments) <= set(types):
            return _called(function, {name: types[name] for name in arguments}, arguments, found["read_only"])
    raise Unanswerable(
        404,
        "PGRST202",
        f"Could not find the function public.{function}({', '.join(arguments)}) in the schema cache",
    )


def _called(
    function: str,
    types: Mapping[str, str],
    arguments: Mapping[str, object],
    read_only: bool,  # noqa: FBT001 (a column's value)
) -> Statement:
    if not types:
        return Statement(f"select to_json(public.{function}())::text", read_only=read_only)
    named = ", ".join(f"{name} => given.{name}" for name in types)
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    sql = f"select to_json(public.{function}({named}))::text from json_to_record($1::json) as given ({columns})"  # noqa: S608 (names out of the catalogue)
    return Statement(sql, (json.dumps(arguments),), read_only)


def reading(table: str, query: Mapping[str, str]) -> Statement:
    """Select rows: `select`, `order`, `limit`, and `column=eq.value`."""
    conditions, values = ["true"], []
    for column, condition in query.items():
        if column in {"select", "order", "limit", "columns", "on_conflict"}:
            continue
        values.append(condition.removeprefix("eq."))
        conditions.append(f"{_name(column)}::text = ${len(values)}")
    columns = ", ".join(_name(each) for each in query.get("select", "*").split(",") if each != "*") or "*"
    order = " ".join(_name(each) for each in query["order"].split(".")[:2]) if "order" in query else "1"
    rows = f"select {columns} from public.{_name(table)} where {' and '.join(conditions)} order by {order}"  # noqa: S608 (names are checked)
    rows += f" limit {int(query['limit'])}" if "limit" in query else ""
    return Statement(f"select coalesce(json_agg(found), '[]')::text from ({rows}) as found", tuple(values), True)  # noqa: FBT003, S608 (the line above)


def writing(table: str, rows: list[dict[str, object]], *, on_conflict: str | None, ignore: bool) -> Statement:
    """Insert rows, resolving conflicts as Prefer asks."""
    names = [_name(column) for column in rows[0]]
    columns = ", ".join(names)
    conflict = ""
    if on_conflict is not None:
        target = ", ".join(_name(column) for column in on_conflict.split(","))
        changes = ", ".join(f"{name} = excluded.{name}" for name in names)
        conflict = f"on conflict ({target}) do {'nothing' if ignore else f'update set {changes}'}"
    relation = f"public.{_name(table)}"
    inserting = (
        f"insert into {relation} ({columns}) select {columns} from json_populate_recordset(null::{relation}, $1::json)"  # noqa: S608 (names are checked)
        f" {conflict} returning *"
    )
    sql = f"with written as ({inserting}) select coalesce(json_agg(written), '[]')::text from written"  # noqa: S608 (the line above)
    return Statement(sql, (json.dumps(rows),))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise Unanswerable(400, "PGRST100", f'"failed to parse: unexpected {text[:1]}"')
    return text
