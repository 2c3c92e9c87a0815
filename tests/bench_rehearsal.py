"""Figures of a stand-in under load: single creates and bulk upserts a second, and the memory of the server and of a dump.

Server and client are two processes; what the client sends is made ready before the clock runs.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from workbench.rehearsal import Rehearsal, running

KEY = "bench-key"
TOKEN = {"Authorization": f"Token token={KEY}"}
SINGLES, RECORDS, ROWS, CONNECTIONS = 3_000, 200_000, 100, 4
WATCHED = (20_000, 50_000, 100_000, 150_000, 200_000)
MEGABYTE = 1024 * 1024
PLAIN = ("first_name", "last_name", "mobile_number")
Row = dict[str, Any]
QUICK = {"limits": "off", "job_seconds": "0.001", "job_seconds_per_row": "0"}
FIELDS = [
    {"object": "contacts", "label": "Member no", "type": "text", "unique": True},
    {"object": "contacts", "label": "Rank", "type": "number"},
    {"object": "contacts", "label": "Remark", "type": "text"},
]
DUMPED = """
import resource, sys, time
from pathlib import Path
from workbench.rehearsal import canonical, dump
begun = time.monotonic()
tenant = dump(Path(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(len(tenant["records"]["contacts"]), round(time.monotonic() - begun), peak)
begun = time.monotonic()
text = canonical(tenant)
print(len(text) // 2**20, round(time.monotonic() - begun), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def rehearsals() -> Iterator[str]:
    """Measure a stand-in of Freshsales with one client; one line per figure, as soon as it is known."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for measure in (_singles, _plain, _full):
            state = Path(folder) / f"{measure.__name__}.sqlite"
            with running("freshsales", state=state, token=KEY, time_scale=1000, switches=QUICK) as stand_in:
                stand_in.admin_create_fields(FIELDS)
                yield from measure(stand_in)
        yield from _dumped(state)


def _singles(stand_in: Rehearsal) -> Iterator[str]:
    with httpx.Client(base_url=stand_in.url, headers=TOKEN, trust_env=False) as http:
        bodies = [json.dumps({"contact": {**row.pop("data"), **row}}).encode() for row in _rows(0, SINGLES, _owner(http))]
        process, begun = psutil.Process(stand_in.process.pid), time.monotonic()
        used = sum(process.cpu_times()[:2])
        for body in bodies:
            answer = http.post("/contacts", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200, answer.text
        spent = sum(process.cpu_times()[:2]) - used
        yield f"single creates, one httpx client   {SINGLES / (time.monotonic() - begun):7,.0f} /s"
        yield f"    of the server's processor      {spent / SINGLES * 1e6:7.0f} µs a create"


def _plain(stand_in: Rehearsal) -> Iterator[str]:
    """Contacts of a name, an address and a telephone, as most address books have them."""
    yield "bulk upserts of plain contacts"
    yield from _bulk(stand_in, lambda row: {"emails": row["emails"], "data": {k: row["data"][k] for k in PLAIN}})


def _full(stand_in: Rehearsal) -> Iterator[str]:
    """Contacts as a migration loads them: with our id, an owner, and three custom fields, one of them unique."""
    yield "bulk upserts of contacts with an external id, an owner and three custom fields"
    yield from _bulk(stand_in, lambda row: row)


def _bulk(stand_in: Rehearsal, of: Callable[[Row], Row]) -> Iterator[str]:
    with httpx.Client(base_url=stand_in.url, headers=TOKEN, trust_env=False) as http:
        owner = _owner(http)
        rows = [[of(row) for row in _rows(at, at + ROWS, owner)] for at in range(0, RECORDS, ROWS)]
        bodies = [json.dumps({"contacts": some}).encode() for some in rows]
        del rows
        process, begun = psutil.Process(stand_in.process.pid), time.monotonic()
        used = sum(process.cpu_times()[:2])
        for at, _ in enumerate(_sent(stand_in, bodies), 1):
            if at * ROWS in WATCHED:
                rate, memory = at * ROWS / (time.monotonic() - begun), process.memory_info().rss
                yield f"    {at * ROWS:7,} contacts {rate:24,.0f} /s, server {memory / MEGABYTE:4.0f} MB"
        assert http.get("/selector/owners").status_code == 200  # the last job is done before this is answered
        spent = sum(process.cpu_times()[:2]) - used
        yield f"    sustained                    {RECORDS / (time.monotonic() - begun):11,.0f} /s"
        yield f"    of the server's processor      {spent / RECORDS * 1e6:9.1f} µs a contact"


def _sent(stand_in: Rehearsal, bodies: list[bytes]) -> Iterator[None]:
    """Send bulk jobs over a few connections at once, as a client that is in a hurry does."""
    url = urlsplit(stand_in.url)
    own = threading.local()

    def send(body: bytes) -> None:
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection(str(url.hostname), url.port)
        headers = {**TOKEN, "Content-Type": "application/json"}
        own.connection.request("POST", f"{url.path}/contacts/bulk_upsert", body, headers)
        answer = own.connection.getresponse()
        told = answer.read()
        assert answer.status == 202, told

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        yield from pool.map(send, bodies)


def _dumped(state: Path) -> Iterator[str]:
    """Count the contacts in a process of its own, whose peak memory is that of the dump."""
    done = subprocess.run([sys.executable, "-c", DUMPED, str(state)], capture_output=True, text=True, check=True)
    (contacts, seconds, peak), (length, more, highest) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert contacts == RECORDS, contacts
    yield f"dump of {contacts:,} contacts, file {state.stat().st_size / MEGABYTE:.0f} MB {seconds:4} s, peak {peak:5} MB"
    yield f"canonical text of it, {length} MB {more:12} s, peak {highest:5} MB"


def _owner(http: httpx.Client) -> int:
    return int(http.get("/selector/owners").json()["users"][0]["id"])


def _rows(first: int, last: int, owner: int) -> Iterator[Row]:
    """Contacts as an export has them: names repeat, and no value of one comes near that of the next."""
    for n in range(first, last):
        chance = random.Random(n)
        given, family = f"Given{chance.randrange(800)}", f"Family{chance.randrange(6000)}"
        custom: Mapping[str, object] = {
            "cf_member_no": f"M{chance.randrange(10**9):09}-{n}",
            "cf_rank": chance.randrange(100),
            "cf_remark": "a word or two about it",
        }
        yield {
            "emails": f"{given}.{family}.{n}@example.com",
            "data": {
                "first_name": given,
                "last_name": family,
                "external_id": f"ext-{n:07}",
                "mobile_number": f"+1 {chance.randrange(200, 999)} 555 {chance.randrange(10_000):04}",
                "owner_id": owner,
                "custom_field": custom,
            },
        }
