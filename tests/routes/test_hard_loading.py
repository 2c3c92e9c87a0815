"""Trees, many-to-many links, records of the route, files and pictures: from staged tables to what stands over there."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_route import route, source, table
from walk import TIME_SCALE, TOKEN, serve

from workbench.engagement import Engagement, new_engagement
from workbench.flow.accounting import Closed, close_accounts
from workbench.flow.planning import connected
from workbench.flow.transfer import Moved, read_back, transfer
from workbench.stages import transform, validate

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
INLINE = f'<img alt="a dot" src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'
NAME = {"column": "name", "to": "name", "recipe": "text", "required": True}
ACCOUNTS = {"name": "accounts", "table": "companies", "object": "sales_account", "fields": [NAME]}
ACCOUNTS |= {"lookups": [{"to": "parent_sales_account", "feed": "accounts", "column": "parent"}]}
THROUGH = {"table": "links", "mine": "person", "theirs": "company", "primary": "main"}
LINKED = {"to": "sales_accounts", "feed": "accounts", "through": THROUGH, "otherwise_record": "unassigned"}
PEOPLE = {"name": "people", "table": "people", "fields": [{**NAME, "to": "last_name"}], "lookups": [LINKED]}
LINKS = {"name": "links", "kind": "link", "table": "links"}
ON_CONTACT = [{"to": "contact", "feed": "people", "column": "who", "required": True}]
FILE = [{"column": name, "to": name} for name in ("file", "sha256", "bytes", "content_type", "file_name")]
PICTURES = {"name": "pictures", "table": "note_images", "object": "file", "fields": FILE, "lookups": ON_CONTACT}
NOTES = {"name": "notes", "table": "notes", "object": "note", "lookups": ON_CONTACT}
NOTES |= {"fields": [{"column": "body", "to": "description", "recipe": "html", "required": True}]}
IMAGES = {"name": "note_images", "kind": "images", "table": "notes", "column": "body", "about": ""}
UNASSIGNED = {"feed": "accounts", "name": "unassigned", "fields": {"name": "Unassigned Account"}}

COMPANIES = [("1", "2"), ("2", "3"), ("3", "4"), ("4", "5"), ("5", None), ("6", "7"), ("7", "6"), ("8", "8")]
PAIRS = [("p1", "1", None), ("p1", "3", "yes"), ("p1", "5", None), ("p2", "2", None), ("p9", "2", None)]


class Loading:
    """An engagement whose tables are the test's own, on the way into an empty tenant."""

    def __init__(self, engagement: Engagement) -> None:
        self.engagement = engagement

    def staged(self) -> None:
        """Read nothing, stage everything."""
        tables = {
            "companies": table("companies", *({"id": key, "name": f"Company {key}", "parent": up} for key, up in COMPANIES)),
            "people": table("people", *({"id": key, "name": f"Person {key}"} for key in ("p1", "p2", "p3"))),
            "links": table("links", *({"person": a, "company": b, "main": main} for a, b, main in PAIRS)),
            "notes": table(
                "notes",
                {"id": "n1", "who": "p1", "body": f"<p>Before {INLINE} after</p>"},
                {"id": "n2", "who": "p2", "body": '<p>Gone: <img src="gone.png" alt="the plan"></p><script>x()</script>'},
                {"id": "n3", "who": "p9", "body": "nobody's"},
            ),
        }
        for name, rows in tables.items():
            self.engagement.save(f"tables/{name}", rows)
        counts = pd.DataFrame({"table": list(tables), "records": [len(rows) for rows in tables.values()]})
        self.engagement.save("rows_read", counts)
        self.engagement.save(
            "rejects", pd.DataFrame({name: pd.Series(dtype="str") for name in ("table", "row", "reason", "raw")})
        )
        transform.run(self.engagement)

    def loaded(self, *, certify: bool = False) -> Moved:
        """Make the fields in which our keys stand, and load everything."""
        destination = connected(self.engagement)
        for field in destination.extra_fields(sorted({feed.object for feed in self.engagement.route.feeds if feed.object})):
            if destination.metadata((field,)).find(field.object, field.name) is None:
                destination.create_field(field)
        return transfer(self.engagement, certify=certify)

    def closed(self, moved: Moved) -> Closed:
        return close_accounts(self.engagement, moved.frame)

    def there(self, object_: str) -> dict[str, dict[str, Any]]:
        """Records of an object as they stand over there: marker → values, with the id."""
        return {record.key: {**record.values, "id": record.id} for record in connected(self.engagement).sweep(object_)}


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[Loading]:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "cover_letter.txt").write_text("nothing\n")
    with serve(tmp_path) as served:
        made = new_engagement(
            tmp_path / "e", route="promio_to_freshsales", exports=exports, base_url=served.url, key=TOKEN, time_scale=TIME_SCALE
        )
        chosen = route(ACCOUNTS, PEOPLE, LINKS, PICTURES, NOTES, derived=[IMAGES], records=[UNASSIGNED])
        known = source({"companies": "id", "people": "id", "links": "person", "notes": "id"})
        yield Loading(replace(made, route=chosen, source=known))
        made.store.dispose()


def test_hard_cases_arrive_whole_and_every_row_is_accounted_for(loading: Loading) -> None:
    loading.staged()
    assert validate.run(loading.engagement).passed
    moved = loading.loaded(certify=True)
    closed = loading.closed(moved).frame.set_index("feed")
    assert closed["closes"].all()
    assert closed.loc["accounts", ["rows", "loaded"]].tolist() == [9, 9]
    assert closed.loc["links", ["merged", "rejected"]].tolist() == [4, 1]
    assert closed.loc["pictures", ["rows", "loaded", "rejected"]].tolist() == [2, 1, 1]
    assert closed.loc["notes", ["loaded", "held"]].tolist() == [2, 1]
    assert all(certificate.holds for certificate in moved.certificates.values())
    compared = read_back(loading.engagement)
    assert {name: each.wrong for name, each in compared.items()} == dict.fromkeys(compared, 0)


@pytest.mark.row("RF2", "SF2", "FF3")
def test_a_tree_stands_over_there_level_by_level_and_a_circle_is_cut(loading: Loading) -> None:
    loading.staged()
    loading.loaded()
    there = loading.there("sales_account")
    above = {record["id"]: record for record in there.values()}
    leads = {record["name"]: above.get(record["parent_sales_account"], {}).get("name") for record in there.values()}
    chain = {f"Company {n}": f"Company {n + 1}" for n in range(1, 5)}
    assert {name: up for name, up in leads.items() if up} == {**chain, "Company 6": "Company 7"}


@pytest.mark.row("FF3")
def test_every_company_of_a_person_is_linked_the_primary_one_first(loading: Loading) -> None:
    loading.staged()
    loading.loaded()
    names = {record["id"]: record["name"] for record in loading.there("sales_account").values()}
    linked = {record["last_name"]: record["sales_accounts"] for record in loading.there("contact").values()}
    people = {who: [names[each] for each in ([ids] if isinstance(ids, str) else ids)] for who, ids in linked.items()}
    assert people["Person p1"][0] == "Company 3"
    assert set(people["Person p1"]) == {"Company 1", "Company 3", "Company 5"}
    assert people["Person p3"] == ["Unassigned Account"]


@pytest.mark.row("RF7")
def test_a_picture_is_uploaded_and_the_note_shows_where_it_is(loading: Loading) -> None:
    loading.staged()
    loading.loaded()
    notes = {key.rsplit(":", 1)[1]: record["description"] for key, record in loading.there("note").items()}
    (picture,) = loading.there("file").values()
    assert picture["file_name"] == "image1.png"
    assert str(picture["bytes"]) == str(len(PNG))
    assert "workbench-file" not in notes["n1"]
    assert f'src="{picture["url"]}"' in notes["n1"].replace("&amp;", "&")
    assert "script" not in notes["n2"]
    assert "[the plan]" in notes["n2"]


def test_a_second_run_sends_nothing(loading: Loading) -> None:
    loading.staged()
    loading.loaded()
    objects = ("sales_account", "contact", "note", "file")
    ids = {object_: {record["id"] for record in loading.there(object_).values()} for object_ in objects}
    again = transfer(loading.engagement)
    assert set(again.frame["state"]) == {"done"}, again.frame[again.frame["state"] != "done"].to_dict("records")
    assert ids == {object_: {record["id"] for record in loading.there(object_).values()} for object_ in objects}
