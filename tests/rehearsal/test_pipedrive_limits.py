"""The rehearsal of Pipedrive counts tokens and requests as the plan says, tells how they stand, and shuts out who goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from pipedrive_small import SMALL, opened

from workbench.rehearsal import Rehearsal, running
from workbench.rehearsal.engine import Call, Clock, Cost, Limiter, Standing, State
from workbench.rehearsal.pipedrive import Pipedrive

KEY = "0123456789abcdef0123456789abcdef01234567"
NOON = 20_833.5 * 86_400  # of a day that began at midnight UTC
HOUR = 3600.0
Inside = Callable[..., tuple[Pipedrive, Limiter]]
Served = Callable[..., tuple[Rehearsal, httpx.Client]]


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """A stand-in without a server and the limiter that the wire would ask, so that a day passes in no time."""
    states: list[State] = []

    def make(*, seats: int = 1, **switches: str) -> tuple[Pipedrive, Limiter]:
        recipe = {**SMALL, "account": {**SMALL["account"], "seats": seats}}
        made, state = opened(tmp_path / f"{len(states)}.sqlite", recipe, **switches)
        states.append(state)
        return made, Limiter(made.windows(), Clock(), count_refused=False)

    yield make
    for state in states:
        state.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with ExitStack() as stack:

        def start(**switches: str) -> tuple[Rehearsal, httpx.Client]:
            one = stack.enter_context(running("pipedrive", state=tmp_path / "s", token=KEY, switches=switches))
            http = httpx.Client(base_url=one.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)
            return one, stack.enter_context(http)

        yield start


def call(path: str, now: float, *, method: str = "GET", bearer: bool = False) -> Call:
    headers = {"authorization": "Bearer abc"} if bearer else {"x-api-token": KEY}
    return Call(method, tuple(path.strip("/").split("/")), {}, headers, b"", "http://127.0.0.1", now)


def take(pair: tuple[Pipedrive, Limiter], asked: Call) -> Standing:
    vendor, limiter = pair
    return limiter.take(asked.now, vendor.cost(asked))


def passed_at_once(pair: tuple[Pipedrive, Limiter], path: str, *, bearer: bool = False) -> int:
    """How many of many requests in the same moment pass."""
    return sum(take(pair, call(path, NOON, bearer=bearer)).passed for _ in range(600))


@pytest.mark.parametrize(
    ("plan", "by_key", "by_grant"), [("lite", 20, 80), ("growth", 40, 160), ("premium", 100, 400), ("ultimate", 120, 480)]
)
def test_the_burst_is_the_plan_s_and_greater_under_a_grant(inside: Inside, plan: str, by_key: int, by_grant: int) -> None:
    pair = inside(plan=plan, seats=50)
    assert passed_at_once(pair, "/v1/users/me") == by_key
    assert passed_at_once(pair, "/v1/users/me", bearer=True) == by_grant


def test_the_burst_slides(inside: Inside) -> None:
    pair = inside()
    assert [take(pair, call("/v1/users/me", NOON + n * 0.05)).passed for n in range(21)] == [True] * 20 + [False]
    assert take(pair, call("/v1/users/me", NOON + 2.01)).passed
    assert not take(pair, call("/v1/users/me", NOON + 2.02)).passed


def test_searches_have_a_limit_of_their_own_on_every_plan(inside: Inside) -> None:
    pair = inside(plan="ultimate", seats=50)
    assert passed_at_once(pair, "/api/v2/persons/search") == 10
    assert take(pair, call("/v1/users/me", NOON)).passed
    assert passed_at_once(pair, "/api/v2/itemSearch", bearer=True) == 10


@pytest.mark.parametrize(("plan", "seats", "budget"), [("lite", 1, 30_000), ("growth", 3, 180_000), ("ultimate", 2, 420_000)])
def test_the_day_s_budget_is_shared_by_all_and_grows_with_plan_and_seats(
    inside: Inside, plan: str, seats: int, budget: int
) -> None:
    pair = inside(plan=plan, seats=seats)
    for n in range(budget // 80):  # 40 tokens each, by turns with the key and under a grant
        assert take(pair, call("/v1/users/find", NOON + n, bearer=False)).passed
        assert take(pair, call("/v1/users/find", NOON + n, bearer=True)).passed
    end = NOON + budget // 80
    assert end < NOON + 12 * HOUR
    assert not take(pair, call("/v1/users/me", end)).passed
    assert take(pair, call("/v1/users/me", NOON + 12 * HOUR)).passed  # midnight


def test_a_lost_day_tells_itself_by_its_headers(inside: Inside) -> None:
    vendor, limiter = inside(retry_after="on")
    for n in range(749):
        assert limiter.take(NOON + n, vendor.cost(call("/v1/users/find", NOON + n))).passed
    for n in range(13):
        assert limiter.take(NOON + 800 + n, vendor.cost(call("/v1/users/me", NOON + 800 + n))).passed
    asked = call("/v1/users", NOON + 900)  # 14 tokens are left, 20 are needed
    standing = limiter.take(asked.now, vendor.cost(asked))
    headers = vendor.limit_headers(standing, asked.now)
    reply = vendor.limited(asked, standing)
    assert reply.status == 429
    assert headers["x-daily-ratelimit-token-remaining"] == "0"
    assert int(headers["x-ratelimit-remaining"]) > 0
    assert headers["retry-after"] == "3"  # which does not help: the day ends hours later
    assert headers["x-daily-ratelimit-token-limit"] == "30000"


def test_the_day_begins_at_the_switch_s_hour(inside: Inside) -> None:
    pair = inside(reset_hour="14")
    for n in range(750):
        assert take(pair, call("/v1/users/find", NOON + n)).passed
    assert not take(pair, call("/v1/users/me", NOON + 2 * HOUR - 1)).passed
    assert take(pair, call("/v1/users/me", NOON + 2 * HOUR)).passed


def test_beyond_the_burst_comes_a_429_with_headers_and_the_log_knows_the_tokens(served: Served) -> None:
    stand_in, http = served(plan="lite", retry_after="on")
    answers = [http.get("/v1/users/me") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    first, last = answers[0], answers[-1]
    assert first.headers["x-ratelimit-limit"] == "20"
    assert first.headers["x-ratelimit-remaining"] == "19"
    assert first.headers["x-ratelimit-reset"] == "2"
    assert first.headers["x-daily-ratelimit-token-limit"] == "240000"
    assert first.headers["x-daily-ratelimit-token-remaining"] == "239998"
    assert first.headers["x-daily-requests-left"] == "23999"
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert last.headers["retry-after"] in ("1", "2")
    assert last.json() == {
        "success": False,
        "error": "request over limit",
        "errorCode": 429,
        "error_info": "Please check developers.pipedrive.com",
    }
    assert list(stand_in.log()["tokens"]) == [2] * 20 + [0]


@pytest.mark.parametrize(("which", "burst", "daily"), [("documented", True, False), ("none", False, False)])
def test_limit_headers_may_be_missing(served: Served, which: str, burst: bool, daily: bool) -> None:
    _, http = served(limit_headers=which)
    headers = http.get("/v1/users/me").headers
    assert ("x-ratelimit-remaining" in headers) is burst
    assert ("x-daily-ratelimit-token-remaining" in headers) is daily


@pytest.mark.parametrize(("failed", "cost"), [("on", 5), ("off", 0)])
def test_refused_requests_cost_tokens_or_not(served: Served, failed: str, cost: int) -> None:
    stand_in, http = served(failed_cost=failed)
    assert http.post("/api/v2/pipelines", json={"nome": "x"}).status_code == 400
    left = http.get("/v1/users/me").headers["x-daily-ratelimit-token-remaining"]
    assert int(left) == 480_000 - cost - 2
    assert list(stand_in.log()["tokens"]) == [cost, 2]


def test_who_goes_on_after_429_meets_a_page_that_is_no_json_also_after_a_crash(served: Served) -> None:
    chosen = {"plan": "lite", "ignored_429": "3", "blocked_seconds": "900"}
    stand_in, http = served(**chosen)
    answers = [http.get("/v1/users/me") for _ in range(26)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 4 + [403] * 2
    for page in answers[-2:]:
        assert page.headers["content-type"].startswith("text/html")
        assert "This error is produced by Cloudflare" in page.text
        assert not [name for name in page.headers if name.startswith("x-ratelimit")]
    os.kill(stand_in.process.pid, signal.SIGKILL)
    stand_in.process.wait()
    _, again = served(**chosen)
    assert again.get("/v1/users/me").status_code == 403


def test_the_block_ends(inside: Inside) -> None:
    vendor, _ = inside(ignored_429="1", blocked_seconds="60")
    no = Standing(False)
    asked = call("/v1/users/me", NOON)
    assert [vendor.limited(asked, no).status for _ in range(3)] == [429, 429, 403]
    assert vendor.cost(call("/v1/users/me", NOON + 59)) == Cost(("blocked",))
    assert "daily" in vendor.cost(call("/v1/users/me", NOON + 60)).windows
    assert "daily" in vendor.cost(call("/v1/users/me", NOON, bearer=True)).windows  # a grant is another credential


def test_a_pause_after_429_is_forgiven(inside: Inside) -> None:
    vendor, _ = inside(ignored_429="1")
    asked, no, yes = call("/v1/users/me", NOON), Standing(False), Standing(True)
    for _ in range(5):
        assert [vendor.limited(asked, no).status for _ in range(2)] == [429, 429]
        vendor.limit_headers(yes, NOON)


def test_the_budget_used_up_is_not_given_back_by_a_restart(served: Served) -> None:
    stand_in, http = served()
    for _ in range(3):
        http.get("/v1/users/find", params={"term": "a"})
    stand_in.stop()
    _, again = served()
    assert again.get("/v1/users/me").headers["x-daily-ratelimit-token-remaining"] == str(480_000 - 3 * 40 - 2)
