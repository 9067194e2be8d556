"""A ladder in a hurry, and one whose services are in trouble: which rungs are passed over, and which never."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import LadderExhausted, RateLimited, Rejected, Unauthorized, Unavailable
from providers.fallback.breaker import COOL_DOWN_SECONDS, FAILURES, LONGEST_SECONDS, BreakerState
from providers.fallback.ladder import Ladder, Rung
from tests.harness.virtual_time import in_virtual_time, run

if TYPE_CHECKING:
    from providers.fallback.ladder import Served

DOWN = Unavailable("remote", status=503)


@dataclass
class Service:
    """A service with scripted behaviour."""

    error: BaseException | None = None
    seconds: float = 0.0
    asked: int = 0
    running: int = field(default=0, init=False)
    most_running: int = field(default=0, init=False)

    async def __call__(self, word: str) -> str:
        """Take its time, then fail or give the word back."""
        self.asked += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
            if self.error is not None:
                raise self.error
            return word
        finally:
            self.running -= 1


def two(remote: Service, local: Service | None = None, *, min_seconds: float = 0.0) -> Ladder[[str], str]:
    """A ladder of a remote rung (10 s) and a local one, with 12 s for both."""
    rungs = Rung("remote", remote, 10, min_seconds), Rung("local", local or Service(), 10, min_seconds)
    return Ladder("speak", *rungs, budget_seconds=12)


async def opened(remote: Service) -> Ladder[[str], str]:
    """A ladder whose remote rung has failed until it was shut, and is still down."""
    remote.error = DOWN
    ladder = two(remote)
    for _ in range(FAILURES):
        await ladder("hello")
    assert ladder.states() == {"remote": BreakerState.OPEN, "local": BreakerState.CLOSED}
    remote.asked = 0
    return ladder


def story(served: Served[str]) -> list[tuple[str, str | None]]:
    """The rungs tried or passed over, and why they did not serve."""
    return [(attempt.rung, attempt.error) for attempt in served.attempts]


OVER = [("remote", "open"), ("local", None)]


@in_virtual_time
async def test_shut_rung_is_passed_over_at_once() -> None:
    """After enough failures the rung is not called any more, and costs no wait."""
    remote = Service()
    ladder = await opened(remote)
    served = await ladder("hello")
    assert story(served) == OVER
    assert [attempt.seconds for attempt in served.attempts] == [0, 0]
    assert remote.asked == 0


@in_virtual_time
async def test_failures_of_memos_side_by_side_add_up() -> None:
    """All memos of a worker share what they learn: those that come after need not learn it again."""
    ladder = two(Service(DOWN, seconds=1))
    await asyncio.gather(*(ladder("hello") for _ in range(FAILURES)))
    assert story(await ladder("hello")) == OVER


@in_virtual_time
async def test_one_memo_probes() -> None:
    """After the cool-down one memo's own request is the probe; the others pass the rung over until it succeeded."""
    remote = Service()
    ladder = await opened(remote)
    await asyncio.sleep(COOL_DOWN_SECONDS)
    assert ladder.states()["remote"] is BreakerState.HALF_OPEN
    remote.error, remote.seconds = None, 3
    served = await asyncio.gather(*(ladder("hello") for _ in range(4)))
    assert [story(each) for each in served] == [[("remote", None)], OVER, OVER, OVER]
    assert (remote.asked, remote.most_running) == (1, 1)
    assert ladder.states()["remote"] is BreakerState.CLOSED
    assert story(await ladder("hello")) == [("remote", None)]


@in_virtual_time
async def test_probe_that_fails_shuts_again() -> None:
    """A probe that fails falls to the next rung like any call, and the rung is shut for longer than before."""
    remote = Service()
    ladder = await opened(remote)
    await asyncio.sleep(COOL_DOWN_SECONDS)
    assert story(await ladder("hello")) == [("remote", "unavailable"), ("local", None)]
    await asyncio.sleep(COOL_DOWN_SECONDS)
    assert story(await ladder("hello")) == OVER
    await asyncio.sleep(COOL_DOWN_SECONDS)
    assert ladder.states()["remote"] is BreakerState.HALF_OPEN


@in_virtual_time
async def test_cancelled_probe_is_free_again() -> None:
    """A memo that is cancelled while it holds the probe leaves it to the next."""
    remote = Service()
    ladder = await opened(remote)
    await asyncio.sleep(COOL_DOWN_SECONDS)
    remote.error, remote.seconds = None, 3
    probing = asyncio.create_task(ladder("hello"))
    await asyncio.sleep(1)
    assert story(await ladder("hello")) == OVER
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert ladder.states()["remote"] is BreakerState.HALF_OPEN
    assert story(await ladder("hello")) == [("remote", None)]


@in_virtual_time
async def test_bug_says_nothing_of_the_service() -> None:
    """A bug is not counted, however often it comes, and does not keep the probe (I8)."""
    remote = Service(KeyError("bug"))
    ladder = two(remote)
    for _ in range(2 * FAILURES):
        with pytest.raises(KeyError):
            await ladder("hello")
    assert ladder.states()["remote"] is BreakerState.CLOSED
    ladder = await opened(remote)
    await asyncio.sleep(COOL_DOWN_SECONDS)
    remote.error = KeyError("bug")
    for _ in range(2):
        with pytest.raises(KeyError):
            await ladder("hello")
    assert ladder.states()["remote"] is BreakerState.HALF_OPEN


@in_virtual_time
async def test_rejected_requests_do_not_shut_a_rung() -> None:
    """A service that refuses this very request is asked for the next one as before."""
    remote = Service(Rejected("remote", status=422))
    ladder = two(remote)
    for _ in range(2 * FAILURES):
        assert story(await ladder("hello")) == [("remote", "rejected"), ("local", None)]
    assert ladder.states()["remote"] is BreakerState.CLOSED


@in_virtual_time
async def test_retry_after_is_heeded() -> None:
    """A service that asks for a pause has it, from its first answer on."""
    ladder = two(Service(RateLimited("remote", status=429, retry_after_seconds=50)))
    assert story(await ladder("hello")) == [("remote", "rate-limited"), ("local", None)]
    await asyncio.sleep(49)
    assert story(await ladder("hello")) == OVER
    await asyncio.sleep(1)
    assert ladder.states()["remote"] is BreakerState.HALF_OPEN


def test_refused_key_is_reported_once_per_opening(caplog: pytest.LogCaptureFixture) -> None:
    """A key that is refused shuts the rung at once; the log says so once, with constant words only (I6)."""

    async def main() -> None:
        ladder = two(Service(Unauthorized("remote", "what they said", status=401), seconds=1))
        await asyncio.gather(*(ladder("secret words") for _ in range(3)))
        await ladder("secret words")
        assert len(caplog.records) == 1
        await asyncio.sleep(LONGEST_SECONDS - 2)
        assert ladder.states()["remote"] is BreakerState.OPEN
        await asyncio.sleep(2)
        await ladder("secret words")

    with caplog.at_level(logging.DEBUG, logger="providers"):
        run(main())
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == 2 * [(logging.ERROR, "rung.shut")]
    told = vars(caplog.records[0])
    assert {name: told[name] for name in ("stage", "rung", "reason")} == {
        "stage": "speak",
        "rung": "remote",
        "reason": "unauthorized",
    }
    assert not [value for value in told.values() if "they said" in str(value) or "secret" in str(value)]


@in_virtual_time
async def test_last_rung_is_never_shut() -> None:
    """However often the last rung fails, for whatever reason, it is asked again; alone or after others."""
    last = Service(Unauthorized("local", status=401))
    rungs = Rung("remote", Service(DOWN), 1), Rung("local", last, 1)
    ladder = Ladder("hear", *rungs, budget_seconds=5)
    alone = Ladder("hear", rungs[-1], budget_seconds=5)
    for climb in (ladder, alone):
        for _ in range(2 * FAILURES):
            with pytest.raises(LadderExhausted):
                await climb("hello")
    assert last.asked == 4 * FAILURES
    assert ladder.states() == {"remote": BreakerState.OPEN, "local": BreakerState.CLOSED}
    last.error = None
    assert story(await ladder("hello")) == OVER


@in_virtual_time
async def test_no_time_for_a_rung() -> None:
    """In a hurry, a rung that needs longer is passed over without being asked, and without taking the probe."""
    remote = Service()
    ladder = two(remote, min_seconds=4)
    assert story(await ladder.within(4)("hello")) == [("remote", None)]
    for seconds in (3.9, 0, -7):
        served = await ladder.within(seconds)("hello")
        assert story(served) == [("remote", "no-time"), ("local", None)]
    assert remote.asked == 1


@in_virtual_time
async def test_within_bounds_the_rungs_before_the_last() -> None:
    """The budget given for a call cuts a rung's deadline short, and never makes the ladder's own budget longer."""
    ladder = two(Service(seconds=60), Service(seconds=2))
    loop = asyncio.get_running_loop()
    for given_seconds, took_seconds in [(3, 3 + 2), (60, 10 + 2)]:
        begun = loop.time()
        assert (await ladder.within(given_seconds)("hello")).rung == "local"
        assert loop.time() - begun == pytest.approx(took_seconds)
    ladder.budget_seconds = 6
    begun = loop.time()
    await ladder.within(60)("hello")
    assert loop.time() - begun == pytest.approx(6 + 2)


@in_virtual_time
async def test_hurry_is_not_the_services_fault() -> None:
    """A call cut short by the budget is not counted; one that had half of its deadline or more is."""
    ladder = two(Service(seconds=60))
    for _ in range(2 * FAILURES):
        await ladder.within(4.9)("hello")
    assert ladder.states()["remote"] is BreakerState.CLOSED
    for _ in range(FAILURES):
        await ladder.within(5)("hello")
    assert ladder.states()["remote"] is BreakerState.OPEN


@in_virtual_time
async def test_rungs_of_one_service_share_a_breaker() -> None:
    """A service that stands on two rungs and is down is not asked on the second either: it has one cool-down."""
    full, short = Service(DOWN), Service(DOWN)
    rungs = Rung("voice", full, 1), Rung("voice-short", short, 1, service="voice"), Rung("clip", Service(), 1)
    ladder = Ladder("speak", *rungs, budget_seconds=12)
    for _ in range(2 * FAILURES):
        await ladder("hello")
    assert full.asked + short.asked == FAILURES
    assert ladder.states() == {
        "voice": BreakerState.OPEN,
        "voice-short": BreakerState.OPEN,
        "clip": BreakerState.CLOSED,
    }


ENDS = st.sampled_from(
    [
        None,
        DOWN,
        Unauthorized("x", status=403),
        RateLimited("x", status=429, retry_after_seconds=9),
        Rejected("x", status=400),
    ]
)
MEMO = st.tuples(
    st.floats(0, 100), st.floats(-5, 30), st.lists(st.tuples(ENDS, st.floats(0, 20)), min_size=3, max_size=3)
)


@given(st.lists(MEMO, max_size=20), st.floats(0, 8))
def test_a_last_rung_that_cannot_fail_always_serves(
    memos: list[tuple[float, float, list[tuple[BaseException | None, float]]]], min_seconds: float
) -> None:
    """Whatever services do, whenever memos come and however little time they have: a rung serves each, in time."""

    async def main() -> None:
        services = [Service(), Service(), Service()]
        rungs = [Rung(f"rung-{number}", service, 10, min_seconds) for number, service in enumerate(services)]
        ladder = Ladder("speak", *rungs, Rung("clip", Service(), 1, min_seconds), budget_seconds=25)
        loop = asyncio.get_running_loop()

        async def one(at: float, budget: float) -> None:
            begun = loop.time()
            served = await ladder.within(budget)("hello")
            assert served.value == "hello"
            assert loop.time() - begun <= max(0, min(budget, 25)) + 1e-6, (at, served)

        async with asyncio.TaskGroup() as group:
            for pause, budget, ends in memos:
                await asyncio.sleep(pause / 10)
                for service, (error, seconds) in zip(services, ends, strict=True):
                    service.error, service.seconds = error, seconds
                group.create_task(one(pause, budget))

    run(main())
