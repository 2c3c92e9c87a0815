"""A real client in a process and an environment of its own, told call by call what to do."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

REPO = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class ClientError(Exception):
    """What the client raised: the name of its own error, and what it said."""

    def __init__(self, kind: str, said: Any) -> None:
        super().__init__(f"{kind}: {said}")
        self.kind = kind
        self.said = said


def environment(name: str) -> Path:
    """The folder that ``make clients`` made for one client."""
    folder = REPO / ".clients" / name
    assert (folder / ".ready").is_file(), f"the environment of {name} is missing or half made: make clients"
    return folder


def shell(**further: str) -> dict[str, str]:
    """The variables of this process without proxies and without our own packages."""
    left_out = (*PROXIES, "pythonpath", "virtual_env")
    return {**{name: value for name, value in os.environ.items() if name.lower() not in left_out}, **further}


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> str:
    """What a client's own command printed; it must end well and within two minutes."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=dict(env), timeout=120)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


class Talk:
    """One client at the other end of two pipes: a JSON line for a call, a JSON line for what came of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._in, self._out = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

    def tell(self, wish: Mapping[str, Any]) -> None:
        """Say something that has no answer."""
        self._in.write(json.dumps(wish) + "\n")
        self._in.flush()

    def ask(self, wish: Mapping[str, Any]) -> Any:
        """What the client returned; ``ClientError`` where it raised."""
        self.tell(wish)
        line = self._out.readline()
        assert line, "the client's process has ended"
        said = json.loads(line)
        if "error" in said:
            raise ClientError(said["error"], said["said"])
        return said["answer"]


@contextmanager
def talking(command: Sequence[str | Path], env: Mapping[str, str]) -> Iterator[Talk]:
    """A driver's process for the length of a ``with`` block."""
    words = [str(word) for word in command]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(env)) as process:
        try:
            yield Talk(process)
            cast(IO[str], process.stdin).close()
            assert process.wait(timeout=60) == 0, "the client's process ended with an error"
        finally:
            process.kill()


def a_file(name: str, kind: str, content: bytes) -> dict[str, Any]:
    """A file on its way to the Node client."""
    return {"$file": {"name": name, "type": kind, "base64": base64.b64encode(content).decode()}}


def content_of(answer: Any) -> bytes:
    """The bytes that the Node client got."""
    return base64.b64decode(answer["$bytes"])
