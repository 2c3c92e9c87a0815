"""The wire in front of a stand-in: loopback only, token first, then limits, faults, the request itself and its log line."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from workbench.errors import WorkbenchError
from workbench.rehearsal.engine.contract import Call, House, Refusal, Reply, StandIn
from workbench.rehearsal.engine.dumps import tenant
from workbench.rehearsal.engine.faults import Faults
from workbench.rehearsal.engine.limits import Cost, Limiter, Standing
from workbench.rehearsal.engine.state import Entry, Json

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
OWN = "__rehearsal__"
"""First part of the paths that belong to the rehearsal and not to the vendor."""
KEY_HEADER = "x-rehearsal-key"
MISDIRECTED = Reply(421, b"This rehearsal answers to 127.0.0.1 only.\n", "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, with what the log and the socket need to know of how it came about."""

    reply: Reply
    counted: bool = False
    fault: str | None = None
    tokens: int = 0


class Wire:
    """One ASGI application; its handlers run on the event loop one after the other, so no two requests interleave."""

    def __init__(self, house: House, stand_in: StandIn, *, token: str, port: int) -> None:
        self._house = house
        self._vendor = stand_in
        self._token = token
        self._port = port
        self._faults = Faults(house.switches)
        self._number = house.state.requests()
        self._limiter = self._limits()

    def _limits(self) -> Limiter | None:
        switches, clock = self._house.switches, self._house.clock
        if not switches.on("limits"):
            return None
        windows = self._vendor.windows()
        limiter = Limiter(windows, clock, count_refused=switches.on("limit_counts_refused"))
        longest = max((window.seconds for window in windows), default=0)
        names = tuple(window.name for window in windows)
        for moment, tokens in self._house.state.counted_since(clock.now() - clock.wait(longest)):
            limiter.remember(moment, Cost(names, tokens))
        return limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        if scope["path"].startswith(f"/{OWN}/"):
            reply = self._own(request, body)
            await _response(reply, {})(scope, receive, send)
            return
        begun = time.perf_counter()
        outcome, headers = self._vendor_reply(request, body, begun)
        if outcome.fault in ("drop_before", "drop_after"):
            await _hang_up(send)
            return
        await _response(outcome.reply, headers, cut=outcome.fault == "truncated")(scope, receive, send)

    def _vendor_reply(self, request: Request, body: bytes, begun: float) -> tuple[Outcome, Mapping[str, str]]:
        self._number += 1
        call = self._call(request, body)
        refused = self._stopped(call)
        if refused is not None:
            self._log(request, body, Outcome(refused), call.now, begun)
            return Outcome(refused), {}
        cost = self._vendor.cost(call)
        standing = self._limiter.take(call.now, cost) if self._limiter else Standing(True)
        fault = self._faults.pick(self._number, call.method, request.url.path)
        if not standing.passed or fault == "429":
            counted = self._house.switches.on("limit_counts_refused")
            outcome = Outcome(self._vendor.limited(call, standing), counted, fault, cost.tokens if counted else 0)
            self._log(request, body, outcome, call.now, begun)
            return outcome, self._vendor.limit_headers(standing, call.now)
        outcome = self._handled(call, request, begun, fault, cost)
        return outcome, self._vendor.limit_headers(standing, call.now) if self._limiter else {}

    def _handled(self, call: Call, request: Request, begun: float, fault: str | None, cost: Cost) -> Outcome:
        """Do the work and write the log line in one transaction; a refusal keeps the line alone."""
        try:
            if fault in ("500_before", "drop_before"):
                raise Refusal(500, "Internal server error")
            with self._house.state.transaction():
                self._vendor.settle(call.now)
                outcome = Outcome(self._vendor.answer(call), True, fault, cost.tokens)
                self._write_down(request, call.body, outcome, call.now, begun)
        except Refusal as no:
            reply = no.reply or self._vendor.refuse(no.status, no.messages)
            outcome = Outcome(reply, True, fault, cost.tokens)
            self._log(request, call.body, outcome, call.now, begun)
        except Exception:
            # A shape that nobody thought of: the vendor answers such a thing with a 500 too, but here it is worth a look.
            logging.getLogger(__name__).exception("the rehearsal failed at %s %s", request.method, request.url.path)
            outcome = Outcome(self._vendor.refuse(500, ()), True, "unforeseen", cost.tokens)
            self._log(request, call.body, outcome, call.now, begun)
        if fault == "500_after":
            return Outcome(self._vendor.refuse(500, ("Internal server error",)), True, fault, cost.tokens)
        return outcome

    def _stopped(self, call: Call) -> Reply | None:
        if not self._is_ours(call):
            return MISDIRECTED
        if not self._vendor.authorised(call, self._token):
            return self._vendor.refuse(401, ("Unauthorized",))
        return None

    def _is_ours(self, call: Call) -> bool:
        # A web page that points its own host name at 127.0.0.1 still sends that name (DNS rebinding).
        host, _, port = call.headers.get("host", "").partition(":")
        origin = call.headers.get("origin", "")
        return host in LOOPBACK and port in ("", str(self._port)) and (not origin or _host_of(origin) in LOOPBACK)

    def _call(self, request: Request, body: bytes) -> Call:
        parts = tuple(unquote(part) for part in request.url.path.split("/") if part)
        headers = dict(request.headers)
        host = f"{request.url.scheme}://{headers.get('host', '')}"
        return Call(request.method, parts, dict(request.query_params), headers, body, host, self._house.clock.now())

    def _log(self, request: Request, body: bytes, outcome: Outcome, now: float, begun: float) -> None:
        with self._house.state.transaction():
            self._write_down(request, body, outcome, now, begun)

    def _write_down(self, request: Request, body: bytes, outcome: Outcome, now: float, begun: float) -> None:
        query = f"?{request.url.query}" if request.url.query else ""
        self._house.state.write_down(
            Entry(
                at=now,
                method=request.method,
                path=request.url.path + query,
                status=outcome.reply.status,
                ms=round((time.perf_counter() - begun) * 1000, 3),
                bytes_in=len(body),
                bytes_out=len(outcome.reply.body),
                counted=outcome.counted,
                fault=outcome.fault,
                tokens=outcome.tokens,
            )
        )

    def _own(self, request: Request, body: bytes) -> Reply:
        """The rehearsal's own paths: the same guard, no limits, no log line."""
        call = self._call(request, body)
        if not self._is_ours(call):
            return MISDIRECTED
        if not hmac.compare_digest(call.headers.get(KEY_HEADER, "").encode(), self._token.encode()):
            return _json({"message": f"the header {KEY_HEADER} does not hold the key"}, 401)
        try:
            return _json(self._asked(request, body))
        except Refusal as no:
            return _json({"message": list(no.messages)}, no.status)
        except WorkbenchError as error:
            return _json({"message": str(error)}, 400)

    def _asked(self, request: Request, body: bytes) -> object:
        with self._house.state.transaction():
            self._vendor.settle(self._house.clock.now())
        asked = (request.method, request.url.path.removeprefix(f"/{OWN}/").strip("/"))
        if asked == ("GET", "log"):
            return {"rows": self._house.state.log(_whole(request.query_params.get("since", "0")))}
        if asked == ("GET", "dump"):
            return tenant(self._house.state.db)
        if asked == ("POST", "faults"):
            return self._order(_object(body))
        if asked == ("POST", "admin/fields"):
            with self._house.state.transaction():
                return {"fields": self._vendor.create_fields(_objects(body))}
        raise Refusal(404, "the rehearsal has log, dump, faults and admin/fields")

    def _order(self, wish: Json) -> Json:
        self._faults.order(str(wish.get("kind")), path=str(wish.get("path", "")), count=_whole(str(wish.get("count", 1))))
        return {"ordered": wish}


def _host_of(origin: str) -> str:
    return origin.partition("://")[2].partition(":")[0]


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise Refusal(400, f"expected a whole number, found {text!r}")
    return int(text)


def _object(body: bytes) -> Json:
    value = _parsed(body)
    if not isinstance(value, dict):
        raise Refusal(400, "expected a JSON object")
    return value


def _objects(body: bytes) -> list[Json]:
    value = _parsed(body)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Refusal(400, "expected a JSON list of objects")
    return value


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None


def _json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value, ensure_ascii=False, sort_keys=True).encode())


def _response(reply: Reply, headers: Mapping[str, str], *, cut: bool = False) -> Response:
    body = reply.body[: len(reply.body) // 2] if cut else reply.body
    return Response(body, reply.status, {**reply.headers, **headers}, media_type=reply.content_type)


async def _hang_up(send: Send) -> None:
    """Reset the connection: the client sees neither an answer nor an orderly end."""
    # ASGI has no word for this. The bound ``send`` belongs to uvicorn's request cycle, which holds the socket.
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0.01)  # uvicorn learns of the closed socket in its next turn, and then sends nothing itself
