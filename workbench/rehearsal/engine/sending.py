"""How an answer goes onto the socket: whole, cut off, as a flood, or not at all."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate

from starlette.types import Receive, Send

from workbench.rehearsal.engine.contract import Reply
from workbench.rehearsal.engine.faults import Met
from workbench.rehearsal.engine.limits import Clock
from workbench.rehearsal.engine.spoiling import half

MEBIBYTE = 1024 * 1024
BOMB = 72
"""Mebibytes to which the small body of ``gzip_bomb`` unpacks."""
BODILESS = (204, 304)
Headers = list[tuple[bytes, bytes]]


class Sender:
    """Writes answers, with the vendor's own time in their Date, and plays the faults of the socket."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopping = asyncio.Event()
        self._date = (0, b"")

    def stop(self) -> None:
        """Let go of every request that is held, since the server is to end."""
        self._stopping.set()

    async def stopped_within(self, seconds: float | None) -> bool:
        """Wait so long, or for ever; true when the server is to end meanwhile."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def send(self, reply: Reply, headers: Mapping[str, str], send: Send) -> None:
        """The whole answer, as it should be."""
        length = [] if reply.status in BODILESS else [(b"content-length", b"%d" % len(reply.body))]
        await self._head(reply, headers, length, send)
        await send({"type": "http.response.body", "body": reply.body})

    async def fail(self, met: Met, reply: Reply, headers: Mapping[str, str], *, receive: Receive, send: Send) -> None:
        """The answer, if there is one, as the fault of the socket lets it through."""
        match met.kind:
            case "drop_before" | "drop_after":
                await self.reset(receive, send)
            case "hang_before" | "hang_after":
                await self._hang(receive, send)
            case "cut_length":
                await self._cut(reply, headers, [(b"content-length", b"%d" % len(reply.body))], receive=receive, send=send)
            case "cut_chunked":
                await self._cut(reply, headers, [], receive=receive, send=send)
            case "gzip_bomb":
                await self._bomb(reply, headers, send)
            case "close_idle":
                await self.send(reply, headers, send)
                _close_when_idle(send, met.seconds)
            case "close_race":
                await self.send(reply, headers, send)
                _reset_at_next(send)
            case _:
                await self.send(reply, headers, send)

    async def reset(self, receive: Receive, send: Send) -> None:
        """Reset the connection: the client sees neither an answer nor an orderly end."""
        _abort(_transport(send))
        await _gone(receive)

    async def _hang(self, receive: Receive, send: Send) -> None:
        """Say nothing until the client has gone, or the server has to."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        leaving = asyncio.ensure_future(_gone(receive))
        await asyncio.wait((stopping, leaving), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        _abort(_transport(send))
        await leaving

    async def _cut(self, reply: Reply, headers: Mapping[str, str], length: Headers, *, receive: Receive, send: Send) -> None:
        await self._head(reply, headers, length, send)
        await send({"type": "http.response.body", "body": half(reply), "more_body": True})
        _transport(send).close()
        await _gone(receive)

    async def _bomb(self, reply: Reply, headers: Mapping[str, str], send: Send) -> None:
        """A JSON text of blanks, packed as it goes out, so that it is nowhere in one piece."""
        packer, blanks = zlib.compressobj(wbits=31), b" " * MEBIBYTE
        await self._head(reply, headers, [(b"content-encoding", b"gzip")], send)
        for part in (b'{"note":"', *([blanks] * BOMB), b'"}'):
            if packed := packer.compress(part):
                await send({"type": "http.response.body", "body": packed, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": packer.flush()})

    async def _head(self, reply: Reply, headers: Mapping[str, str], more: Headers, send: Send) -> None:
        named = {**reply.headers, **headers}
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
        kind = (b"content-type", reply.content_type.encode("latin-1"))
        lines = [(b"date", self._now()), kind, *more, *lines]
        await send({"type": "http.response.start", "status": reply.status, "headers": lines})

    def _now(self) -> bytes:
        second = int(self._clock.now())
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


def retry_after(reply: Reply, met: Met, now: float) -> Reply:
    """The refusal with Retry-After in the form that the fault asks for; without a form it is the vendor's own."""
    others = {name: value for name, value in reply.headers.items() if name.lower() != "retry-after"}
    match met.retry_after:
        case "":
            return reply
        case "none":
            return replace(reply, headers=others)
        case "seconds":
            said = str(math.ceil(met.seconds))
        case "date":
            said = formatdate(math.ceil(now + met.seconds), usegmt=True)
        case "past":
            said = formatdate(now - 3600, usegmt=True)
        case said:
            pass
    return replace(reply, headers={**others, "retry-after": said})


class _Slammer(asyncio.Protocol):
    """Takes a connection over after an answer, and resets it at the first byte of the next request."""

    def __init__(self, transport: asyncio.Transport, before: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._before = before

    def data_received(self, data: bytes) -> None:
        _abort(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)


def _reset_at_next(send: Send) -> None:
    transport = _transport(send)
    transport.set_protocol(_Slammer(transport, transport.get_protocol()))


def _close_when_idle(send: Send, seconds: float) -> None:
    """Close the connection later, as servers do, unless the next request has begun by then."""
    transport, cycle = _transport(send), send.__self__  # type: ignore[attr-defined]
    protocol = transport.get_protocol()

    def close() -> None:
        if protocol.cycle is cycle:  # type: ignore[attr-defined]
            transport.close()

    asyncio.get_running_loop().call_later(seconds, close)


def _transport(send: Send) -> asyncio.Transport:
    # ASGI has no word for this. The bound ``send`` belongs to uvicorn's request cycle, which holds the socket.
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport


def _abort(transport: asyncio.Transport) -> None:
    if transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _gone(receive: Receive) -> None:
    """Until the connection has ended; uvicorn would send an answer of its own before that."""
    while (await receive())["type"] != "http.disconnect":
        pass
