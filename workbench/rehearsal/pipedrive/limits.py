"""What Pipedrive lets through: the company's tokens of a day, requests within two seconds, searches, and the block after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from workbench.rehearsal.engine import Call, Cost, House, Left, Reply, Standing, Window, as_json
from workbench.rehearsal.engine.spoiling import blocked
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.oauth import bearing
from workbench.rehearsal.pipedrive.routing import Named

TOKENS, DAY, BURST, SEARCHES = 30_000, 86_400, 2, 10
DAILY: Mapping[str, int] = {"lite": 1, "growth": 2, "premium": 5, "ultimate": 7}
BY_KEY: Mapping[str, int] = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}
BY_GRANT: Mapping[str, int] = {"lite": 80, "growth": 160, "premium": 400, "ultimate": 480}
BLOCKED = "blocked"
WRITE = 10  # tokens of a v1 write, in which the old header counts what is left of a day
OVER_LIMIT = {
    "success": False,
    "error": "request over limit",
    "errorCode": 429,
    "error_info": "Please check developers.pipedrive.com",
}


class Budget:
    """The limits of an account by its plan and seats."""

    def __init__(self, house: House, account: Account) -> None:
        self._house = house
        self._plan = account.plan
        self._seats = account.seats
        self._ignored = 0  # requests that were refused since one passed
        self._until: float = (house.state.meta(BLOCKED) or {}).get("until", 0.0)

    def windows(self) -> Sequence[Window]:
        hour = int(self._house.switches.number("reset_hour")) % 24
        return (
            Window("daily", DAY, TOKENS * DAILY[self._plan] * self._seats, "tokens", offset=hour * 3600),
            Window("burst", BURST, BY_KEY[self._plan], rolling=True),
            Window("burst_oauth", BURST, BY_GRANT[self._plan], rolling=True),
            Window("search", BURST, SEARCHES, rolling=True),
            Window("search_oauth", BURST, SEARCHES, rolling=True),
            Window(BLOCKED, int(self._house.switches.number("blocked_seconds")) or 1, 0, rolling=True),
        )

    def cost(self, call: Call, named: Named | None) -> Cost:
        """The day's tokens, one of the two seconds, and one of the searches; a blocked client gets nowhere."""
        granted = bearing(call)
        if not granted and self._closed(call.now):
            return Cost((BLOCKED,))
        operation = named.operation if named else None
        kind = "_oauth" if granted else ""
        searched = (f"search{kind}",) if operation and operation.search else ()
        refund = not self._house.switches.on("failed_cost")
        return Cost(("daily", f"burst{kind}", *searched), operation.tokens if operation else 0, refund)

    def limited(self, call: Call, standing: Standing) -> Reply:
        """429; a client that goes on asking meets the page of the network in front of the vendor, which is no JSON."""
        if bearing(call):
            return as_json(OVER_LIMIT, 429)
        if not self._shut_out(call.now):
            self._ignored += 1
            return as_json(OVER_LIMIT, 429)
        if not self._closed(call.now):
            self._until = call.now + self._block
            self._house.state.set_meta(BLOCKED, {"until": self._until})
            self._ignored = 0
        return blocked()

    def _shut_out(self, now: float) -> bool:
        """Whether a client of the key is blocked, or with this request too many were sent after a 429."""
        most = int(self._house.switches.number("ignored_429"))
        return self._closed(now) or bool(most and self._ignored > most)

    def _closed(self, now: float) -> bool:
        """Whether a block is on; none lasts longer than it may, though the clock was set back since."""
        return self._until - self._block <= now < self._until

    @property
    def _block(self) -> float:
        return self._house.clock.wait(self._house.switches.number("blocked_seconds"))

    def headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        """How the windows stand; ``x-ratelimit-reset`` counts real seconds, as a client has to wait them."""
        if standing.passed:
            self._ignored = 0
        lefts = {left.window.name.removesuffix("_oauth"): left for left in standing.windows}
        shown = self._house.switches["limit_headers"]
        granted = any(left.window.name.endswith("_oauth") for left in standing.windows)
        if "burst" not in lefts or shown == "none" or (not granted and self._shut_out(now)):
            return {}
        spent = standing.spent.window.name.removesuffix("_oauth") if standing.spent else None
        burst = min((lefts[name] for name in ("burst", "search") if name in lefts), key=lambda left: left.remaining)
        daily = lefts["daily"]
        left = 0 if spent == "daily" else daily.remaining
        headers = {**_burst(burst), **({} if granted else {"x-daily-requests-left": str(left // WRITE)})}
        if shown == "all":
            headers["x-daily-ratelimit-token-limit"] = str(daily.window.allowance)
            headers["x-daily-ratelimit-token-remaining"] = str(left)
        if spent and self._house.switches.on("retry_after"):
            headers["retry-after"] = "3" if spent == "daily" else str(math.ceil(burst.reset))
        return headers


def _burst(left: Left) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(left.window.allowance),
        "x-ratelimit-remaining": str(left.remaining),
        "x-ratelimit-reset": str(math.ceil(left.reset)),
    }
