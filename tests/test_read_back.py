"""Reading back a feed part by part: the same differences, in the same order, as if both sides had been held whole."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Metadata, Record, Spent
from workbench.flow.comparing import Comparing
from workbench.flow.evidence import _digest_of_records
from workbench.flow.expecting import _Reading
from workbench.flow.others import note_others, others_seen
from workbench.flow.outgoing import Outgoing
from workbench.flow.transfer import as_written, outgoing, standing_ids
from workbench.frames.compare import Comparison, by_type, compare
from workbench.ledger import Ledger
from workbench.ledger.operations import Closing, Intent
from workbench.specs import load_destination, load_route
from workbench.staging import read_frame, write_frame

ACCOUNT = Metadata((), (), {})
ROWS = 40


class Counted(Toy):
    """A toy whose calls cost nothing."""

    def spent(self, purpose: str = "") -> Spent:
        return Spent()


class Place:
    """The parts of an engagement that are asked when contacts are read back, and a destination in memory."""

    def __init__(self, folder: Path, store: Engine) -> None:
        route = load_route("promio_to_freshsales")
        self.ledger = Ledger(store, engagement_id="e1")
        self.feed = route.feed("contacts").model_copy(update={"lookups": ()})
        self.toy = Counted()
        self.guard = self.ledger.guard(self.toy, settle_seconds=0.0)
        self.engagement: Any = SimpleNamespace(
            root=folder,
            source=SimpleNamespace(name="promio"),
            destination=load_destination("freshsales"),
            settings=SimpleNamespace(edition="crm"),
            route=route.model_copy(update={"feeds": (self.feed,)}),
            decisions=SimpleNamespace(value=lambda *_: None, mapping=lambda *_: {}),
            ledger=lambda: self.ledger,
            dials=dict,
            has=lambda name, **_: self._path(name).exists(),
            load=lambda name, delivery="main": read_frame(self._path(name, delivery)),
            save=lambda name, frame, **_: write_frame(self._path(name), frame),
        )

    def _path(self, name: str, delivery: str = "main") -> Path:
        path: Path = self.engagement.root / "staged" / delivery / f"{name}.parquet"
        return path

    def stage(self, markers: Sequence[str], *, delivery: str = "main", **columns: Sequence[object]) -> None:
        names = [f"contacts/{marker}" for marker in markers]
        frame = pd.DataFrame({"row": range(len(markers)), "key": names, "marker": list(markers), **columns})
        write_frame(self._path("records/contacts", delivery), frame)

    def made(self, marker: str, number: str, **values: Any) -> None:
        """A record that we made, and that stands over there with these values."""
        self.note("create", marker, number, values)
        self.toy.records[number] = Record(number, marker, values)

    def note(self, verb: Any, marker: str, number: str, values: dict[str, Any], pre: dict[str, Any] | None = None) -> None:
        ops = self.ledger.operations.open("b", [Intent("contact", marker, verb, values, pre=pre)])
        self.ledger.operations.close([Closing(ops[0], "done", id=number)])

    def look(self, only: frozenset[str] | None = None) -> tuple[Comparison, int]:
        """What comparing part by part finds, and how many records of others it saw."""
        going = Outgoing(self.engagement, self.feed, only=only, account=ACCOUNT)
        comparing = Comparing(self.engagement, self.feed, going)
        return comparing.look(self.guard), comparing.others

    def whole(self, only: frozenset[str] | None = None) -> Comparison:
        """The same with both sides held whole."""
        staged = outgoing(self.engagement, self.feed, only=only, account=ACCOUNT)
        there = standing_ids(self.engagement, self.feed)
        expected = as_written(self.engagement, self.feed, staged[staged["key"].isin(there)].drop(columns=["_record", "_waits"]))
        names = [name for name in expected.columns if name != "key"]
        keys = set(expected["key"])
        seen = [record for record in self.toy.records.values() if record.key in keys]
        rows = [{"key": record.key, **{name: record.values.get(name) for name in names}} for record in seen]
        ways = by_type({"emails": "email", "city": "text", "annual_revenue": "money"})
        return compare(expected, pd.DataFrame(rows, columns=["key", *names], dtype="object"), normalise=ways)


@pytest.fixture
def place(tmp_path: Path, store: Engine) -> Iterator[Place]:
    yield Place(tmp_path, store)


def populated(place: Place) -> list[str]:
    """Forty contacts of ours, of which some differ, are gone, stand twice or were changed, and others' among them."""
    chance = random.Random(7)
    markers = [f"promio:contacts:c-{number:02d}" for number in range(ROWS)]
    emails = [f"P{number}@Brightroof.example" for number in range(ROWS)]
    place.stage(markers, emails=emails, city=["Akron"] * ROWS, first_job__c=[None if n % 3 else f"J{n}" for n in range(ROWS)])
    for number, (marker, email) in enumerate(zip(markers[:-2], emails, strict=False)):  # the last two were never made
        city = "Boston" if number % 7 == 3 else "Akron"
        place.made(
            marker, str(500 + number), emails=email.lower(), city=city, first_job__c=None if number % 3 else f"J{number}"
        )
    place.note("update", markers[5], "505", {"city": "Cleveland"}, pre={"city": "Akron"})
    place.toy.records["505"] = Record("505", markers[5], {"emails": emails[5], "city": "Cleveland"})
    for gone in ("508", "531"):
        del place.toy.records[gone]
    place.toy.records |= {str(900 + n): Record(str(900 + n), "", {"city": "Akron"}) for n in range(9)}
    place.toy.records |= {"950": Record("950", markers[2], {"city": "Akron"}), "951": Record("951", "other:contacts:1", {})}
    numbers = list(place.toy.records)
    chance.shuffle(numbers)
    numbers.sort(key=lambda number: number == "950")  # a copy is made after its record
    place.toy.records = {number: place.toy.records[number] for number in numbers}
    return markers


@pytest.mark.parametrize("at_once", [1, 3, 7, 20_000])
def test_part_by_part_the_same_is_found_as_with_both_sides_held_whole(
    place: Place, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    markers = populated(place)
    monkeypatch.setattr("workbench.flow.comparing.AT_ONCE", at_once)
    monkeypatch.setattr("workbench.staging.SLICE", 6)
    for only in (None, frozenset(f"contacts/{marker}" for marker in markers[:9])):
        found, others = place.look(only)
        wanted = place.whole(only)
        pd.testing.assert_frame_equal(found.frame, wanted.frame)
        pd.testing.assert_frame_equal(found.summary, wanted.summary)
        counts = [(each.expected, each.actual, each.missing, each.surplus, each.wrong) for each in (found, wanted)]
        assert counts[0] == counts[1]
        assert others == 10
    assert counts[0][:4] == (9, 9, 1, 1)
    assert {"missing", "surplus", "intended", "wrong"} == set(found.frame["class"])


def test_a_feed_of_which_nothing_stands_is_compared_in_no_cell_and_all_that_is_there_are_others(place: Place) -> None:
    place.stage(["promio:contacts:c-1"], city=["Akron"])
    place.toy.records = {"1": Record("1", "", {}), "2": Record("2", "", {})}
    found, others = place.look()
    assert (found.expected, found.cells, found.wrong, others) == (0, 0, 0, 2)
    assert found.summary["field"].tolist() == ["city"]
    place.stage([], city=[])
    assert place.look()[0].summary["field"].tolist() == ["city"]


def test_others_are_remembered_by_list_and_what_was_not_looked_at_stays(place: Place) -> None:
    assert others_seen(place.engagement) is None
    note_others(place.engagement, {"contact": 3, "deal": 0})
    note_others(place.engagement, {"contact": 4, "lead": 5})
    assert others_seen(place.engagement) == {"contact": 4, "deal": 0, "lead": 5}
    place.engagement.settings.edition = "suite"  # where leads are contacts
    assert others_seen(place.engagement) == {"contact": 9, "deal": 0}


def test_of_a_later_delivery_the_records_that_say_something_else_are_counted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.staging.SLICE", 4)
    markers = [f"promio:contacts:c-{number}" for number in range(10)]
    place.stage(markers, city=["Akron"] * 10, emails=[None, *(f"{n}@x.example" for n in range(9))])
    for number, marker in enumerate(markers[:8]):
        place.made(marker, str(number), city="Akron")
    later = [markers[6], markers[0], "promio:contacts:new", *markers[1:6], markers[9]]
    cities = ["Boston", "Akron", "Akron", "Akron", None, "Akron", "Akron", "Akron", "Boston"]
    place.stage(later, delivery="delta", city=cities, emails=["5@x.example", None, "n@x.example", *"01234", None])
    amount = _Reading(place.engagement, "delta").amount(place.feed, last=True)
    assert (amount.records, amount.made, amount.new) == (9, 7, 2)
    assert amount.changed == 6  # a city, and the five whose addresses are other ones; of these one city besides


def test_what_a_signature_is_bound_to_is_digested_row_by_row_as_all_of_it_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.staging.SLICE", 2)
    columns: dict[str, Any] = {
        "amount": [1.5, None, 3.0, 4.0, 5.0],
        "rank": [1, 2, 3, 4, 5],
        "city": ["Köln", None, "x", "y", 'q"'],
    }
    place.stage(list("abcde"), **columns, tags=[["a", "b"], pd.NA, ["c"], pd.NA, ["d"]])
    frame = place.engagement.load("records/contacts").astype("object")
    rows = [list(frame.columns), *frame.where(frame.notna(), None).to_numpy().tolist()]
    at_once = json.dumps({"contacts": rows}, sort_keys=True, default=str)
    assert _digest_of_records(place.engagement, ["contacts"]) == hashlib.sha256(at_once.encode()).hexdigest()
