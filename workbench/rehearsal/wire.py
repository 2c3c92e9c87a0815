"""The wire in front of a stand-in: loopback only, token first, then limits, faults, the request itself and its log line."""

from __future__ import annotations

import asyncio
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
from workbench.rehearsal.dumps import tenant
from workbench.rehearsal.engine import Call, Entry, Faults, House, Json, Limiter, Refusal, Reply, StandIn, Standing

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
OWN = "__rehearsal__"
"""First part of the paths that belong to the rehearsal and not to the vendor."""
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, with what the log and the socket need to know of how it came about."""

    reply: Reply
    counted: bool = False
    fault: str | None = None


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
        limiter = Limiter(
            self._vendor.windows(),
            clock,
            rolling=switches["limit_window"] == "rolling",
            count_refused=switches.on("limit_counts_refused"),
        )
        for moment in self._house.state.counted_since(clock.now() - clock.wait(HOUR)):
            limiter.remember(moment)
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
        now = self._house.clock.now()
        path = request.url.path
        refused = self._stopped(request)
        if refused is not None:
            self._log(request, body, Outcome(refused), now, begun)
            return Outcome(refused), {}
        standing = self._limiter.take(now) if self._limiter else None
        headers = self._vendor.limit_headers(standing, now) if standing else {}
        fault = self._faults.pick(self._number, request.method, path)
        if (standing and not standing.passed) or fault == "429":
            spent = standing if standing and not standing.passed else Standing(False, 0, 1.0)
            outcome = Outcome(self._vendor.refuse(429, ()), self._counts_refused(), fault)
            self._log(request, body, outcome, now, begun)
            return outcome, self._vendor.limit_headers(spent, now)
        outcome = self._handled(self._call(request, body, now), request, begun, fault)
        return outcome, headers

    def _counts_refused(self) -> bool:
        return self._house.switches.on("limit_counts_refused")

    def _handled(self, call: Call, request: Request, begun: float, fault: str | None) -> Outcome:
        """Do the work and write the log line in one transaction; a refusal keeps the line alone."""
        before = fault in ("500_before", "drop_before")
        try:
            if before:
                raise Refusal(500, "Internal server error")
            with self._house.state.transaction():
                self._vendor.settle(call.now)
                outcome = Outcome(self._vendor.answer(call), counted=True, fault=fault)
                self._write_down(request, call.body, outcome, call.now, begun)
        except Refusal as no:
            outcome = Outcome(self._vendor.refuse(no.status, no.messages), counted=True, fault=fault)
            self._log(request, call.body, outcome, call.now, begun)
        except Exception:
            # A shape that nobody thought of: the vendor answers such a thing with a 500 too, but here it is worth a look.
            logging.getLogger(__name__).exception("the rehearsal failed at %s %s", request.method, request.url.path)
            outcome = Outcome(self._vendor.refuse(500, ()), counted=True, fault="unforeseen")
            self._log(request, call.body, outcome, call.now, begun)
        if fault == "500_after":
            return Outcome(self._vendor.refuse(500, ("Internal server error",)), counted=True, fault=fault)
        return outcome

    def _stopped(self, request: Request) -> Reply | None:
        if not self._is_ours(request):
            return Reply(421, b"This rehearsal answers to 127.0.0.1 only.\n", "text/plain; charset=utf-8")
        if not self._vendor.authorised(request.headers, request.query_params, self._token):
            return self._vendor.refuse(401, ("Unauthorized",))
        return None

    def _is_ours(self, request: Request) -> bool:
        # A web page that points its own host name at 127.0.0.1 still sends that name (DNS rebinding).
        host, _, port = request.headers.get("host", "").partition(":")
        origin = request.headers.get("origin", "")
        return host in LOOPBACK and port in ("", str(self._port)) and (not origin or _host_of(origin) in LOOPBACK)

    def _call(self, request: Request, body: bytes, now: float) -> Call:
        parts = tuple(unquote(part) for part in request.url.path.split("/") if part)
        host = request.headers.get("host", "")
        return Call(request.method, parts, dict(request.query_params), body, f"{request.url.scheme}://{host}", now)

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
            )
        )

    def _own(self, request: Request, body: bytes) -> Reply:
        """The rehearsal's own paths: the same guard, no limits, no log line."""
        refused = self._stopped(request)
        if refused is not None:
            return refused
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
