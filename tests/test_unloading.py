"""What a rollback takes back of a record, what it keeps, and what it says: against a destination in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Draft, Outcome, Record
from workbench.errors import Refused
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.operations import Closing, Intent, operations
from workbench.ledger.unloading import Unloaded, unload
from workbench.ledger.unloading.trails import REBUILT, STRETCH, made


class House(Toy):
    """A toy in which people work, records have children, and a deletion may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.below: dict[str, list[tuple[str, str]]] = {}
        self.stubborn: dict[str, str] = {}  # id → `no`, or `answer` for a deletion whose answer is lost
        self.filled: dict[str, object] = {}  # what the destination fills in of itself
        self.reads: list[int] = []

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        outcomes = []
        for draft in drafts:
            if draft.id:
                record = self.records[draft.id]
                self.records[draft.id] = replace(record, values={**record.values, **draft.values})
                outcomes.append(Outcome(draft.key, "done", draft.id))
                continue
            (outcome,) = super().write(object_, [draft], taken=taken)
            for number, record in self.records.items():
                if record.key == draft.key and number not in self.stubborn:
                    self.records[number] = replace(record, values={**self.filled, **record.values})
            outcomes.append(outcome)
        return outcomes

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        self.reads.append(len(ids))
        return [Record(number, "", {}) for number in ids] if object_ == "deal" else super().read(object_, ids)

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        return self.below.get(number, [])

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        fate = self.stubborn.pop(ids[0], "")
        if fate == "no":
            raise Refused("not today")
        done = super().delete(object_, ids) or [Outcome(ids[0], "done")]
        return [Outcome(ids[0], "unknown", words="the connection broke")] if fate == "answer" else done

    def edit(self, number: str, **values: object) -> None:
        """As a person does, past our client."""
        record = self.records[number]
        self.records[number] = replace(record, values={**record.values, **values})


class Secretive(House):
    """A house that takes where a file came from and its digest, and shows neither."""

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        outcomes = super().write(object_, drafts, taken=taken)
        for number, record in self.records.items():
            shown = {name: value for name, value in record.values.items() if name not in ("file", "sha256")}
            self.records[number] = replace(record, values=shown)
        return outcomes


@pytest.fixture
def house() -> House:
    return House()


def guard(store: Engine, house: House) -> Guard:
    return Ledger(store, engagement_id="e1").guard(house, settle_seconds=0.01)


def put(there: Guard, object_: str, **frame: Sequence[object]) -> dict[str, str]:
    """Load a frame; key → id."""
    done = load(pd.DataFrame(dict(frame)), there, object_).frame
    assert (done["state"] == "done").all(), done
    return dict(zip(done["key"], done["id"], strict=True))


def words(result: Unloaded) -> dict[str, str]:
    return dict(zip(result.frame["key"], result.frame["words"], strict=True))


# ---------------------------------------------------------------- records that we made


def test_a_record_that_a_delta_changed_goes_in_one_call_where_it_holds_what_we_wrote_last(store: Engine, house: House) -> None:
    there = guard(store, house)
    ids = put(there, "contact", key=["a"], city=["Akron"], phone=["1"])
    put(there, "contact", key=["a"], id=[ids["a"]], city=["Boston"])
    result = unload(guard(store, house))
    assert result.complete and house.records == {}
    assert len(result.frame) == 1
    verbs = guard(store, house).ledger.frame()["verb"].tolist()
    assert verbs == ["create", "update", "delete"]  # nothing was put back first


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"title": "Chief"}, "title (ours None, now 'Chief')"),
        ({"city": "Salem"}, "city (ours 'Boston', now 'Salem')"),
        ({"city": "Akron"}, "city (ours 'Boston', now 'Akron')"),  # what the first load wrote is an edit, too
        ({"phone": "2"}, "phone (ours '1', now '2')"),
    ],
)
def test_a_record_that_people_edited_after_the_delta_is_kept_as_it_stands(
    store: Engine, house: House, edit: dict[str, object], said: str
) -> None:
    there = guard(store, house)
    ids = put(there, "contact", key=["a"], city=["Akron"], phone=["1"])
    put(there, "contact", key=["a"], id=[ids["a"]], city=["Boston"])
    house.edit(ids["a"], **edit)
    now = house.records[ids["a"]]
    result = unload(guard(store, house))
    assert result.kept["key"].tolist() == ["a"]
    assert said in result.kept["words"][0]
    assert house.records[ids["a"]] == now
    (told,) = result.edits.to_dict("records")
    assert (told["field"], told["now"]) == next((name, str(value)) for name, value in edit.items())


@pytest.mark.parametrize("edited", [False, True])
def test_a_field_that_the_destination_takes_and_never_shows_is_nobodys_edit(store: Engine, edited: bool) -> None:
    """A file is sent from a path and with a digest that no look at it shows, before a delta and after it."""
    house = Secretive()
    there = guard(store, house)
    ids = put(there, "file", key=["a", "b"], file=["/x/plan.pdf", "/x/b.pdf"], sha256=["1f", "2e"], title=["Plan", "B"])
    put(there, "file", key=["a"], id=[ids["a"]], sha256=["3d"], title=["Plan 2"])
    if edited:
        house.edit(ids["a"], title="Plan 3")
    result = unload(guard(store, house))
    assert result.complete is not edited
    assert set(house.records) == ({ids["a"]} if edited else set())
    assert not edited or words(result)["a"].count("ours") == 1


def test_an_edit_that_was_taken_back_is_none(store: Engine, house: House) -> None:
    ids = put(guard(store, house), "contact", key=["a"], city=["Akron"])
    house.edit(ids["a"], city="Salem")
    house.edit(ids["a"], city="Akron ")
    assert unload(guard(store, house)).complete


def test_what_the_destination_fills_in_is_no_edit_and_what_a_person_adds_is(store: Engine, house: House) -> None:
    house.filled = {"stage": "New", "owner": "7"}
    ids = put(guard(store, house), "contact", key=["a", "b"], city=["Akron", "Salem"])
    house.edit(ids["b"], stage="Won")
    result = unload(guard(store, house))
    assert result.reversed["key"].tolist() == ["a"]
    assert "stage (ours 'New', now 'Won')" in words(result)["b"]


def test_a_record_that_nobody_saw_when_it_was_made_is_judged_by_its_neighbours(store: Engine, house: House) -> None:
    """F17: a load that was killed before its look. What several records hold is the destination's own."""
    ledger = Ledger(store, engagement_id="e1")
    for number, extra in (("1", {}), ("2", {}), ("3", {"title": "Chief"})):
        house.records[number] = Record(number, f"k{number}", {"city": "Akron", "stage": "New", **extra})
    rows = [Intent("contact", f"k{number}", "create", {"city": "Akron"}, number) for number in "123"]
    ledger.operations.close([Closing(op, "done") for op in ledger.operations.open("b", rows)])
    result = unload(guard(store, house))
    assert sorted(result.reversed["key"]) == ["k1", "k2"]
    assert "nobody saw it when it was made, and it holds more: title" in words(result)["k3"]


def test_an_open_operation_that_is_found_late_proves_nothing_about_what_it_holds(store: Engine, house: House) -> None:
    """F2, F21: the answer was lost, somebody edited the record, and only the rollback looks."""
    house._fate = lambda draft: "answer"
    for key in ("a", "b"):
        assert guard(store, house).write("contact", [Draft(key, {"city": "Akron"})])[0].state == "unknown"
    number = next(number for number, record in house.records.items() if record.key == "b")
    house.edit(number, city="Salem")
    result = unload(guard(store, house))
    assert result.reversed["key"].tolist() == ["a"]
    assert "city (ours 'Akron', now 'Salem')" in words(result)["b"]


# ---------------------------------------------------------------- records that were there before us


def test_two_changes_go_back_to_what_stood_before_the_first(store: Engine, house: House) -> None:
    house.records["7"] = Record("7", "", {"city": "Dayton", "phone": "0"})
    put(guard(store, house), "contact", key=["a"], id=["7"], city=["Akron"])
    put(guard(store, house), "contact", key=["a"], id=["7"], city=["Boston"], phone=["1"])
    result = unload(guard(store, house))
    assert result.complete
    assert house.records["7"].values == {"city": "Dayton", "phone": "0"}
    assert guard(store, house).ledger.frame()["verb"].tolist().count("restore") == 1


def test_an_edit_between_two_changes_comes_back_and_is_told(store: Engine, house: House) -> None:
    house.records["7"] = Record("7", "", {"city": "Dayton"})
    put(guard(store, house), "contact", key=["a"], id=["7"], city=["Akron"])
    house.edit("7", city="Salem")
    put(guard(store, house), "contact", key=["a"], id=["7"], city=["Boston"])
    result = unload(guard(store, house))
    assert house.records["7"].values == {"city": "Salem"}
    assert "city (before 'Dayton', ours 'Boston', now 'Salem')" in words(result)["a"]
    assert result.edits[["before", "ours", "now"]].to_numpy().tolist() == [["Dayton", "Boston", "Salem"]]


def test_of_a_rebuilt_ledger_nothing_goes_back_that_may_have_been_there_before(store: Engine, house: House) -> None:
    """F23: the pre-image went with the old ledger."""
    house.records["7"] = Record("7", "a", {"city": "Akron"})
    ledger = Ledger(store, engagement_id="e1")
    (number,) = ledger.operations.open("b", [Intent("contact", "a", "update", {"city": "Akron"}, "7")])
    ledger.operations.close([Closing(number, "done", words=REBUILT)])
    result = unload(guard(store, house))
    assert result.kept["words"].tolist() == ["what it held before us was lost with the ledger"]
    assert house.records["7"].values == {"city": "Akron"}


# ---------------------------------------------------------------- what hangs on a record


def test_children_of_ours_go_first_and_do_not_count_though_a_list_shows_them_still(store: Engine, house: House) -> None:
    account = put(guard(store, house), "account", key=["x"], name=["X"])["x"]
    contact = put(guard(store, house), "contact", key=["y"], name=["Y"])["y"]
    house.below = {account: [("contact", contact)]}  # and it goes on showing it
    result = unload(guard(store, house))
    assert result.complete
    assert result.frame["object"].tolist() == ["contact", "account"]


def test_an_id_of_another_object_makes_no_child_ours(store: Engine, house: House) -> None:
    """A foreign deal has the number of a contact of ours, as numbers of Pipedrive go."""
    account = put(guard(store, house), "account", key=["x"], name=["X"])["x"]
    contact = put(guard(store, house), "contact", key=["y"], name=["Y"])["y"]
    house.below = {account: [("deal", contact)]}
    result = unload(guard(store, house))
    assert result.reversed["key"].tolist() == ["y"]
    assert result.kept["words"].tolist() == [f"others hang on it: deal {contact}"]


def test_a_parent_of_what_could_not_be_put_back_is_tried_again_and_not_kept_for_good(store: Engine, house: House) -> None:
    account = put(guard(store, house), "account", key=["x"], name=["X"])["x"]
    contact = put(guard(store, house), "contact", key=["y"], name=["Y"])["y"]
    house.below = {account: [("contact", contact)]}
    delete = house.delete

    def refusing(object_: str, ids: Sequence[str]) -> list[Outcome]:
        house.stubborn[contact] = "no"
        return delete(object_, ids)

    house.delete = refusing  # type: ignore[method-assign]
    result = unload(guard(store, house))
    assert dict(zip(result.errored["key"], result.errored["words"], strict=True)) == {
        "y": "not today",
        "x": f"records of ours still hang on it: contact {contact}",
    }
    house.delete = delete  # type: ignore[method-assign]
    house.stubborn.clear()
    assert unload(guard(store, house)).complete


def test_a_deletion_whose_answer_is_lost_is_settled_by_looking(store: Engine, house: House) -> None:
    ids = put(guard(store, house), "contact", key=["a", "b"], city=["Akron", "Salem"])
    house.stubborn = {ids["a"]: "answer"}
    result = unload(guard(store, house))
    assert result.complete
    deletions = guard(store, house).ledger.frame().query("verb == 'delete'")
    assert set(deletions["state"]) == {"done"}


def test_a_record_that_somebody_merged_into_another_one_is_kept_where_it_went(store: Engine, house: House) -> None:
    """F21: the other one bears our key then, and is not ours to take away."""
    ids = put(guard(store, house), "contact", key=["a", "b"], city=["Akron", "Salem"])
    del house.records[ids["a"]], house.records[ids["b"]]
    house.records["99"] = Record("99", "a", {"city": "Akron"})
    result = unload(guard(store, house))
    assert result.reversed["words"].tolist() == ["somebody had deleted it already"]
    assert result.kept["words"].tolist() == ["somebody has merged it into 99, which is not ours"]
    assert "99" in house.records


# ---------------------------------------------------------------- how it ends, and what it costs


def test_a_rollback_ends_in_three_lists_that_are_shown(store: Engine, house: House) -> None:
    ids = put(guard(store, house), "contact", key=["a", "b", "c"], city=["Akron", "Salem", "<b>"])
    house.edit(ids["b"], city="Lima")
    stubborn = house.delete

    def refusing(object_: str, numbers: Sequence[str]) -> list[Outcome]:
        if ids["c"] in numbers:
            raise Refused("not <today>")
        return stubborn(object_, numbers)

    house.delete = refusing  # type: ignore[method-assign]
    result = unload(guard(store, house))
    lists = (result.reversed, result.kept, result.errored)
    assert [each["key"].tolist() for each in lists] == [["a"], ["b"], ["c"]]
    page = result._repr_html_()
    assert "1 reversed, 1 kept, 1 errored" in page
    assert "not &lt;today&gt;" in page and "<today>" not in page
    assert "Lima" in page
    assert str(result.residual).startswith("1 records changed or deleted")


def test_records_are_read_many_at_a_time_and_a_second_rollback_sends_nothing(store: Engine, house: House) -> None:
    put(guard(store, house), "contact", key=[f"k{n}" for n in range(300)], city=["Akron"] * 300)
    house.reads = []
    assert unload(guard(store, house)).complete
    assert sum(house.reads) == 300
    assert len(house.reads) < 30
    before = len(guard(store, house).ledger.frame())
    assert unload(guard(store, house)).complete
    assert len(guard(store, house).ledger.frame()) == before


def test_a_long_ledger_is_read_in_stretches(store: Engine) -> None:
    """I20: ten thousand records of a kilobyte each, of which no more than a stretch is in memory."""
    ledger = Ledger(store, engagement_id="e1").operations
    text = "x" * 1000
    for start in range(0, 10_000, 500):
        rows = [Intent("contact", f"k{n}", "create", {"note": text}, str(n)) for n in range(start, start + 500)]
        ledger.close([Closing(op, "done") for op in ledger.open(f"b{start}", rows)])
    tracemalloc.start()
    seen = 0
    for stretch in made(ledger, "contact"):
        assert len(stretch) <= STRETCH
        seen += len(stretch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == 10_000
    assert peak < 12 * 2**20, f"{peak / 2**20:.1f} MiB"
    newest = ledger.where(operations.c.op > 9_999)
    assert [row.key for row in newest] == ["k9999"]
