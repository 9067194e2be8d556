"""Refusals of PostgREST and of the gateway before it, as our errors.

Codes (postgrest.exceptions.APIError): an SQLSTATE of PostgreSQL, PGRST… of PostgREST (docs.postgrest.org, "Errors"),
an HTTP status from a proxy, none from the gateway. Messages may quote what was sent: only the code is passed on (I6).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from storage.errors import Fenced, StoreError, StoreNotReady, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postgrest.exceptions import APIError

_OURS: Mapping[str, Callable[[], StoreError | ValueError | KeyError]] = {
    "VM001": lambda: Fenced("the claim is no longer ours"),
    "VM002": lambda: ValueError("a memo does not go back"),
    "VM003": lambda: KeyError("there is no such memo"),
}
"""Raised by our own functions: storage/schema/postgres/0003_claims.sql."""
_KEY = "the key is not accepted, or is not the secret one of the service role: see SUPABASE_KEY"
_MIGRATIONS = "a function is missing: apply the migrations of storage/schema/postgres, see docs/supabase.md"
_NOT_READY = {
    "401": _KEY,
    "403": _KEY,
    "PGRST106": "the schema public is not exposed by PostgREST",
    "PGRST202": _MIGRATIONS,
    "PGRST205": _MIGRATIONS,
    "42P01": _MIGRATIONS,
    "42883": _MIGRATIONS,
}
_NOT_ALLOWED = re.compile(r"PGRST3\d\d|28...")
"""Keys that cannot be read, have expired, or name no role."""
_AWAY = re.compile(r"PGRST00\d|08...|25006|40...|53...|55...|57...|58...|\d{3}")
"""No connection, a lost race, no room (25006: read-only), a slow lock or statement, shutdown, disk; a proxy's page."""


class NotAllowed(StoreNotReady):
    """The key's role may not do this."""


def error_of(refusal: APIError) -> StoreError | ValueError | KeyError:
    """Return the error of a refusal; an unknown code is a bug, not an outage (I8)."""
    code = refusal.code
    if code == "42501":
        return NotAllowed(f"Supabase: {code}: {_KEY}")
    if code is None:  # from the gateway
        asks_for_key = "API key" in (refusal.message or "")
        return StoreNotReady(f"Supabase: {_KEY}") if asks_for_key else StoreUnavailable("Supabase: its gateway")
    if ours := _OURS.get(code):
        return ours()
    if advice := _NOT_READY.get(code) or (_KEY if _NOT_ALLOWED.fullmatch(code) else None):
        return StoreNotReady(f"Supabase: {code}: {advice}")
    if _AWAY.fullmatch(code):
        return StoreUnavailable(f"Supabase: {code}")
    return StoreError(f"Supabase: {code}")
