"""What every test of the rehearsal Freshsales needs: a client of it, and records made in one line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from workbench.rehearsal import Rehearsal

KEY = "rehearsal-key-7f3a"
FREE = {"limits": "off"}
Json = dict[str, Any]
Started = Callable[..., tuple[Rehearsal, httpx.Client]]
WRAPPERS = {"sales_activities": "sales_activity"}


def client(stand_in: Rehearsal, *, key: str = KEY) -> httpx.Client:
    headers = {"Authorization": f"Token token={key}"}
    return httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=60)


def contact(http: httpx.Client, **keys: object) -> Json:
    answer = http.post("/contacts", json={"contact": {"last_name": "Sample", **keys}})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["contact"]


def made(http: httpx.Client, path: str, **keys: object) -> Json:
    answer = http.post(path, json=keys)
    assert answer.status_code in (200, 201), answer.text
    kind = path.strip("/")
    return answer.json()[WRAPPERS.get(kind, kind[:-1])]


def field(http: httpx.Client, object_: str, label: str, kind: str, **more: object) -> Json:
    form = http.get(f"/settings/{object_}/forms").json()["forms"][0]["id"]
    answer = http.post(f"/settings/{object_}/forms/{form}/fields", json={"label": label, "type": kind, **more})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["field"]


def finished(http: httpx.Client, answer: httpx.Response) -> Json:
    """What the job says once it is done."""
    assert answer.status_code in (200, 202), answer.text
    for _ in range(3000):
        job = http.get(answer.json()["job_status_url"]).json()
        if job["status"] == "SUCCESS":
            return json.loads(job["data"]) if isinstance(job["data"], str) else job["data"]
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def view_of(http: httpx.Client, kind: str, name: str) -> int:
    return next(row["id"] for row in http.get(f"/{kind}/filters").json()["filters"] if row["name"] == name)


def in_view(http: httpx.Client, kind: str, name: str, query: str = "per_page=100") -> list[int]:
    return [row["id"] for row in http.get(f"/{kind}/view/{view_of(http, kind, name)}?{query}").json()[kind]]


def messages(answer: httpx.Response) -> list[str]:
    return answer.json()["errors"]["message"]


def upload(http: httpx.Client, content: bytes, name: str = "plan.pdf", **fields: str) -> httpx.Response:
    """A file by the vendor's form; ``fields`` are the other parts."""
    return http.post("/documents", files={"file": (name, content, "application/pdf")}, data={"file_name": name, **fields})
