"""The wire in front of a stand-in: loopback only, token first, then limits, faults, the request itself and its log line."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send

from workbench.rehearsal.engine.backdoor import OWN, Backdoor
from workbench.rehearsal.engine.bodies import TooLarge, taken, too_large
from workbench.rehearsal.engine.contract import Call, House, Refusal, Reply, StandIn
from workbench.rehearsal.engine.faults import Met
from workbench.rehearsal.engine.limits import Cost, Left, Limiter, Standing
from workbench.rehearsal.engine.sending import Sender, retry_after
from workbench.rehearsal.engine.spoiling import blocked, gateway, spoiled
from workbench.rehearsal.engine.state import Entry

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
MISDIRECTED = Reply(421, b"This rehearsal answers to 127.0.0.1 only.\n", "text/plain; charset=utf-8")
UNANSWERED = Reply(0, b"")
ID = re.compile(r"/(?:\d+|[0-9a-f-]{36})(?=/|$)")
REMEMBERED = 32
"""Kinds of requests whose last answer is kept for the fault ``swapped``."""
LONG = 8
"""Letters from which on a key is taken out of the log wherever it stands; a shorter one may be any word."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request on its way through: what it may cost, how the limits stand, and the fault that it meets."""

    call: Call
    path: str
    line: str  # path and query as the log shows them
    begun: float
    cost: Cost = Cost(())  # noqa: RUF009 -- frozen
    standing: Standing = Standing(True)  # noqa: RUF009 -- frozen
    met: Met | None = None
    barred: Reply | None = None  # what stops it before all else

    @property
    def own(self) -> bool:
        """Whether it is for the rehearsal and not for the vendor."""
        return self.path.startswith(f"/{OWN}/")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, with what the log needs to know of how it came about."""

    reply: Reply
    counted: bool = False
    tokens: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire:
    """One ASGI application; its handlers run on the event loop one after the other, so no two requests interleave."""

    def __init__(self, house: House, stand_in: StandIn, *, token: str, port: int) -> None:
        self._house = house
        self._vendor = stand_in
        self._token = token
        self._port = port
        self._faults = house.faults
        self._limiter = self._limits()
        self._sender = Sender(house.clock)
        self._backdoor = Backdoor(house, stand_in, token=token)
        self._answers: OrderedDict[tuple[str, str], Reply] = OrderedDict()

    def stop(self) -> None:
        """Let go of every request that is held; called when the server begins to end."""
        self._sender.stop()

    def _limits(self) -> Limiter | None:
        switches, clock = self._house.switches, self._house.clock
        if not switches.on("limits"):
            return None
        windows = self._vendor.windows()
        limiter = Limiter(windows, clock, count_refused=switches.on("limit_counts_refused"))
        longest = max((window.seconds for window in windows), default=0)
        now = clock.now()  # what the log has beyond it was noted before the clock was set back
        for moment, tokens, names in self._house.state.counted(now - clock.wait(longest), now):
            limiter.remember(moment, Cost(tuple(names.split()), tokens))
        return limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        visit = self._guarded(self._visit(scope))
        try:
            if visit.barred is None:
                most = self._vendor.body_limit(visit.call)
                body = await taken(receive, visit.call.headers, most=most)
                if body is None:  # the client left before it had said all
                    return
                call = replace(visit.call, body=body, now=self._house.clock.now())
                visit = replace(visit, call=call, begun=time.perf_counter())
        except TooLarge:
            visit = replace(visit, barred=too_large(most))
        if visit.own:
            await self._sender.send(visit.barred or self._backdoor.answer(visit.call, visit.path), {}, send)
            return
        visit = visit if visit.barred else self._entered(visit)
        if visit.met and visit.met.kind == "late":
            if await self._sender.stopped_within(visit.met.seconds):
                await self._sender.reset(receive, send)
                return
            call = replace(visit.call, now=self._house.clock.now())
            visit = replace(visit, call=call, begun=time.perf_counter())
        outcome = self._outcome(visit)
        if visit.met is None:
            await self._sender.send(outcome.reply, outcome.headers, send)
        else:
            await self._sender.fail(visit.met, outcome.reply, outcome.headers, receive=receive, send=send)

    def _visit(self, scope: Scope) -> Visit:
        """The request as far as its head tells; its body is taken only from one who may enter."""
        raw, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        parts = tuple(unquote(part) for part in raw.split("/") if part)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        call = Call(
            method=scope["method"],
            parts=parts,
            query=_together(parse_qsl(query, keep_blank_values=True)) if query else {},
            headers=headers,
            body=b"",
            host=f"{scope['scheme']}://{headers.get('host', '')}",
            now=self._house.clock.now(),
            slash=raw.endswith("/"),
        )
        return Visit(call, scope["path"], self._line(scope["path"], query), time.perf_counter())

    def _line(self, path: str, query: str) -> str:
        """Path and query for the log, names decoded so that those of secrets are known, and without the key itself."""
        if "%" in query:
            query = "&".join(unquote(name) + sign + value for name, sign, value in _pairs(query))
        line = f"{path}?{query}" if query else path
        return line.replace(self._token, "***") if len(self._token) >= LONG else line

    def _guarded(self, visit: Visit) -> Visit:
        """Past host and key, or barred. Who is stopped here has no cost, meets no fault, and sends no body."""
        call = visit.call
        if not self._is_ours(call):
            return replace(visit, barred=MISDIRECTED)
        if visit.own:
            return replace(visit, barred=self._backdoor.stranger(call))
        if not self._vendor.authorised(call, self._token):
            return replace(visit, barred=self._vendor.refuse(401, ("Unauthorized",), call=call))
        return visit

    def _entered(self, visit: Visit) -> Visit:
        """Past the limits, then chance."""
        call = visit.call
        cost = self._vendor.cost(call)
        standing = self._limiter.take(call.now, cost) if self._limiter else Standing(True)
        swappable = self._kind_of(visit) in self._answers
        met = self._faults.pick(call.method, visit.path, swappable=swappable) if standing.passed else None
        return replace(visit, cost=cost, standing=standing, met=met)

    def _outcome(self, visit: Visit) -> Outcome:
        """The answer, with everything that it stands for written down and committed."""
        if visit.barred:
            return self._logged(visit, Outcome(visit.barred))
        if not visit.standing.passed:
            return self._over(visit, visit.standing)
        if visit.met and visit.met.phase == "before":
            return self._stopped(visit, visit.met)
        outcome = self._handled(visit)
        if visit.met and visit.met.kind == "replay":
            self._handled(visit)
        reply = self._met(visit, visit.met, outcome.reply) if visit.met else outcome.reply
        if outcome.reply.status < 300:
            self._remember(visit, outcome.reply)
        headers = self._vendor.limit_headers(visit.standing, visit.call.now) if self._limiter else {}
        return replace(outcome, reply=reply, headers=headers)

    def _stopped(self, visit: Visit, met: Met) -> Outcome:
        """The answer of a fault that strikes before any work is done."""
        if met.kind in ("429", "429_daily"):
            return self._over(visit, self._used_up(visit, met), met)
        if met.kind[0] == "5":
            reply = self._broken(visit.call, int(met.kind[:3]))
            return self._logged(visit, Outcome(reply, True, self._charged(visit.cost, visit.call.now)))
        self._uncount(visit.cost)  # it never came as far as the vendor
        if met.kind == "expired":
            return self._logged(visit, Outcome(self._vendor.refuse(401, ("Unauthorized",), call=visit.call)))
        return self._logged(visit, Outcome(blocked() if met.kind == "403_page" else UNANSWERED))

    def _met(self, visit: Visit, met: Met, reply: Reply) -> Reply:
        """The answer of a fault that strikes when the work is done."""
        if met.kind[0] == "5":
            return self._broken(visit.call, int(met.kind[:3]))
        if met.kind == "swapped":
            return self._answers[self._kind_of(visit)]
        return spoiled(reply, met.kind, host=visit.call.host)

    def _over(self, visit: Visit, standing: Standing, met: Met | None = None) -> Outcome:
        """The refusal of a request beyond the limits, be they real or those of a fault."""
        call, counted = visit.call, self._house.switches.on("limit_counts_refused")
        if met and not counted:
            self._uncount(visit.cost)
        headers = dict(self._vendor.limit_headers(standing, call.now))
        try:
            with self._house.state.transaction():
                reply = self._vendor.limited(call, standing)
                if met:
                    reply = retry_after(reply, met, call.now)
                outcome = Outcome(reply, counted, visit.cost.tokens if counted else 0, headers)
                self._write_down(visit, outcome)
        except sqlite3.Error:
            return self._unwritten(visit)
        return outcome

    def _used_up(self, visit: Visit, met: Met) -> Standing:
        """Limits as they would stand if one were used up: the shortest, or for a lost day the budget of tokens."""
        known = {left.window.name: left for left in visit.standing.windows}
        windows = [window for window in self._vendor.windows() if window.name in visit.cost.windows]
        lefts = [known.get(window.name) or Left(window, window.allowance, 0.0) for window in windows]
        unit = "tokens" if met.kind == "429_daily" else "requests"
        spent = min((left for left in lefts if left.window.unit == unit), key=lambda left: left.window.seconds, default=None)
        if spent is None:
            return Standing(False, tuple(lefts))
        now = replace(spent, remaining=0, reset=met.seconds)
        return Standing(False, tuple(now if left is spent else left for left in lefts), now)

    def _handled(self, visit: Visit) -> Outcome:
        """Do the work and write the log line in one transaction; a refusal keeps the line alone.

        What has become due is done in one before it, since it stands whatever comes of the request.
        """
        call, tokens = visit.call, visit.cost.tokens
        self._faults.begin(call.method, visit.path)
        try:
            with self._house.state.transaction():
                self._vendor.settle(call.now)
            with self._house.state.transaction():
                outcome = Outcome(self._vendor.answer(call), True, tokens)
                self._write_down(visit, outcome, self._faults.named(visit.met))
        except Refusal as no:
            reply = no.reply or self._vendor.refuse(no.status, no.messages, call=call)
            outcome = self._logged(visit, Outcome(reply, True, self._charged(visit.cost, call.now)))
        except Exception:
            self._vendor.undone()
            # A shape that nobody thought of: the vendor answers such a thing with a 500 too, but here it is worth a look.
            logging.getLogger(__name__).exception("the rehearsal failed at %s %s", call.method, visit.path)
            outcome = self._logged(visit, Outcome(self._vendor.refuse(500, (), call=call), True, tokens), "unforeseen")
        return outcome

    def _charged(self, cost: Cost, now: float) -> int:
        """The tokens that a refused request costs."""
        if not cost.refund:
            return cost.tokens
        if self._limiter:
            self._limiter.give_back(now, cost)
        return 0

    def _uncount(self, cost: Cost) -> None:
        if self._limiter:
            self._limiter.uncount(cost)

    def _broken(self, call: Call, status: int) -> Reply:
        return self._vendor.refuse(500, ("Internal server error",), call=call) if status == 500 else gateway(status)

    def _kind_of(self, visit: Visit) -> tuple[str, str]:
        return visit.call.method, ID.sub("/#", visit.path)

    def _remember(self, visit: Visit, reply: Reply) -> None:
        kind = self._kind_of(visit)
        self._answers[kind] = reply
        self._answers.move_to_end(kind)
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)

    def _is_ours(self, call: Call) -> bool:
        # A web page that points its own host name at 127.0.0.1 still sends that name (DNS rebinding).
        host, _, port = call.headers.get("host", "").partition(":")
        origin = call.headers.get("origin", "")
        return host in LOOPBACK and port in ("", str(self._port)) and (not origin or _host_of(origin) in LOOPBACK)

    def _logged(self, visit: Visit, outcome: Outcome, fault: str | None = None) -> Outcome:
        try:
            with self._house.state.transaction():
                self._write_down(visit, outcome, fault)
        except sqlite3.Error:
            return self._unwritten(visit)
        return outcome

    def _unwritten(self, visit: Visit) -> Outcome:
        """Not even the line of the log could be kept, so nothing was done: the disk is full, until it is not."""
        logging.getLogger(__name__).exception("the rehearsal could not write down %s %s", visit.call.method, visit.path)
        return Outcome(self._vendor.refuse(500, (), call=visit.call))

    def _write_down(self, visit: Visit, outcome: Outcome, fault: str | None = None) -> None:
        self._house.state.write_down(
            Entry(
                at=visit.call.now,
                method=visit.call.method,
                path=visit.line,
                status=outcome.reply.status,
                ms=round((time.perf_counter() - visit.begun) * 1000, 3),
                bytes_in=len(visit.call.body),
                bytes_out=len(outcome.reply.body),
                counted=outcome.counted,
                fault=fault or (visit.met.kind if visit.met else None),
                tokens=outcome.tokens,
                windows=" ".join(visit.cost.windows),
            )
        )


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in query.split("&")]


def _host_of(origin: str) -> str:
    return origin.partition("://")[2].partition(":")[0]


def _together(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """A query by name; a name that stands several times has its values as one comma list."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
