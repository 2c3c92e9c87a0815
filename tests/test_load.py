"""Loading frames and taking them back, against the rehearsal, with the ledger between."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import programs
import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Account, Destination, Draft, Secret, Wait, connect
from workbench.errors import DestinationBusy, SpecError
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import ROUNDS, Progress, drafts_of, load
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
    assert (steps[-1].done, steps[-1].total, steps[-1].ended) == (250, 250, True)
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

            def write(self, object_: str, drafts: list[Draft], *, taken: Callable[[str], None] | None = None) -> object:
                self.calls += 1
                if self.calls > 2:
                    raise DestinationBusy("used up")
                return self.inner.write(object_, drafts, taken=taken)

        tired = Ledger(there.store, engagement_id="e1").guard(Tiring(there.client()), settle_seconds=0.05)  # type: ignore[arg-type]
        with pytest.raises(DestinationBusy):
            load(contacts(500), tired, "contact", workers=1)
        loaded = load(contacts(500), there.guard(), "contact")
        assert loaded.count("done") == 500
        assert len(list(there.client().sweep("contact"))) == 500


def test_many_frames_are_loaded_as_if_they_were_one() -> None:
    parts = (people(1_300, start=start) for start in (0, 1_300, 2_600))
    toy = Toy(rows=100)
    loaded = load(parts, toy, "contact", total=3_900)
    assert loaded.frame["key"].tolist() == people(3_900)["key"].tolist()
    assert loaded.count("done") == 3_900 == len(toy.records)
    assert max(map(len, toy.calls)) == 100


@pytest.mark.parametrize(("rows", "lanes"), [(1, 8), (100, 4)])
def test_never_more_than_a_few_batches_of_a_stream_are_held(rows: int, lanes: int) -> None:
    read, ahead = [0], []

    def stream() -> Iterator[pd.DataFrame]:
        for start in range(0, 6_000, 50):
            read[0] += 50
            yield people(50, start=start)

    toy = Toy(rows=rows, lanes=lanes, before=lambda drafts: ahead.append(read[0] - len(toy.records)))
    assert load(stream(), toy, "contact").count("done") == 6_000
    assert max(ahead) <= 500 + 2 * lanes * rows + rows + 50


def test_makes_and_changes_share_no_call() -> None:
    toy = Toy(rows=10)
    frame = people(40).assign(id=[str(n) if n % 3 == 0 else None for n in range(40)])
    load(frame, toy, "contact")
    kinds = [{int(key.rpartition(":")[2]) % 3 == 0 for key in call} for call in toy.calls]
    assert all(len(kind) == 1 for kind in kinds) and len(kinds) == 5


def test_a_load_uses_as_many_lanes_as_the_destination_can_use() -> None:
    inside, most, lock = [0], [0], threading.Lock()

    def busy(drafts: Sequence[Draft]) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        with lock:
            inside[0] -= 1

    load(people(60), Toy(lanes=7, before=busy), "contact")
    assert most[0] == 7
    most[0] = 0
    load(people(10), Toy(lanes=7, before=busy), "contact", workers=2)
    assert most[0] == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_every_moment_each_row_is_in_one_place_and_each_that_is_not_done_has_words(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    fates = ["", "", "", "", "no", "answer", "call"]
    store = open_store(tmp_path / "workbench.db")
    toy = Toy(rows=7, before=lambda drafts: time.sleep(0.002), fate=lambda draft: chance.choice(fates))
    steps: list[Progress] = []
    frame = pd.concat([people(700), people(3)], ignore_index=True)  # three keys stand twice
    loaded = load(frame, Ledger(store, engagement_id="e").guard(toy, settle_seconds=0.01), "contact", on_progress=steps.append)
    assert len(steps) > 3
    for step in steps:
        assert step.total == 703 == step.done + step.rejected + step.unknown + step.left
        assert min(step.done, step.rejected, step.unknown, step.left) >= 0
    assert steps[-1].left == 0
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {state: loaded.count(state) for state in ("done", "rejected", "unknown")} == {
        "done": steps[-1].done,
        "rejected": steps[-1].rejected,
        "unknown": steps[-1].unknown,
    }
    assert (loaded.frame.loc[loaded.frame["state"] != "done", "words"] != "").all()
    made = Counter(record.key for record in toy.records.values())
    assert set(made.values()) == {1}
    done = set(loaded.frame.loc[loaded.frame["state"] == "done", "key"])
    assert done <= set(made)
    store.dispose()


def test_only_what_a_look_found_absent_is_sent_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    fates = {"p:contacts:1": "answer", "p:contacts:2": "call"}
    toy = Toy(rows=1, fate=lambda draft: fates.pop(draft.key, ""))
    loaded = load(people(4), Ledger(store, engagement_id="e").guard(toy, settle_seconds=0.01), "contact")
    assert loaded.count("done") == 4
    assert Counter(key for call in toy.calls for key in call) == {
        "p:contacts:0": 1, "p:contacts:1": 1, "p:contacts:2": 2, "p:contacts:3": 1,
    }  # fmt: skip
    store.dispose()


def test_what_is_never_answered_ends_unknown_with_words_and_is_not_sent_for_ever(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    toy = Toy(rows=1, fate=lambda draft: "call" if draft.key == "p:contacts:1" else "")
    loaded = load(people(3), Ledger(store, engagement_id="e").guard(toy, settle_seconds=0.01), "contact").frame
    assert loaded["state"].tolist() == ["done", "unknown", "done"]
    assert loaded["words"][1] == f"sent {ROUNDS} times, and never answered; looked: it was not made"
    assert sum("p:contacts:1" in call for call in toy.calls) == ROUNDS
    store.dispose()


def test_a_million_records_would_need_less_than_400_megabytes() -> None:
    """Measured on a part of them; `tests/bench_load_memory.py` measures them all."""
    records = 20_000
    frames = [people(5_000, start=start) for start in range(0, records, 5_000)]
    toy = Toy(rows=100, keeping=False)
    load([people(500)], toy, "contact")
    tracemalloc.start()
    try:
        loaded = load(iter(frames), toy, "contact", total=records)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert loaded.count("done") == records
    assert most / records < 400 * 1024 * 1024 / 1_000_000


# ---------------------------------------------------------------- stopping


def test_an_interrupt_lets_the_batches_on_the_wire_end_and_the_next_load_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = Ledger(store, engagement_id="e")
    stopped, steps = threading.Event(), list[Progress]()

    def slow(drafts: Sequence[Draft]) -> None:
        time.sleep(0.05)
        assert len(toy.records) < 20 or stopped.wait(300)  # however late the machine lets us press

    toy = Toy(rows=1, lanes=3, before=slow)
    toy.stopped = lambda longer: stopped.set()

    def press(progress: Progress) -> None:
        steps.append(progress)
        if progress.done >= 9 and not progress.doing:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(people(400), ledger.guard(toy, settle_seconds=0.01), "contact", on_progress=press)
    assert ledger.operations.unsettled() == []
    made = len(toy.records)
    assert 9 <= made <= 30
    assert steps[-1].ended and steps[-1].done == made and "goes on from here" in steps[-1].doing
    assert any("on the wire end first" in step.doing for step in steps)
    toy._before = lambda drafts: None
    assert load(people(400), ledger.guard(toy, settle_seconds=0.01), "contact").count("done") == 400
    assert len(toy.records) == 400 and Counter(key for call in toy.calls for key in call).most_common(1)[0][1] == 1
    store.dispose()


def test_a_lane_that_waits_for_the_limit_is_not_waited_for_and_sends_nothing_when_it_wakes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = Ledger(store, engagement_id="e")
    awake = threading.Event()

    def limited(drafts: Sequence[Draft]) -> None:
        if len(toy.records) >= 4:
            toy.report(Wait(3600, "the account's limit of calls"))
            assert awake.wait(300)
            raise DestinationBusy("we were stopped while a call waited for its turn")

    toy = Toy(rows=1, lanes=4, before=limited)
    toy.stopped = lambda longer: awake.set()

    def press(progress: Progress) -> None:
        if progress.wait is not None and not progress.doing:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(people(50), ledger.guard(toy, settle_seconds=0.01), "contact", on_progress=press)
    assert awake.is_set()
    _gone("load contact")
    assert len(toy.records) == 4 and ledger.operations.unsettled() == []
    toy._before = lambda drafts: None
    assert load(people(50), ledger.guard(toy, settle_seconds=0.01), "contact").count("done") == 50
    assert sorted(Counter(record.key for record in toy.records.values()).values()) == [1] * 50
    store.dispose()


def test_a_second_interrupt_does_not_wait_and_the_next_load_lets_the_batch_end_first(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = Ledger(store, engagement_id="e")
    slow = threading.Event()

    def stuck(drafts: Sequence[Draft]) -> None:
        while not slow.is_set():
            time.sleep(0.01)

    toy = Toy(rows=1, lanes=1, before=stuck)

    def press(progress: Progress) -> None:
        if progress.seconds > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(people(5), ledger.guard(toy, settle_seconds=0.01), "contact", on_progress=press)
    assert not toy.records
    threading.Timer(0.5, slow.set).start()
    assert load(people(5), ledger.guard(toy, settle_seconds=0.01), "contact").count("done") == 5
    assert sorted(Counter(record.key for record in toy.records.values()).values()) == [1] * 5
    store.dispose()


LOADER = """
import sys, time
from pathlib import Path
import pandas as pd
from workbench.destinations import Account, Secret, connect
from workbench.ledger import Ledger
from workbench.ledger.loading import load
from workbench.specs import load_destination
from workbench.store import open_store

url, token, database = sys.argv[1:4]
client = connect(load_destination("freshsales"), Account(url, Secret(token), "suite", "enterprise", time_scale=600.0))
guard = Ledger(open_store(Path(database)), engagement_id="e1").guard(client, settle_seconds=0.05)
frame = pd.DataFrame({"key": [f"p:deals:{n}" for n in range(400)], "name": "D", "amount": 1})
began = []
def tell(progress):
    if progress.done and not began:
        began.append(True)
        print("loading", flush=True)
try:
    print(load(frame, guard, "deal", on_progress=tell).count("done"), flush=True)
except KeyboardInterrupt:
    time.sleep(0.3)  # whatever is still sent after the interrupt would be sent now
    print(f"stopped {len(guard.ledger.operations.unsettled())}", flush=True)
    raise SystemExit(130)
"""


def test_ctrl_c_in_a_process_of_its_own_loses_nothing_and_doubles_nothing(there: Desk, tmp_path: Path) -> None:
    provision_deals(there)
    arguments = ["-c", LOADER, there.rehearsal.url, TOKEN, str(tmp_path / "workbench.db")]
    for _ in range(3):
        with programs.started(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None and child.stderr is not None
            assert child.stdout.readline() == "loading\n"
            time.sleep(0.1)
            child.send_signal(signal.SIGINT)
            said, errors = child.stdout.read(), child.stderr.read()
            child.wait(60)
        assert (child.returncode, said) == (130, "stopped 0\n"), errors
        standing = [record.key for record in there.client().sweep("deal")]
        known = {row.key for row in Ledger(there.store, engagement_id="e1").created() if row.verb == "create"}
        assert len(standing) == len(set(standing)) < 400 and set(standing) == known
    frame = pd.DataFrame({"key": [f"p:deals:{n}" for n in range(400)], "name": "D", "amount": 1})
    assert load(frame, there.guard(), "deal").count("done") == 400
    assert Counter(record.key for record in there.client().sweep("deal")) == dict.fromkeys(frame["key"], 1)


def test_an_interrupted_kernel_stops_cleanly_and_its_next_cell_goes_on(there: Desk, tmp_path: Path) -> None:
    provision_deals(there)
    argv = [there.rehearsal.url, TOKEN, str(tmp_path / "workbench.db")]
    setting = LOADER.split("try:")[0].replace("sys.argv[1:4]", repr(argv))
    run = "print(load(frame, guard, 'deal', on_progress=tell).count('done'), flush=True)"
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        assert ask(client, setting) == ("ok", "")
        number = client.execute(run, stop_on_error=False)  # or a cell that comes within moments of the error is given up
        while True:
            message = client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "stream" and "loading" in message["content"]["text"]:
                break
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)
        assert reply["parent_header"]["msg_id"] == number
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "KeyboardInterrupt")
        assert ask(client, "print(len(guard.ledger.operations.unsettled()))") == ("ok", "0\n")
        assert ask(client, run) == ("ok", "400\n")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    keys = [f"p:deals:{n}" for n in range(400)]
    assert Counter(record.key for record in there.client().sweep("deal")) == dict.fromkeys(keys, 1)


def ask(client: BlockingKernelClient, code: str) -> tuple[str, str]:
    """Run a cell to its end: how it ended, and what it printed."""
    said: list[str] = []

    def hear(message: Mapping[str, Any]) -> None:
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=hear, timeout=120)
    return str(reply["content"]["status"]), "".join(said)


def provision_deals(there: Desk) -> None:
    for plan in there.guard().extra_fields(["deal"]):
        there.rehearsal.admin_create_fields([{"object": "deals", "label": plan.label, "type": "text", "unique": True}])


def people(count: int, *, start: int = 0) -> pd.DataFrame:
    numbers = range(start, start + count)
    return pd.DataFrame({"key": [f"p:contacts:{n}" for n in numbers], "last_name": [f"Name {n}" for n in numbers]})


def _gone(name: str) -> None:
    """Wait until no thread of that name is left."""
    for _ in range(3000):
        if not any(thread.name.startswith(name) for thread in threading.enumerate()):
            return
        time.sleep(0.02)
    raise AssertionError(f"a thread {name} is still there")


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
