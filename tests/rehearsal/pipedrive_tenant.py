"""What the tests of Pipedrive's records need: stand-ins with switches of their own, and requests in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from workbench.rehearsal import Rehearsal, running

KEY = "5f" * 20
ME = 22870101
DANA, PRIYA = 22870103, 22870104
REFUSED = "Validation failed: "


class Asking:
    """A client of one stand-in that takes the data out of the envelope."""

    def __init__(self, stand_in: Rehearsal) -> None:
        self.stand_in = stand_in
        self.http = httpx.Client(base_url=stand_in.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        prefix = "" if path.startswith("/") else "/api/v2/"
        return self.http.request(method, prefix + path, json=body, params=query or None)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()["data"]

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status_code in (200, 201), answer.text[:500]
        return answer.json()["data"]

    def patch(self, path: str, body: Any) -> Any:
        answer = self.send("PATCH", path, body)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()["data"]

    def delete(self, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.send("DELETE", path, body, **query)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()["data"]

    def refusal(self, method: str, path: str, body: Any = None, *, expect: int = 400, **query: Any) -> str:
        """The words in which a request is refused."""
        answer = self.send(method, path, body, **query)
        assert answer.status_code == expect, answer.text[:500]
        assert answer.json()["success"] is False
        return str(answer.json()["error"])


@contextmanager
def account(folder: Path, *, scale: float = 1000, tenant: str | Path | None = None, **switches: str) -> Iterator[Asking]:
    """A stand-in of its own without limits."""
    chosen = {"limits": "off", **switches}
    with running(
        "pipedrive", state=folder / "state.sqlite", token=KEY, tenant=tenant, time_scale=scale, switches=chosen
    ) as one:
        asking = Asking(one)
        try:
            yield asking
        finally:
            asking.http.close()
