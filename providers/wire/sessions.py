"""HTTP sessions: time-outs, limits, and allowed hosts (I6)."""

from __future__ import annotations

import ipaddress
import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from providers.errors import BadAnswer, Forbidden, ProviderError, TimedOut, Unreachable, from_status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from aiohttp.abc import AbstractResolver

log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 5.0
_WARM_SECONDS: Final = 5.0
_CONNECTIONS: Final = 256
_KEEP_ALIVE_SECONDS: Final = 75.0  # A new connection shakes hands, which takes two round trips
_MOST_LIKELY: Final = 8
_LONGEST_RETRY_AFTER_SECONDS: Final = 3600.0
_MOVED: Final = 300
_SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """The hosts, or host:ports, that media may come from or go to.

    A special address (private, loopback, …), or a name of one, must itself be listed; plain http is only for these.
    """

    own: URL
    """The API's base URL."""
    listed: frozenset[str]
    variable: str = "SERIES_MEDIA_HOSTS"
    """Named in errors."""
    anywhere: bool = False
    """Any public host is allowed."""

    def check(self, url: URL) -> None:
        """Raise Forbidden for a URL that must not be requested."""
        host, port = url.host, url.port
        if url.scheme not in _SCHEMES or not host or url.user or url.password:
            raise Forbidden("media", "not a plain http(s) URL")
        if not (self.anywhere or self._allowed(host, port)):
            raise Forbidden("media", f"host not in {self.variable}")
        special = is_special(host)
        if special and not self.lists(host):
            raise Forbidden("media", "private address")
        if url.scheme == "http" and not (special or host == "localhost"):
            raise Forbidden("media", "plain http")

    def check_address(self, name: str, address: str) -> None:
        """Raise Forbidden for an address that a name resolved to, just before connecting."""
        if is_special(address) and not (self.lists(name) or self.lists(address)):
            raise Forbidden("media", "name of a private address")

    def is_own(self, url: URL) -> bool:
        """Return whether this is the API itself, the only place the key is sent to."""
        return url.origin() == self.own.origin()

    def likely(self) -> Collection[URL]:
        """Return where media probably are: the API, and listed public names over https."""
        names = sorted(entry for entry in self.listed if ":" not in entry and not is_special(entry))
        public = (URL.build(scheme="https", host=name) for name in names[:_MOST_LIKELY])
        return dict.fromkeys((self.own.origin(), *public))

    def lists(self, host: str) -> bool:
        """Return whether a host is listed, with or without a port."""
        return any(host == _without_port(entry) for entry in self.listed)

    def _allowed(self, host: str, port: int | None) -> bool:
        own = host == self.own.host and port == self.own.port
        return own or host in self.listed or f"{host}:{port}" in self.listed


def policy_for(
    base_url: str, media_hosts: Collection[str], *, variable: str = "SERIES_MEDIA_HOSTS", anywhere: bool = False
) -> HostPolicy:
    """Build a policy."""
    listed = frozenset(host.strip().lower() for host in media_hosts)
    return HostPolicy(URL(base_url), listed, variable, anywhere)


def is_special(host: str) -> bool:
    """Return whether a host is an address that is not public, also in IPv6 disguise."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return not inner.is_global or inner.is_multicast


class CheckedResolver(ThreadedResolver):
    """Resolver that checks every address."""

    def __init__(self, policy: HostPolicy) -> None:
        super().__init__()
        self._policy = policy

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        """Resolve a name. Raises Forbidden."""
        addresses = await super().resolve(host, port, family)
        for each in addresses:
            self._policy.check_address(host, each["host"])
        return list(addresses)


def session(*, total_seconds: float | None, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """Build a bounded session without cookies and proxies; `total_seconds` includes reading the answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=_CONNECTIONS, resolver=resolver, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=30
        ),
        timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        raise_for_status=False,
    )


class LazySession:
    """A session made at first use, inside the running loop; with a policy, it connects only to allowed addresses."""

    def __init__(self, *, total_seconds: float | None, policy: HostPolicy | None = None) -> None:
        self._total_seconds = total_seconds
        self._policy = policy
        self._session: aiohttp.ClientSession | None = None

    def get(self) -> aiohttp.ClientSession:
        """Return the session."""
        if self._session is None:
            resolver = CheckedResolver(self._policy) if self._policy else None
            self._session = session(total_seconds=self._total_seconds, resolver=resolver)
        return self._session

    async def warm(self, address: str | URL, *, service: str) -> None:
        """Open a connection for the next request. Raises nothing."""
        await open_connection(self.get(), address, service=service)

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def open_connection(
    client: aiohttp.ClientSession, address: str | URL, *, service: str, seconds: float = _WARM_SECONDS
) -> None:
    """Open a connection for the next request to a URL's server. Raises nothing.

    It requests the headers of the server's root, without the key.
    """
    try:
        async with client.head(
            URL(address).origin(), allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds)
        ) as answer:
            log.debug("connection.opened", extra={"service": service, "status": answer.status})
    except (aiohttp.ClientError, ProviderError, OSError, ValueError) as error:  # a TimeoutError is an OSError
        log.info("connection.not_opened", extra={"service": service, "error": type(error).__name__})


@contextmanager
def client_errors(service: str) -> Iterator[None]:
    """Map aiohttp's errors to Unreachable and TimedOut."""
    try:
        yield
    except aiohttp.ClientError as error:  # before the next: its time-out of connecting is both
        raise Unreachable(service, type(error).__name__) from error
    except TimeoutError as error:
        raise TimedOut(service) from error


def raise_refusal(service: str, response: aiohttp.ClientResponse) -> None:
    """Raise the error of a status from 400 on, with its Retry-After."""
    if not response.ok:
        raise from_status(service, response.status, retry_after_seconds(response.headers.get("Retry-After")))


def require_success(service: str, response: aiohttp.ClientResponse) -> None:
    """Raise the error of a refusal, and BadAnswer for a redirect."""
    raise_refusal(service, response)
    if response.status >= _MOVED:
        raise BadAnswer(service, "redirect", status=response.status)


def retry_after_seconds(value: str | None, *, now: datetime | None = None) -> float | None:
    """Parse a Retry-After header (RFC 9110, 10.2.3), seconds or a date."""
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


async def read_body(response: aiohttp.ClientResponse, *, limit_bytes: int) -> bytes:
    """Read an answer, or its beginning up to the limit."""
    pieces, left = [], limit_bytes
    while left and (piece := await response.content.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _without_port(entry: str) -> str:
    host, colon, port = entry.rpartition(":")
    return host if colon and port.isdigit() and "]" not in port and (":" not in host or host.endswith("]")) else entry
