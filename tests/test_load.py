"""Loading frames and taking them back, against the rehearsal, with the ledger between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from workbench.destinations import Account, Destination, Draft, Secret, connect
from workbench.errors import DestinationBusy, SpecError
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import Progress, drafts_of, load
from workbench.ledger.unloading import Unloaded, unload
from workbench.rehearsal import Rehearsal, canonical, running
from workbench.specs import CustomField, load_destination, load_route
from workbench.store import open_store

SPEC = load_destination("freshsales")
ROUTE = load_route("promio_to_freshsales")
TOKEN = "rehearsal-key"
SCALE = 600.0


@dataclass
class Desk:
    rehearsal: Rehearsal
    store: Engine

    def client(self) -> Destination:
        there = Account(self.rehearsal.url, Secret(TOKEN), "suite", "enterprise", time_scale=SCALE)
        return connect(SPEC, there, declared=ROUTE.custom_fields)

    def guard(self) -> Guard:
        return Ledger(self.store, engagement_id="e1").guard(self.client(), settle_seconds=0.05)

    def provision(self) -> Guard:
        guard = self.guard()
        for plan in [*ROUTE.custom_fields, *guard.extra_fields(SPEC.objects)]:
            guard.create_field(plan)
        return guard

    def tenant(self) -> str:
        return canonical(self.rehearsal.dump())

    def writes(self, since: int) -> int:
        log = self.rehearsal.log(since)
        return int((log["method"].isin(["POST", "PUT", "DELETE"]) & ~log["path"].str.contains("filtered_search")).sum())


@contextmanager
def desk(folder: Path, *, faults: Sequence[str] = (), seed: int = 0) -> Iterator[Desk]:
    store = open_store(folder / "workbench.db")
    state = folder / "tenant.db"
    with running("freshsales", state=state, token=TOKEN, time_scale=SCALE, faults=faults, seed=seed) as rehearsal:
        yield Desk(rehearsal, store)
    store.dispose()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def contacts(count: int, *, start: int = 0, prefix: str = "n") -> pd.DataFrame:
    numbers = range(start, start + count)
    return pd.DataFrame(
        {
            "key": [f"p:contacts:{n}" for n in numbers],
            "last_name": [f"Name {n}" for n in numbers],
            "emails": [f"{prefix}{n}@x.example" for n in numbers],
            "lifetime_value__c": [Decimal("12.50") if n % 2 else None for n in numbers],
            "first_job__c": pd.to_datetime(["2024-02-03"] * count),
        }
    )


def migrate(guard: Guard, count: int = 12) -> dict[str, dict[str, str]]:
    """A small account: businesses, their people, and deals on both."""
    businesses = pd.DataFrame({"key": ["p:accounts:1", "p:accounts:2"], "name": ["Acme", "Bolt"], "city": ["Columbus", pd.NA]})
    accounts = load(businesses, guard, "sales_account").frame.set_index("key")["id"]
    people = contacts(count).assign(sales_accounts=accounts["p:accounts:1"])
    ids = load(people, guard, "contact").frame.set_index("key")["id"]
    deals = pd.DataFrame(
        {
            "key": ["p:deals:1", "p:deals:2"],
            "name": ["One", "Two"],
            "amount": [Decimal("10.00"), Decimal("20")],
            "sales_account": accounts["p:accounts:2"],
            "contacts": [[ids["p:contacts:0"], ids["p:contacts:1"]], [ids["p:contacts:1"]]],
            "campaign_channels__c": [["Display"], pd.NA],
        }
    )
    loaded = load(deals, guard, "deal").frame.set_index("key")["id"]
    return {"sales_account": accounts.to_dict(), "contact": ids.to_dict(), "deal": loaded.to_dict()}


def verdicts(result: Unloaded) -> dict[str, str]:
    return dict(zip(result.frame["key"], result.frame["verdict"], strict=True))


# ---------------------------------------------------------------- load


def test_a_frame_becomes_records_and_comes_back_with_their_ids_in_its_own_order(there: Desk) -> None:
    guard = there.provision()
    steps: list[Progress] = []
    loaded = load(contacts(250), guard, "contact", on_progress=steps.append)
    assert list(loaded.frame.columns) == ["key", "state", "id", "words"]
    assert loaded.frame["key"].tolist() == contacts(250)["key"].tolist()
    assert loaded.count("done") == 250
    there_now = {record.key: record for record in guard.sweep("contact")}
    assert dict(zip(loaded.frame["key"], loaded.frame["id"], strict=True)) == {key: r.id for key, r in there_now.items()}
    assert there_now["p:contacts:1"].values["lifetime_value__c"] == "12.5"
    assert there_now["p:contacts:2"].values["lifetime_value__c"] is None
    assert there_now["p:contacts:2"].values["first_job__c"] == "2024-02-03"
    assert [step.done for step in steps][-1] == 250 and steps[-1].total == 250 and len(steps) == 3
    log = there.rehearsal.log()
    assert log["path"].str.contains("bulk_upsert").sum() == 3


def test_a_load_without_a_ledger_gives_ids_too(there: Desk) -> None:
    there.provision()
    loaded = load(contacts(3), there.client(), "contact")
    assert loaded.count("done") == 3 and (loaded.frame["id"] != "").all()


def test_a_second_load_of_the_same_frame_sends_nothing(there: Desk) -> None:
    guard = there.provision()
    first = migrate(guard)
    since = len(there.rehearsal.log())
    assert migrate(there.guard()) == first
    assert there.writes(since) == 0


def test_rows_that_cannot_be_sent_come_back_with_a_reason_and_hold_nobody_up(there: Desk) -> None:
    guard = there.provision()
    frame = contacts(5)
    frame.loc[1, "key"] = frame.loc[0, "key"]
    frame.loc[2, "key"] = None
    frame.loc[3, "emails"] = "no address"
    loaded = load(frame, guard, "contact").frame
    assert loaded["state"].tolist() == ["done", "rejected", "rejected", "rejected", "done"]
    assert loaded["words"].tolist()[1:4] == ["the key stands twice", "the row has no key", "Email is invalid"]


def test_a_frame_without_keys_is_refused_and_an_empty_one_is_not(there: Desk) -> None:
    guard = there.provision()
    with pytest.raises(SpecError, match="names its records"):
        load(contacts(2).drop(columns="key"), guard, "contact")
    assert load(contacts(0), guard, "contact").frame.empty


def test_missing_cells_are_not_sent_and_values_are_plain() -> None:
    frame = pd.DataFrame(
        {
            "key": ["a"], "id": [pd.NA], "none": [None], "day": pd.to_datetime(["2024-02-03"]), "whole": [7],
            "moment": pd.to_datetime(["2024-02-03T04:05:06Z"]), "flag": [True], "money": [Decimal("1E+3")],
            "many": [["x", "y"]], "text": ["02134"],
        }
    )  # fmt: skip
    drafts, refused = drafts_of(frame)
    assert refused == {}
    assert drafts == [
        Draft(
            "a",
            {
                "day": "2024-02-03", "whole": 7, "moment": "2024-02-03T04:05:06+00:00", "flag": True, "money": "1000",
                "many": ["x", "y"], "text": "02134",
            },
        )
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_load_through_faults_makes_every_record_exactly_once(tmp_path: Path, seed: int) -> None:
    faults = ("drop_after=0.1", "500_after=0.05", "drop_before=0.05", "500_before=0.05", "429=0.05", "truncated=0.05")
    with desk(tmp_path, faults=faults, seed=seed) as there:
        guard = there.guard()
        for plan in guard.extra_fields(["deal"]):
            there.rehearsal.admin_create_fields([{"object": "deals", "label": plan.label, "type": "text", "unique": True}])
        people = contacts(220).drop(columns=["lifetime_value__c", "first_job__c"])
        deals = pd.DataFrame({"key": [f"p:deals:{n}" for n in range(40)], "name": "D", "amount": 1})
        for object_, frame in (("contact", people), ("deal", deals)):
            loaded = load(frame, guard, object_)
            while loaded.count("unknown"):
                loaded = load(frame, there.guard(), object_)
            assert loaded.count("done") == len(frame), loaded.frame[loaded.frame["state"] != "done"]
            found = [(record.key, record.id) for record in guard.sweep(object_)]
            assert sorted(found) == sorted(zip(loaded.frame["key"], loaded.frame["id"], strict=True))
        assert there.rehearsal.log()["fault"].notna().sum() > 5


def test_a_load_that_has_to_stop_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with desk(tmp_path) as there:
        there.provision()

        class Tiring:
            def __init__(self, inner: Destination) -> None:
                self.inner, self.calls = inner, 0

            def __getattr__(self, name: str) -> object:
                return getattr(self.inner, name)

            def write(self, object_: str, drafts: list[Draft]) -> object:
                self.calls += 1
                if self.calls > 2:
                    raise DestinationBusy("used up")
                return self.inner.write(object_, drafts)

        tired = Ledger(there.store, engagement_id="e1").guard(Tiring(there.client()), settle_seconds=0.05)  # type: ignore[arg-type]
        with pytest.raises(DestinationBusy):
            load(contacts(500), tired, "contact", workers=1)
        loaded = load(contacts(500), there.guard(), "contact")
        assert loaded.count("done") == 500
        assert len(list(there.client().sweep("contact"))) == 500


# ---------------------------------------------------------------- unload


def test_a_rollback_leaves_the_account_as_it_was(there: Desk) -> None:
    before = there.tenant()
    guard = there.provision()
    migrate(guard)
    assert there.tenant() != before
    result = unload(there.guard())
    assert result.complete and set(result.frame["object"]) == {"sales_account", "contact", "lead", "deal"}
    assert there.tenant() == before
    assert there.rehearsal.dump()["recycle_bin"] == {}


def test_a_rollback_of_changes_puts_back_what_was_there(there: Desk) -> None:
    plain = there.client()
    theirs = {"last_name": "Theirs", "emails": "theirs@x.example", "city": "Dayton", "job_title": "Owner"}
    plain.write("contact", [Draft("theirs:1", theirs)])
    number = next(plain.sweep("contact")).id
    before = there.tenant()
    guard = there.guard()
    frame = pd.DataFrame(
        {"key": ["p:contacts:1"], "id": [number], "city": ["Akron"], "state": ["OH"], "lead_source": ["Referral"]}
    )
    assert load(frame, guard, "contact").count("done") == 1
    assert load(frame.assign(city="Toledo"), guard, "contact").count("done") == 1
    assert plain.read("contact", [number])[0].values["city"] == "Toledo"
    assert unload(there.guard()).complete
    assert there.tenant() == before


def test_what_people_changed_is_kept_and_named_and_the_rest_goes(there: Desk) -> None:
    guard = there.provision()
    ids = migrate(guard)
    plain = there.client()
    plain.write("contact", [Draft("", {"job_title": "Chief", "last_name": "Married"}, ids["contact"]["p:contacts:5"])])
    result = unload(there.guard())
    found = verdicts(result)
    assert found["p:contacts:5"] == "kept"
    words = result.frame.set_index("key")["words"]["p:contacts:5"]
    assert "last_name" in words and "'Name 5'" in words and "'Married'" in words
    assert {key for key, verdict in found.items() if verdict == "kept" and key.startswith("p:")} == {
        "p:contacts:5",
        "p:accounts:1",  # its account, since it hangs there
    }
    assert found["contact/lifetime_value__c"] == "kept" and found["deal/campaign_channels__c"] == "reversed"
    assert [record.key for record in plain.sweep("contact")] == ["p:contacts:5"]


def test_what_people_added_to_our_record_keeps_it_too(there: Desk) -> None:
    guard = there.provision()
    ids = migrate(guard)
    plain = there.client()
    plain.write("contact", [Draft("", {"job_title": "Chief"}, ids["contact"]["p:contacts:2"])])
    plain.write("deal", [Draft("", {"deal_type": "New Business"}, ids["deal"]["p:deals:2"])])
    result = unload(there.guard()).frame.set_index("key")
    assert "job_title (ours None, now 'Chief')" in result["words"]["p:contacts:2"]
    assert result["verdict"]["p:deals:2"] == "kept" and "deal_type" in result["words"]["p:deals:2"]


def test_a_record_on_which_others_have_built_stays(there: Desk) -> None:
    guard = there.provision()
    ids = migrate(guard)
    plain = there.client()
    foreign = plain.write(
        "deal", [Draft("theirs:1", {"name": "Theirs", "amount": 1, "contacts": ids["contact"]["p:contacts:3"]})]
    )[0].id
    result = unload(there.guard())
    kept = result.frame[result.frame["verdict"] == "kept"].set_index("key")["words"]
    assert f"deal {foreign}" in kept["p:contacts:3"]
    assert plain.read("deal", [foreign])[0].values["contacts"] == ids["contact"]["p:contacts:3"]


def test_of_a_changed_record_only_the_fields_that_are_still_ours_go_back(there: Desk) -> None:
    plain = there.client()
    plain.write("contact", [Draft("theirs:1", {"last_name": "T", "emails": "t@x.example", "city": "Dayton", "state": "OH"})])
    number = next(plain.sweep("contact")).id
    frame = pd.DataFrame({"key": ["p:contacts:1"], "id": [number], "city": ["Akron"], "state": ["MI"]})
    load(frame, there.guard(), "contact")
    plain.write("contact", [Draft("", {"state": "KY"}, number)])
    result = unload(there.guard())
    record = plain.read("contact", [number])[0]
    assert (record.values["city"], record.values["state"]) == ("Dayton", "KY")
    assert result.frame["verdict"].tolist() == ["kept"]
    assert "before 'OH', ours 'MI', now 'KY'" in result.frame["words"][0]


def test_a_nought_that_others_have_filled_in_is_a_value_too(there: Desk) -> None:
    guard = there.guard()
    plan = CustomField(object="contact", name="dogs__c", label="Dogs", type="integer")
    guard.create_field(plan)
    somebody = there.client()
    somebody.metadata([plan])
    outcome = somebody.write("contact", [Draft("theirs:contacts:1", {"last_name": "By Hand", "dogs__c": 0})])[0]
    assert outcome.state == "done"
    assert verdicts(unload(guard)) == {"contact/dogs__c": "kept"}


def test_a_field_that_others_have_filled_is_not_taken_away(there: Desk) -> None:
    guard = there.provision()
    migrate(guard, 2)
    plain = there.client()
    plain.write(
        "contact", [Draft("theirs:1", {"last_name": "T", "emails": "t@x.example", "review_link__c": "https://x.example"})]
    )
    found = verdicts(unload(there.guard()))
    assert found["contact/review_link__c"] == "kept"
    assert found["contact/lifetime_value__c"] == "reversed"
    assert next(plain.sweep("contact")).values["review_link__c"] == "https://x.example"


def test_a_rollback_that_is_cut_off_goes_on_and_ends_at_the_same_account(there: Desk) -> None:
    before = there.tenant()
    migrate(there.provision())

    class Cut(Exception):
        pass

    for limit in (3, 9, 14):
        seen: list[object] = []

        def stop(verdict: object, seen: list[object] = seen, limit: int = limit) -> None:
            seen.append(verdict)
            if len(seen) == limit:
                raise Cut

        with pytest.raises(Cut):
            unload(there.guard(), on_progress=stop)
    there.rehearsal.order_fault("drop_after", path="/contacts/", count=2)
    there.rehearsal.order_fault("500_before", path="/sales_accounts/", count=1)
    result = unload(there.guard())
    while not result.complete:
        assert set(result.frame["verdict"]) <= {"reversed", "errored", "kept"}
        result = unload(there.guard())
    assert there.tenant() == before


def test_a_rollback_of_nothing_is_an_empty_list(there: Desk) -> None:
    result = unload(there.guard())
    assert result.frame.empty and list(result.frame.columns) == ["object", "key", "id", "verdict", "words"]
    assert result.complete


def test_what_somebody_deleted_already_counts_as_reversed(there: Desk) -> None:
    guard = there.provision()
    ids = migrate(guard)
    there.client().delete("deal", [ids["deal"]["p:deals:1"]])
    result = unload(there.guard())
    assert result.complete
    assert result.frame.set_index("key")["words"]["p:deals:1"] == "somebody had deleted it already"


def test_a_migrated_account_can_be_loaded_again_after_its_rollback(there: Desk) -> None:
    migrate(there.provision())
    unload(there.guard())
    ids = migrate(there.provision())
    assert {record.key: record.id for record in there.client().sweep("contact")} == ids["contact"]
