"""The ledger round a client of the rehearsal: written before and after every change, and settled by looking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_desk import SCALE, SPEC, Breaking, Desk, deal, desk, people

from workbench.destinations import Account, Destination, Draft, Outcome, Record, Secret, connect
from workbench.errors import Refused, Uncertain, WrongKey
from workbench.ledger import Guard, Ledger
from workbench.ledger.guarding.steps import Step
from workbench.ledger.operations import digest, same
from workbench.specs import CustomField


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("object_", "drafts"), [("contact", people(1, 2, 3)), ("deal", [deal()])])
def test_a_run_that_is_cut_off_is_settled_by_looking_and_makes_nothing_twice(
    there: Desk, when: str, object_: str, drafts: list[Draft]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        there.again(Breaking(there.client(), when=when)).write(object_, drafts)  # type: ignore[arg-type]
    assert {state for _, _, state in there.states()} == {"intent"}
    since = there.now()
    guard = there.again()
    assert {outcome.state for outcome in guard.write(object_, drafts)} == {"done"}
    guard.resolve_ids(object_)
    assert (there.writes(since) == []) == (when == "after")
    found = {record.key: record.id for record in guard.sweep(object_)}
    assert len(list(guard.sweep(object_))) == len(drafts)
    assert there.ledger.ids(object_) == found


@pytest.mark.parametrize("fault", ["drop_after", "500_after", "truncated", "drop_before", "500_before"])
@pytest.mark.parametrize(("object_", "drafts"), [("contact", people(1, 2)), ("deal", [deal()])])
def test_an_answer_that_is_lost_leads_to_exactly_one_record(there: Desk, fault: str, object_: str, drafts: list[Draft]) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault(fault, path="bulk_upsert" if object_ == "contact" else "/deals")
    assert {outcome.state for outcome in guard.write(object_, drafts)} == {"unknown"}
    assert {outcome.state for outcome in guard.write(object_, drafts)} == {"done"}
    guard.resolve_ids(object_)
    assert {record.key: record.id for record in guard.sweep(object_)} == there.ledger.ids(object_)
    assert len(list(guard.sweep(object_))) == len(drafts)


def test_the_intent_is_durable_before_the_first_byte_leaves(there: Desk) -> None:
    seen: list[list[tuple[str, str, str]]] = []

    class Watching(Breaking):
        def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
            seen.append(there.states())  # through another connection, as after a crash
            return self._inner.write(object_, drafts, taken=taken)

    there.again(Watching(there.client(), when="")).write("deal", [deal()])  # type: ignore[arg-type]
    assert seen == [[("create", "p:deals:1", "intent")]]
    assert there.states() == [("create", "p:deals:1", "done")]


def test_a_second_run_of_the_same_rows_sends_nothing(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", people(1, 2))
    guard.write("deal", [deal()])
    ids = guard.resolve_ids("contact")
    guard.write("contact", [Draft("p:contacts:1", {"city": "Dayton"}, ids["p:contacts:1"])])
    since = there.now()
    again = there.again()
    outcomes = again.write("contact", people(1, 2))
    assert [(outcome.state, outcome.id) for outcome in outcomes] == [("done", ids[f"p:contacts:{n}"]) for n in (1, 2)]
    again.write("deal", [deal()])
    assert again.write("contact", [Draft("p:contacts:1", {"city": "Dayton"}, ids["p:contacts:1"])])[0].state == "done"
    assert there.writes(since) == []


def test_a_change_back_and_forth_is_sent_each_time(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    for amount in (5, 6, 5):
        since = there.now()
        assert guard.write("deal", [Draft("p:deals:1", {"amount": amount}, number)])[0].state == "done"
        assert len(there.writes(since)) == 1
    assert guard.read("deal", [number])[0].values["amount"] == "5"


def test_a_key_that_was_made_with_other_values_is_refused_and_the_ledger_keeps_what_it_knows(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal()])
    since = there.now()
    outcome = guard.write("deal", [Draft("p:deals:1", {"name": "Another", "amount": 9})])[0]
    assert outcome.state == "rejected" and "other values" in outcome.words
    assert there.writes(since) == [] and there.states() == [("create", "p:deals:1", "done")]


def test_a_rejected_row_may_be_sent_again_once_it_is_mended(there: Desk) -> None:
    guard = there.again()
    assert guard.write("contact", [Draft("p:contacts:1", {"last_name": "A", "emails": "no address"})])[0].state == "rejected"
    assert guard.write("contact", people(1))[0].state == "done"
    frame = there.ledger.frame()
    assert list(zip(frame["state"], frame["attempt"], strict=True)) == [("rejected", 1), ("done", 2)]


def test_ids_of_bulk_rows_come_by_one_sweep_of_our_markers(there: Desk) -> None:
    guard = there.again()
    outcomes = guard.write("contact", people(*range(30)))
    assert {outcome.id for outcome in outcomes} == {""} and there.ledger.ids("contact") == {}
    since = there.now()
    ids = guard.resolve_ids("contact")
    assert ids == {record.key: record.id for record in guard.sweep("contact")} and len(ids) == 30
    assert there.writes(since) == []
    since = there.now()
    assert guard.resolve_ids("contact") == ids
    assert there.now() == since


def test_what_was_said_to_be_made_and_is_not_there_becomes_unknown(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", people(1, 2))
    plain = there.client()
    gone = next(record.id for record in plain.sweep("contact") if record.key == "p:contacts:2")
    plain.delete("contact", [gone])
    assert list(guard.resolve_ids("contact")) == ["p:contacts:1"]
    assert there.states()[1] == ("create", "p:contacts:2", "unknown")


def test_a_record_that_people_have_deleted_is_not_made_again(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    there.client().delete("deal", [number])
    guard.resolve_ids("deal")
    since = there.now()
    assert there.again().write("deal", [deal()])[0].state == "done"
    assert there.writes(since) == []


def test_every_change_has_the_record_as_it_was_before(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    there.client().write("deal", [Draft("", {"probability": 35}, number)])  # somebody else, a moment before us
    guard.write("deal", [Draft("p:deals:1", {"amount": 70}, number)])
    guard.delete("deal", [number])
    images = [row.pre for row in guard.ledger.operations.of_keys("deal", ["p:deals:1"])["p:deals:1"]]
    assert images[0] is None
    assert images[1] is not None and (images[1]["amount"], images[1]["probability"]) == ("1", 35)
    assert images[2] is not None and images[2]["amount"] == "70"
    assert guard.write("deal", [Draft("p:deals:x", {"amount": 1}, number)])[0].words == "the record is not there any more"


def test_a_delete_without_an_answer_is_settled_by_looking(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    there.rehearsal.order_fault("drop_after", path=f"/deals/{number}")
    assert guard.delete("deal", [number])[0].state == "unknown"
    assert there.again().settle() == 1
    assert there.states()[-1] == ("delete", "p:deals:1", "done")


@pytest.mark.parametrize(("fault", "state"), [("drop_after", "done"), ("drop_before", "rejected")])
def test_a_change_without_an_answer_is_settled_by_looking(there: Desk, fault: str, state: str) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    there.rehearsal.order_fault(fault, path=f"/deals/{number}")
    assert guard.write("deal", [Draft("p:deals:1", {"amount": 44}, number)])[0].state == "unknown"
    there.again().settle("deal")
    assert there.states()[-1] == ("update", "p:deals:1", state)


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_a_field_is_made_once_though_its_answer_was_lost(there: Desk, fault: str) -> None:
    plan = CustomField(object="contact", name="segment__c", label="Segment", type="picklist", choices=("A", "B"))
    there.rehearsal.order_fault(fault, path="/fields")
    with pytest.raises(Uncertain):
        there.again().create_field(plan)
    live = there.again().create_field(plan)
    since = there.now()
    assert there.again().create_field(plan) == live and live.choices == ("A", "B")
    assert there.writes(since) == []
    labels = [field.label for field in there.client().metadata().fields if field.custom and field.object == "contact"]
    assert labels.count("Segment") == 1


def test_a_refusal_of_a_single_call_leaves_nothing_open(there: Desk) -> None:
    guard = there.again()
    with pytest.raises(Refused):
        guard.create_field(CustomField(object="contact", name="x__c", label="", type="text"))
    locked = connect(SPEC, Account(there.rehearsal.url, Secret("wrong"), "suite", "enterprise", time_scale=SCALE))
    with pytest.raises(WrongKey):
        there.again(locked).write("deal", [deal()])
    assert there.ledger.operations.unsettled() == []


def test_a_record_that_was_made_twice_and_differs_stays_and_is_written_down_twice(there: Desk) -> None:
    with pytest.raises(KeyboardInterrupt):
        there.again(Breaking(there.client(), when="before")).write("contact", people(1))  # type: ignore[arg-type]
    for number in (1, 2):  # a proxy that repeats a request, in an account whose keys are not unique
        made = there.client().write("sales_account", [Draft(f"p:accounts:{number}", {"name": f"A{number}"})])[0]
        assert made.state == "done"
    both = [record.id for record in there.client().sweep("sales_account")]
    guard = there.again(_SameKey(there.client(), "p:contacts:1"))  # type: ignore[arg-type]
    guard.settle("contact")
    rows = there.ledger.operations.of_keys("contact", ["p:contacts:1"])["p:contacts:1"]
    assert [(row.state, row.id) for row in rows] == [("done", both[0]), ("done", both[1])]
    assert there.ledger.ids("contact") == {"p:contacts:1": both[0]}


class _SameKey(Breaking):
    """Shows the accounts as records of one key, as an account with two copies would."""

    def __init__(self, inner: Destination, key: str) -> None:
        super().__init__(inner, when="")
        self._key = key

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        return [replace(record, key=self._key) for record in self._inner.sweep("sales_account")]

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        return [replace(record, key=self._key) for record in self._inner.read("sales_account", ids)]


def test_batches_from_several_threads_are_all_written_down(there: Desk) -> None:
    guard = there.again()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda n: guard.write("contact", people(*range(n, n + 5)))[0], range(0, 60, 5)))
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert {state for _, _, state in there.states()} == {"done"} and len(there.states()) == 60
    assert len(guard.resolve_ids("contact")) == 60


def test_two_engagements_in_one_store_do_not_see_each_other(there: Desk) -> None:
    there.again().write("deal", [deal()])
    other = Ledger(there.store, engagement_id="e2")
    assert other.frame().empty and other.ids("deal") == {}
    assert list(there.ledger.ids("deal")) == ["p:deals:1"]


def test_the_last_values_that_we_wrote_are_known_by_key(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal()])[0].id
    guard.write("deal", [Draft("p:deals:1", {"amount": 8}, number)])
    assert guard.ledger.post_images("deal") == {"p:deals:1": {"name": "Deal 1", "amount": 8}}


VALUES = st.one_of(st.text(max_size=5), st.integers(-99, 99), st.booleans(), st.lists(st.text(max_size=3), max_size=3))


@given(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=4))
def test_a_digest_knows_no_order_and_no_empty_fields(payload: dict[str, object]) -> None:
    backwards = dict(reversed(list(payload.items())))
    assert digest(payload) == digest({**backwards, "nothing": None})


@given(VALUES)
def test_a_value_is_the_same_as_itself(value: object) -> None:
    assert same(value, value)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("1200.00", 1200, True), ("1200", "1200.0", True), (12.5, "12.50", True), ("02134", "2134", False), ("02134", 2134, False),
     ("50%", "50", False), (None, "", True), (["a", "b"], ["b", "a"], True), ("31", ["31"], True), (True, "true", True),
     ("A", "a", False), ("0.50", "0.5", True), ("", "0", False), (["a"], ["a", "b"], False), ("-1.0", -1, True)],
)  # fmt: skip
def test_values_are_compared_by_what_they_say(one: object, other: object, equal: bool) -> None:
    assert same(one, other) is equal


class _Holding(Guard):
    """Waits between the commit of its intents and the call, while others look at the ledger."""

    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        super().__init__(destination, ledger, settle_seconds=0.05)
        self.written, self.go_on = threading.Event(), threading.Event()

    def _intend(self, batch: str, step: Step) -> list[int]:
        numbers = super()._intend(batch, step)
        self.written.set()
        assert self.go_on.wait(60)
        return numbers


def test_a_change_in_hand_is_not_taken_for_one_that_was_cut_off(there: Desk) -> None:
    guard = _Holding(there.client(), there.ledger)
    with ThreadPoolExecutor(2) as pool:
        sent = pool.submit(guard.write, "contact", people(1))
        assert guard.written.wait(60)  # the intent is on disk, and its call has not begun
        assert there.states() == [("create", "p:contacts:1", "intent")]
        assert pool.submit(guard.settle, "contact").result(timeout=60) == 0
        guard.go_on.set()
        assert [outcome.state for outcome in sent.result(timeout=60)] == ["done"]
    assert there.states() == [("create", "p:contacts:1", "done")]


def test_a_change_of_a_text_that_reads_as_the_same_number_is_sent(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", people(1, city="1.10"))
    number = guard.resolve_ids("contact")[people(1)[0].key]
    since = there.now()
    guard.write("contact", [Draft(people(1)[0].key, {"city": "1.1"}, number)])
    assert len(there.writes(since)) == 1
    assert guard.read("contact", [number])[0].values["city"] == "1.1"
