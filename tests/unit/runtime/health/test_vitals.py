from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from runtime.health.vitals import Vitals
from runtime.listening import ListenError
from runtime.metrics import EXPOSITION_TYPE, Metric, Registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

IN_FLIGHT = Metric("voicememo_in_flight", "gauge", (), "Memos being worked on just now.")


def registry() -> Registry:
    """Return metrics that say that three memos are in flight."""
    metrics = Registry([IN_FLIGHT])
    metrics.set(IN_FLIGHT, 3)
    return metrics


@asynccontextmanager
async def serving(unwell: Sequence[str] = (), *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Vitals]:
    """Vitals on a free port, stopped at the end; unwell for as long as there is a reason in the list."""
    vitals = Vitals(registry(), host=host, port=port, why_unwell=lambda: next(iter(unwell), None))
    await vitals.start()
    try:
        yield vitals
    finally:
        await vitals.stop()


async def ask(vitals: Vitals, path: str, *, method: str = "GET", body: bytes | None = None) -> tuple[int, str, str]:
    """Return status, body and content type."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{vitals.port}", timeout=timeout) as session,
        session.request(method, path, data=body) as response,
    ):
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_a_worker_is_healthy_until_the_watchdog_says_why_not() -> None:
    """Health is refused with the reason, for as long as there is one."""
    unwell: list[str] = []
    async with serving(unwell) as vitals:
        assert (await ask(vitals, "/healthz"))[:2] == (200, "ok\n")
        unwell.append("no poll for 61 s while polling")
        assert (await ask(vitals, "/healthz"))[:2] == (503, "no poll for 61 s while polling\n")
        unwell.clear()
        assert (await ask(vitals, "/healthz"))[0] == 200


async def test_a_worker_is_ready_only_while_it_polls() -> None:
    """Readiness is refused with the phase as its reason, before and after polling."""
    async with serving() as vitals:
        told = [(await ask(vitals, "/readyz"))[:2]]
        for phase in ("polling", "draining", "stopped"):
            vitals.phase = phase
            told.append((await ask(vitals, "/readyz"))[:2])
    assert told == [(503, "starting\n"), (200, "ready\n"), (503, "draining\n"), (503, "stopped\n")]


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    """The scrape has the text format's content type, and what the worker does just now."""
    async with serving() as vitals:
        status, body, content_type = await ask(vitals, "/metrics")
    assert (status, content_type) == (200, EXPOSITION_TYPE)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "voicememo_in_flight 3.0\n" in body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/healthz/x", 404), ("POST", "/healthz", 405), ("DELETE", "/metrics", 405)],
)
async def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    """Other paths and methods are refused, and a body is not taken in."""
    async with serving() as vitals:
        assert (await ask(vitals, path, method=method, body=b"x" * 100_000))[0] == status
        assert (await ask(vitals, "/healthz"))[0] == 200


async def test_a_head_too_long_is_refused() -> None:
    """What a client may make us read has a bound."""
    async with serving() as vitals:
        assert (await ask(vitals, f"/healthz?{'x' * 10_000}"))[0] == 400


async def test_requests_leave_no_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A probe every few seconds does not fill the log."""
    caplog.set_level(logging.DEBUG)
    async with serving() as vitals:
        await ask(vitals, "/healthz")
        await ask(vitals, "/none")
    assert [record for record in caplog.records if record.name.startswith("aiohttp")] == []


async def test_a_taken_port_is_reported_by_its_variable() -> None:
    """The error of a second worker names the variable to change, and nothing is left open."""
    async with serving() as first:
        second = Vitals(registry(), host="127.0.0.1", port=first.port, why_unwell=lambda: None)
        with pytest.raises(ListenError, match=f"VITALS_PORT {first.port} is taken on 127.0.0.1"):
            await second.start()
        await second.stop()
        assert (await ask(first, "/healthz"))[0] == 200


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
async def test_a_host_that_is_not_ours_is_reported_by_its_variable(host: str) -> None:
    """An address of another machine, or of none, is an error that names VITALS_HOST."""
    vitals = Vitals(registry(), host=host, port=0, why_unwell=lambda: None)
    with pytest.raises(ListenError, match="VITALS_HOST"):
        await vitals.start()


async def test_stopping_frees_the_port() -> None:
    """After stop() the port can be had by another, and stopping again changes nothing."""
    async with serving() as first:
        await first.stop()
        async with serving(port=first.port) as second:
            assert second.port == first.port
