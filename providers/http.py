"""Our own HTTP: explicit time-outs and limits, no redirect followed blindly, and whom to ask for a recording (I6)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from providers.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Collection

_CONNECT_SECONDS = 5.0
_CONNECTIONS = 256
_KEEP_ALIVE_SECONDS = 75.0
"""For how long a connection is kept that nobody uses: a new one shakes hands anew, which takes two round trips."""
_MOST_LIKELY = 8
_LONGEST_RETRY_AFTER_SECONDS = 3600.0
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """Which hosts media may come from, or go to.

    Every entry is a host, or host:port. A host that is a private, loopback, link-local or otherwise special address, or
    resolves to one, is refused unless that very address or name is listed. Plain http is for listed special addresses
    alone.
    """

    own: URL
    """The Series API's base URL."""
    listed: frozenset[str]
    """What the variable lists."""
    variable: str = "SERIES_MEDIA_HOSTS"
    """Where an operator lists them."""
    anywhere: bool = False
    """Whether any public host will do, listed or not: the API itself says where to, each time."""

    def check(self, url: URL) -> None:
        """Refuse a URL that must not be fetched. Raises Forbidden."""
        host, port = url.host, url.port
        if url.scheme not in _DEFAULT_PORTS or not host or url.user or url.password:
            raise Forbidden("media", "not a plain http(s) URL")
        if not (self.anywhere or self._allowed(host, port)):
            raise Forbidden("media", f"host not in {self.variable}")
        special = is_special(host)
        if special and not self.lists(host):
            raise Forbidden("media", "private address")
        if url.scheme == "http" and not (special or host == "localhost"):
            raise Forbidden("media", "plain http")

    def check_address(self, name: str, address: str) -> None:
        """Refuse what a name resolved to, at the moment of connecting to it. Raises Forbidden."""
        if is_special(address) and not (self.lists(name) or self.lists(address)):
            raise Forbidden("media", "name of a private address")

    def is_own(self, url: URL) -> bool:
        """Say whether this is the Series API itself: scheme, host and port. Only there does the key go."""
        return url.origin() == self.own.origin()

    def likely(self) -> Collection[URL]:
        """Give where media are likely to be: at the API itself, and at the public names that are listed, over https."""
        names = sorted(entry for entry in self.listed if ":" not in entry and not is_special(entry))
        public = (URL.build(scheme="https", host=name) for name in names[:_MOST_LIKELY])
        return dict.fromkeys((self.own.origin(), *public))

    def lists(self, host: str) -> bool:
        """Say whether a host is listed, with or without a port."""
        return any(host == _without_port(entry) for entry in self.listed)

    def _allowed(self, host: str, port: int | None) -> bool:
        own = host == self.own.host and port == self.own.port
        return own or host in self.listed or f"{host}:{port}" in self.listed


def is_special(host: str) -> bool:
    """Say whether a host is an address that is not a public one (IPv4, IPv6, or IPv4 within IPv6)."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return not inner.is_global or inner.is_multicast


class CheckedResolver(AbstractResolver):
    """Resolves names, and lets the policy see every address just before it is connected to."""

    def __init__(self, policy: HostPolicy, inner: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._inner = inner or ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        """Resolve. Raises Forbidden when any of the addresses must not be connected to."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            self._policy.check_address(host, each["host"])
        return list(found)

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


def session(*, total_seconds: float | None, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """Make a client session: bounded, without cookies, proxies from the environment or error bodies in exceptions.

    Args:
        total_seconds: how long a request may take, its answer included, in seconds; None where who asks sees to that.
        resolver: of names; the system's when None.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=_CONNECTIONS, resolver=resolver, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=30
        ),
        timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        raise_for_status=False,
    )


def checked_session(
    policy: HostPolicy, resolver: AbstractResolver | None, *, total_seconds: float
) -> aiohttp.ClientSession:
    """Make one that connects only to addresses that the policy lets pass.

    Args:
        policy: sees every address.
        resolver: of names; the system's when None.
        total_seconds: how long a request may take, its answer included, in seconds.
    """
    return session(total_seconds=total_seconds, resolver=CheckedResolver(policy, resolver))


def retry_after_seconds(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds, or a date; None when it says nothing readable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError):
            return None
    if seconds != seconds:  # noqa: PLR0124 (not a number)
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


async def body_of(response: aiohttp.ClientResponse, *, limit_bytes: int) -> bytes:
    """Read an answer to its end, up to a bound; of a longer one the beginning."""
    pieces, left = [], limit_bytes
    while left and (piece := await response.content.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def policy_for(
    base_url: str, media_hosts: Collection[str], *, variable: str = "SERIES_MEDIA_HOSTS", anywhere: bool = False
) -> HostPolicy:
    """Make the policy for an API and the hosts that are listed beside it."""
    listed = frozenset(host.strip().lower() for host in media_hosts)
    return HostPolicy(URL(base_url), listed, variable, anywhere)


def _without_port(entry: str) -> str:
    host, colon, port = entry.rpartition(":")
    return host if colon and port.isdigit() and "]" not in port and (":" not in host or host.endswith("]")) else entry
