"""The second part of `make bench-load`: the whole loader over real sockets, at 240 requests a second of 300 ms each.

Three processes: the loader with its ledger, a proxy that makes the way long, and the rehearsed account, whose limits are on.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import pandas as pd
import psutil

from workbench.destinations import Account, Secret, connect
from workbench.ledger import Ledger
from workbench.ledger.loading import load
from workbench.rehearsal import Rehearsal, running
from workbench.specs import load_destination
from workbench.store import open_store

RATE, LATENCY, SECONDS = 240, 0.3, 60
SECRET = "b" * 40


def sockets() -> list[str]:
    """Print the figures; the bars that were missed, in words."""
    spec = load_destination("pipedrive")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with (
            running("pipedrive", state=root / "tenant", token=SECRET, switches={"plan": "ultimate"}) as there,
            distant(there) as url,
        ):
            settings = {"sign_in": "oauth", "reserve": 0.0, "seats": 8}
            account = Account(url, Secret(access(there)), edition="standard", plan="ultimate", settings=settings)
            client = connect(spec, account)
            for field in client.extra_fields(["person"]):
                client.create_field(field)
            store = open_store(root / "workbench.db")
            guard = Ledger(store, engagement_id="bench").guard(client)
            frame = people(RATE * SECONDS)
            process = psutil.Process()
            began, spent = time.monotonic(), process.cpu_times()
            loaded = load(frame, guard, "person")
            wall, now = time.monotonic() - began, process.cpu_times()
            cpu = (now.user - spent.user) + (now.system - spent.system)
            done = loaded.count("done")
            log = there.log()
    creates = log[(log["method"] == "POST") & log["path"].str.endswith("/persons") & (log["status"] < 300)]
    moments = creates["at"].astype("float")
    rate = (len(creates) - 1) / max(float(moments.max() - moments.min()), 1e-9)
    refused = int((log["status"] == 429).sum())
    lost = len(frame) - len(creates)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{done:,} of {len(frame):,} records over real sockets, {LATENCY * 1000:.0f} ms a call, in {wall:.1f} s")
    print(f"  {rate:.1f} requests/s of {RATE} ({rate / RATE:.1%}); {refused} answers 429; {lost} not finished over there")
    print(f"  {cpu / wall:.2f} of a core, {cpu / len(frame) * 1000:.2f} ms a record, all of it; peak {peak:.0f} MB")
    checks = [
        (rate >= 0.95 * RATE, f"{rate:.1f} requests/s"),
        (cpu / wall <= 0.5, f"{cpu / wall:.2f} of a core"),
        (done == len(frame) and not lost, f"{len(frame) - done} records not done, {lost} requests broken off"),
        (refused <= len(creates) / 1000, f"{refused} answers 429"),
    ]
    return [f"over sockets: {words}" for good, words in checks if not good]


def people(count: int) -> pd.DataFrame:
    """Persons as a small CRM has them."""
    numbers = range(count)
    return pd.DataFrame(
        {
            "key": [f"bench:persons:{number}" for number in numbers],
            "name": [f"Person {number}" for number in numbers],
            "emails": [[f"person{number}@customers.example"] for number in numbers],
            "phones": [[f"+1614555{number % 10000:04d}"] for number in numbers],
        }
    )


def access(there: Rehearsal) -> str:
    """An access token, as the sign-in of an app gives it."""
    with httpx.Client(base_url=there.url, trust_env=False) as http:
        asked = http.get("/oauth/authorize", params={"client_id": "rehearsal"})
        code = httpx.URL(asked.headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1/callback"}
        token: str = http.post("/oauth/token", auth=("rehearsal", SECRET), data=form).json()["access_token"]
    return token


@contextmanager
def distant(there: Rehearsal) -> Iterator[str]:
    """The same account, each answer of which comes 300 ms later."""
    url = httpx.URL(there.url)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_proxy, args=(url.host, url.port, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _proxy(host: str, port: int, ready: Connection) -> None:
    asyncio.run(_serve(host, port, ready))


async def _serve(host: str, port: int, ready: Connection) -> None:
    rename: list[tuple[bytes, bytes]] = []  # the account answers only to its own name

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(host, port)
        await asyncio.gather(_carry(reader, ours, 0.0, rename), _carry(theirs, writer, LATENCY), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    rename.append((f"127.0.0.1:{server.sockets[0].getsockname()[1]}".encode(), f"{host}:{port}".encode()))
    ready.send(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, rename: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Bytes from one end to the other, each piece later by the delay, in order."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(65536):
        for ours, theirs in rename:
            piece = piece.replace(ours, theirs, 1)
        if delay:
            loop.call_later(delay, writer.write, piece)
        else:
            writer.write(piece)
            await writer.drain()
    await asyncio.sleep(delay)
    writer.close()
