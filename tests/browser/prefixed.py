"""A reverse proxy on loopback that hands on what lies below one prefix, as JupyterHub does, and refuses everything else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer

HEAD, PIECE = b"\r\n\r\n", 65536


@dataclass
class Proxy(ThreadingTCPServer):
    """One request a connection, or one WebSocket; what it was asked for is kept."""

    prefix: str
    behind: int  # the port of the server that it stands before
    asked: list[str] = field(default_factory=list)  # paths below the prefix
    strays: list[str] = field(default_factory=list)  # every other path

    daemon_threads = True
    allow_reuse_address = True

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)

    __hash__ = object.__hash__

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self.prefix}"


class _Connection(BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        head, _, rest = self._head().partition(HEAD)
        if not head:
            return
        path = head.split(b" ", 2)[1].decode()
        if not path.startswith(f"{self.server.prefix}/"):
            self.server.strays.append(path)
            self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.server.asked.append(path)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.behind)) as behind:
            behind.sendall(_handed_on(head) + HEAD + rest)
            back = threading.Thread(target=_pump, args=(self.request, behind), daemon=True)
            back.start()
            _pump(behind, self.request)

    def _head(self) -> bytes:
        read = b""
        while HEAD not in read:
            piece = self.request.recv(PIECE)
            if not piece:
                return b""
            read += piece
        return read


def _handed_on(head: bytes) -> bytes:
    """The head of a request, with the connection closed behind it where it asks for nothing else."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    upgrades = any(line.lower().startswith(b"upgrade:") for line in lines)
    return b"\r\n".join([*lines, b"Connection: Upgrade" if upgrades else b"Connection: close"])


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(prefix: str, behind: int) -> Iterator[Proxy]:
    """A proxy before this port, to the end of the block."""
    with Proxy(prefix, behind) as proxy:
        serving = threading.Thread(target=proxy.serve_forever, daemon=True)
        serving.start()
        yield proxy
        proxy.shutdown()
        serving.join()
