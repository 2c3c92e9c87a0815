"""The Recycle Bin of the rehearsal Freshsales: ninety days, and then nothing is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from freshsales_account import FREE, KEY, client, contact, in_view, made, upload

from workbench.rehearsal import Rehearsal, running

DAY = 86400


@contextmanager
def after(state: Path, days: float, **switches: str) -> Iterator[tuple[Rehearsal, httpx.Client]]:
    """The account so many days later."""
    chosen = {**FREE, **switches, "skew_seconds": str(int(days * DAY))}
    with running("freshsales", state=state, token=KEY, switches=chosen) as stand_in, client(stand_in) as http:
        yield stand_in, http


def on(kind: str, number: int) -> dict[str, object]:
    return {"targetable_type": kind, "targetable_id": number}


def filled(http: httpx.Client) -> tuple[int, int]:
    """A contact that goes into the bin with a note and a file, and one that stays and shares a task with it."""
    gone, kept = (contact(http, email=f"{name}@brightroof.example", external_id=name)["id"] for name in ("gone", "kept"))
    made(http, "/notes", description="Hers alone", **on("Contact", gone))
    targets = [{"type": "Contact", "id": number} for number in (gone, kept)]
    made(http, "/tasks", title="Shared", due_date="2024-01-02T10:00:00Z", targetables=targets)
    assert upload(http, b"bytes", targetable_type="Contact", targetable_id=str(gone)).status_code == 200
    product = http.post("/cpq/products", json={"product": {"name": "Tile"}}).json()["product"]["id"]
    deal = made(http, "/deals", name="Lined", amount=1, products=[{"id": product}])["id"]
    for path in (f"/contacts/{gone}", f"/cpq/products/{product}"):
        assert http.delete(path).status_code == 200
    assert http.get(f"/deals/{deal}").status_code == 200
    return gone, kept


def kinds(stand_in: Rehearsal, where: str) -> dict[str, int]:
    return {kind: len(rows) for kind, rows in stand_in.dump()[where].items()}


def test_the_bin_empties_itself_after_ninety_days(tmp_path: Path) -> None:  # §2 Recycle Bin
    state = tmp_path / "state.sqlite"
    with after(state, 0) as (stand_in, http):
        gone, kept = filled(http)
        stays = kinds(stand_in, "records")
    with after(state, 89.9) as (stand_in, http):
        assert in_view(http, "contacts", "Recycle Bin") == [gone]
        assert kinds(stand_in, "recycle_bin") == {"contacts": 1, "documents": 1, "notes": 1, "products": 1}
        late = contact(http, email="late@brightroof.example")["id"]
        http.delete(f"/contacts/{late}")
    with after(state, 90.1) as (stand_in, http):
        assert http.get("/contacts/1").status_code == 404  # a refused request, which may take its own writes back
        assert in_view(http, "contacts", "Recycle Bin") == [late]
        assert kinds(stand_in, "recycle_bin") == {"contacts": 1}
        assert kinds(stand_in, "records") == stays
        assert [row["title"] for row in http.get(f"/contacts/{kept}/tasks").json()["tasks"]] == ["Shared"]
        assert http.delete(f"/contacts/{gone}/forget").status_code == 404
        deal = in_view(http, "deals", "Open Deals")[0]
        assert [line["name"] for line in http.get(f"/deals/{deal}?include=products").json()["deal"]["products"]] == [None]


def test_a_purge_frees_the_values_that_the_bin_held(tmp_path: Path) -> None:  # §4, §12.9
    state, held = tmp_path / "state.sqlite", {"recycle_bin_keys": "held"}
    with after(state, 0, **held) as (_, http):
        http.delete(f"/contacts/{contact(http, email='held@brightroof.example')['id']}")
        body = {"contact": {"last_name": "New", "email": "held@brightroof.example"}}
        assert http.post("/contacts", json=body).status_code == 400
    with after(state, 91, **held) as (_, http):
        assert http.post("/contacts", json=body).status_code == 200


def test_the_bin_empties_itself_while_the_account_is_served(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    scale = 45.0 * DAY  # ninety days are two seconds
    with (
        running("freshsales", state=state, token=KEY, time_scale=scale, switches=FREE) as stand_in,
        client(stand_in) as http,
    ):
        gone = [contact(http, email=f"{place}@brightroof.example")["id"] for place in range(2)]
        http.delete(f"/contacts/{gone[0]}")
        seen = [in_view(http, "contacts", "Recycle Bin")]
        time.sleep(1.2)
        http.delete(f"/contacts/{gone[1]}")
        for _ in range(2):
            time.sleep(1.2)
            seen.append(in_view(http, "contacts", "Recycle Bin"))

    assert seen == [gone[:1], gone[1:], []]
