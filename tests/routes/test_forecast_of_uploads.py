"""Uploads on both destinations: foretold to the call, shown by the notes whose they are, divided where too large."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from small_route import route, source, table
from walk import TIME_SCALE, TOKEN

from workbench import rehearsal
from workbench.destinations import Record
from workbench.engagement import Engagement, new_engagement
from workbench.flow.forecasting import forecast
from workbench.flow.planning import connected
from workbench.flow.tally import PARTS
from workbench.flow.transfer import read_back, transfer
from workbench.rehearsal import Rehearsal
from workbench.stages import transform

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
INLINE = f'<img alt="a dot" src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'
PEOPLE, DRAWN, FILES = 130, 15, 12
"""Persons, of whom so many have a note with a picture, and so many two files."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "freshsales": {"person": "contact", "name": "last_name", "text": "description", "route": "promio_to_freshsales"},
    "pipedrive": {"person": "person", "name": "name", "text": "content", "route": "profi_to_pipedrive"},
}
COLUMNS = ("file", "sha256", "bytes", "content_type", "file_name")
WAYS = ("split", "compress", "link", "skip", "manual")
LIMIT = 1000
LONG = b"one line of many\n" * 100
DERIVED = [
    {"name": "note_images", "kind": "images", "table": "notes", "column": "body", "about": ""},
    {"name": "listed", "kind": "files", "table": "manifest", "column": "path", "about": ""},
    *(
        {
            "name": f"by_{way}",
            "kind": "files",
            "table": "long",
            "column": "path",
            "about": "",
            "limit": LIMIT,
            "over_limit": way,
        }
        for way in WAYS
    ),
]
HEADERS = {"freshsales": {"Authorization": f"Token token={TOKEN}"}, "pipedrive": {"x-api-token": TOKEN}}


def chosen(vendor: str) -> Any:
    """People, files of theirs, one that is too large in each of the ways, pictures in their notes, and the notes."""
    words = WORDS[vendor]
    on = {"lookups": [{"to": words["person"], "feed": "people", "column": "who", "required": True}]}
    file = {"object": "file", "fields": [{"column": name, "to": name} for name in COLUMNS], **on}
    named = {"column": "name", "to": words["name"], "recipe": "text", "required": True}
    told = {"column": "body", "to": words["text"], "recipe": "html", "required": True}
    return route(
        {"name": "people", "table": "people", "object": words["person"], "fields": [named]},
        {"name": "files", "table": "listed", **file},
        *({"name": way, "table": f"by_{way}", **file} for way in WAYS),
        {"name": "pictures", "table": "note_images", **file},
        {"name": "notes", "table": "notes", "object": "note", "fields": [told], **on},
        destination=vendor,
        name=f"toy_to_{vendor}",
        derived=DERIVED,
    )


@contextmanager
def staged(folder: Path, vendor: str) -> Iterator[tuple[Engagement, Rehearsal]]:
    """An engagement whose tables are the test's own, staged, and an empty account with the fields for our keys."""
    exports = folder / "exports"
    (exports / "files").mkdir(parents=True)
    (exports / "cover_letter.txt").write_text("nothing\n")
    paths = [(n % FILES, f"files/plan-{n}.txt") for n in range(2 * FILES)]
    for number, path in paths:
        (exports / path).write_text(f"plan {number} {path}\n")
    (exports / "long.txt").write_bytes(LONG)
    tables = {
        "long": table("long", {"path": "long.txt", "who": "p0"}),
        "people": table("people", *({"id": f"p{n}", "name": f"Person {n}"} for n in range(PEOPLE))),
        "notes": table("notes", *({"id": f"n{n}", "who": f"p{n}", "body": f"<p>{n} {INLINE}</p>"} for n in range(DRAWN))),
        "manifest": table("manifest", *({"path": path, "who": f"p{n}"} for n, path in paths)),
    }
    with rehearsal.running(vendor, state=folder / "tenant.db", token=TOKEN, time_scale=TIME_SCALE) as served:
        made = new_engagement(
            folder / "e",
            route=WORDS[vendor]["route"],
            exports=exports,
            base_url=served.url,
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        known = source({"people": "id", "notes": "id", "manifest": "path", "long": "path"})
        engagement = replace(made, route=chosen(vendor), source=known)
        for name, rows in tables.items():
            engagement.save(f"tables/{name}", rows)
        engagement.save("rows_read", pd.DataFrame({"table": list(tables), "records": [len(rows) for rows in tables.values()]}))
        empty = pd.DataFrame({name: pd.Series(dtype="str") for name in ("table", "row", "reason", "raw")})
        engagement.save("rejects", empty)
        transform.run(engagement)
        destination = connected(engagement)
        for field in destination.extra_fields(sorted({feed.object for feed in engagement.route.feeds})):
            destination.create_field(field)
        yield engagement, served
        made.store.dispose()


@dataclass(frozen=True)
class Loaded:
    """What was foretold, what it took, and what stands over there."""

    engagement: Engagement
    vendor: str
    foretold: pd.DataFrame
    took: pd.DataFrame
    asked: int  # calls about files

    def there(self, object_: str) -> list[Record]:
        return list(connected(self.engagement).sweep(object_))

    def bytes_at(self, address: str) -> bytes:
        return httpx.get(address, headers=HEADERS[self.vendor], trust_env=False).raise_for_status().content


@pytest.fixture(scope="module", params=list(WORDS))
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    vendor = str(request.param)
    with staged(tmp_path_factory.mktemp(vendor), vendor) as (engagement, served):
        foretold = forecast(engagement).frame.set_index("feed")
        before = len(served.log())
        moved = transfer(engagement, certify=True)
        assert all(certificate.holds for certificate in moved.certificates.values())
        compared = read_back(engagement, noted=True)
        assert {name: each.wrong for name, each in compared.items()} == dict.fromkeys(compared, 0)
        took = engagement.load("took").set_index("feed")
        asked = int(served.log(before)["path"].str.contains("/document|v1/files").sum())
        yield Loaded(engagement, vendor, foretold, took, asked)


def test_uploads_take_the_calls_that_were_foretold_and_none_for_records_without_files(loaded: Loaded) -> None:
    """At Freshsales a file shows with its record only: those that ours hang on are asked, and not the whole account."""
    expected = {"files": 2 * FILES, "pictures": DRAWN, "notes": DRAWN, "split": 2, "compress": 1}
    for feed, records in expected.items():
        assert loaded.took.loc[feed, "records"] == records
        said = loaded.foretold.loc[feed, [*PARTS, "calls", "tokens"]].to_dict()
        assert loaded.took.loc[feed, [*PARTS, "calls", "tokens"]].to_dict() == said, feed
    uploads = ["files", *WAYS, "pictures"]
    assert loaded.asked == int(loaded.took.loc[uploads, "calls"].sum()) < PEOPLE + 4 * sum(expected.values())


def test_a_note_shows_its_pictures_from_where_they_were_uploaded(loaded: Loaded) -> None:
    text = WORDS[loaded.vendor]["text"]
    shown = [str(record.values[text]) for record in loaded.there("note")]
    addresses = {unescape(found) for body in shown for found in re.findall(r'<img[^>]* src="([^"]+)"', body)}
    assert len(shown) == len(addresses) == DRAWN
    assert {loaded.bytes_at(address) for address in addresses} == {PNG}
    uploaded = {str(record.values["url"]) for record in loaded.there("file") if ":pictures:" in record.key}
    assert uploaded == addresses


def test_a_file_over_the_limit_goes_the_way_that_was_decided(loaded: Loaded) -> None:
    ends = {way: loaded.engagement.load(f"verdicts/{way}")[["bucket", "reason"]].fillna("").values.tolist() for way in WAYS}
    assert ends == {
        "split": [["load", ""], ["load", ""]],
        "compress": [["load", ""]],
        "link": [["excluded", "file_linked"]],
        "skip": [["excluded", "file_skipped"]],
        "manual": [["held", "file_over_limit"]],
    }
    files: dict[str, dict[str, bytes]] = {way: {} for way in WAYS}
    for record in loaded.there("file"):
        way = record.key.split(":")[1]
        if way in files:
            files[way][str(record.values["file_name"])] = loaded.bytes_at(str(record.values["url"]))
    assert {name: len(part) for name, part in files["split"].items()} == {
        "long.txt.001": LIMIT,
        "long.txt.002": len(LONG) - LIMIT,
    }
    assert b"".join(files["split"][name] for name in ("long.txt.001", "long.txt.002")) == LONG
    with zipfile.ZipFile(io.BytesIO(files["compress"]["long.txt.zip"])) as archive:
        assert archive.read("long.txt") == LONG
    assert not files["link"] and not files["skip"] and not files["manual"]
