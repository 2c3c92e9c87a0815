"""A load under faults, killed and resumed, a delta, fifty edits by people, and a rollback that is killed too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from killing import killed
from tenant import Tenant
from walk import Walk, resumed, serve, stage_delta, write_decision

from workbench.engagement import open_engagement
from workbench.rehearsal import canonical
from workbench.settings import write_settings
from workbench.stages import rollback

HERE = Path(__file__).parent
FAULTS = ("drop_before=0.04", "drop_after=0.04", "500_before=0.03", "500_after=0.02", "truncated=0.02")
"""Fifteen in a hundred of the calls that change something."""
PEOPLE = ("contacts", "deals", "sales_accounts")
Bodies = Mapping[str, Mapping[str, Any]]


def test_the_tenant_stands_as_before_but_for_what_people_did(staged: Path, tmp_path: Path) -> None:
    """I13, I14, F21: every edit stays, everything else of ours goes, and the three lists say which is which."""
    folder = tmp_path / "walk"
    with resumed(staged, folder) as walk:
        taken_over = _of_others(walk)
        write_decision(walk.engagement, "scope", "existing_records", "update")
        before = _without_the_volatile(walk)
    with _again(folder, FAULTS, seed=11) as walk:
        assert _push(walk, "load", kill_after=(70, 60)) == 2
        stage_delta(walk.engagement)
        assert _push(walk, "delta", kill_after=(25,)) == 1
        assert walk.tenant.log()["fault"].notna().sum() > 8
    with _again(folder) as walk:
        loaded = Tenant(walk)
        edits = People(walk, loaded, taken_over)
        assert edits.work() == 50
        edited = Tenant(walk).records
        then = _without_the_volatile(walk)
    with _again(folder, FAULTS, seed=5) as walk:
        assert _push(walk, "rollback", kill_after=(500,)) == 1
        result = rollback.run(walk.engagement)
    with _again(folder) as walk:
        after = _without_the_volatile(walk)
        asked = walk.requests()
        again = rollback.run(walk.engagement)
        assert walk.writes(asked) == []
        for name in ("reversed", "kept", "errored"):
            assert getattr(again, name).equals(getattr(result, name))

    assert result.errored.empty
    assert not result.done
    kept = result.kept[~result.kept["key"].str.contains("/")]  # the others are fields
    words = {(f"{row.object}s".replace("leads", "contacts"), row.id): row.words for row in kept.itertuples()}
    changed = {place for place, said in words.items() if said.startswith("changed since") or "before " in said}
    built_upon = {place for place, said in words.items() if said.startswith("others hang on it")}
    assert changed == edits.changed
    old = {(kind, number) for kind in PEOPLE for number in before["records"].get(kind, {})}
    expected = _standing_on(edited, edits.changed | edits.built_upon) - changed - old
    assert built_upon == expected
    assert set(words) == changed | built_upon
    # Field by field: what people changed is told with all three values.
    told = {(f"{r.object}s".replace("leads", "contacts"), r.id, r.field): (r.ours, r.now) for r in result.edits.itertuples()}
    assert {place[:2] for place in told} == changed
    for (kind, number, field), now in edits.fields.items():
        assert told[kind, number, field][1] == now

    for kind in PEOPLE:
        theirs = {number for place, number in edits.made if place == kind}
        stay = {number for place, number in words if place == kind}
        old = set(before["records"].get(kind, {}))
        assert set(after["records"][kind]) == old | stay | theirs
        for number in stay - old | theirs:
            assert after["records"][kind][number] == then["records"][kind][number], (kind, number)
    for kind in ("notes", "tasks"):
        assert after["records"].get(kind, {}) == then["records"].get(kind, {})
    for kind, number in taken_over:
        assert after["records"][kind][number] == {**before["records"][kind][number], **edits.theirs.get((kind, number), {})}
    rest = {kind: rows for kind, rows in before["records"].items() if kind not in (*PEOPLE, "notes", "tasks", "fields")}
    assert {kind: after["records"].get(kind, {}) for kind in rest} == rest
    fields = {row for row in result.kept["key"] if "/" in row}
    new = set(after["records"]["fields"]) - set(before["records"].get("fields", {}))
    assert {row.id for row in result.kept.itertuples() if row.key in fields} == new


# ---------------------------------------------------------------- processes


@contextmanager
def _again(folder: Path, faults: Sequence[str] = (), *, seed: int = 0) -> Iterator[Walk]:
    """The same tenant and engagement, served anew."""
    with serve(folder, faults=faults, seed=seed) as served:
        stopped = open_engagement(folder / "engagement")
        write_settings(stopped.root, stopped.settings.model_copy(update={"base_url": served.url}))
        stopped.store.dispose()
        engagement = open_engagement(folder / "engagement")
        yield Walk(engagement, served)
        engagement.store.dispose()


def _push(walk: Walk, what: str, *, kill_after: Sequence[int]) -> int:
    """Run a part of the walk in processes of its own; each but the last is killed after so many requests."""
    return killed(HERE / "pushing.py", [what, str(walk.engagement.root)], requests=walk.requests, after=kill_after)


# ---------------------------------------------------------------- others, before


def _of_others(walk: Walk) -> set[tuple[str, str]]:
    """What a team that works in the account already has there; two of its contacts are customers of the export too."""
    account = walk.ask("POST", "sales_accounts", {"sales_account": {"name": "Harbour Supplies", "city": "Boston"}})
    number = account["sales_account"]["id"]
    contact = {"first_name": "Ines", "last_name": "Park", "emails": ["ines@harbour.example"], "external_id": "erp-0001"}
    other = walk.ask("POST", "contacts", {"contact": {**contact, "sales_accounts": [{"id": number, "is_primary": True}]}})
    deal = {"name": "Spring order", "amount": 900, "sales_account_id": number}
    walk.ask("POST", "deals", {"deal": {**deal, "contacts_added_list": [other["contact"]["id"]]}})
    note = {"description": "theirs", "targetable_type": "Contact", "targetable_id": other["contact"]["id"]}
    walk.ask("POST", "notes", {"note": note})
    records = walk.engagement.load("records/contacts").set_index("key")
    taken = set()
    changed = [f"contacts/C-{number}" for number in ("01002", "01012", "01026", "01065", "01095", "01124", "01149", "01150")]
    reached = [key for key in changed if isinstance(records.at[key, "emails"], str)][:2]  # and the delta changes both of them
    assert len(reached) == 2
    for key, town in zip(reached, ("Salem", "Lowell"), strict=True):
        person = {"last_name": "By Hand", "emails": [records.at[key, "emails"]], "city": town, "job_title": "Treasurer"}
        taken.add(("contacts", str(walk.ask("POST", "contacts", {"contact": person})["contact"]["id"])))
    return taken


def _without_the_volatile(walk: Walk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(canonical(walk.tenant.dump()))
    return found


# ---------------------------------------------------------------- people, afterwards


class People:
    """Fifty things that people do in the account once everything has moved, and what has to become of them."""

    def __init__(self, walk: Walk, there: Tenant, taken_over: set[tuple[str, str]]) -> None:
        self._walk, self._there, self._taken_over = walk, there, taken_over
        self.changed: set[tuple[str, str]] = set()  # kind and number of records of ours that people edited
        self.built_upon: set[tuple[str, str]] = set()  # and of those on which they hung something
        self.made: set[tuple[str, str]] = set()
        self.fields: dict[tuple[str, str, str], str] = {}
        self.theirs: dict[tuple[str, str], dict[str, Any]] = {}
        ours = {number for number, body in there.records["contacts"].items() if _key(body).startswith("promio:")}
        linked = {str(n) for deal in there.records["deals"].values() for n in deal["contact_ids"]}
        taken = {number for _, number in taken_over}
        self._contacts = iter(sorted(ours - linked - taken))
        self._deals = iter([n for n, deal in there.records["deals"].items() if there.marker("deals", deal)])
        accounts = there.records["sales_accounts"].items()
        self._accounts = iter([number for number, account in accounts if there.marker("sales_accounts", account)])

    def work(self) -> int:
        """All of it; returns how many things were done."""
        plan: Sequence[tuple[int, Callable[[int], None]]] = (
            (8, self._city),
            (4, self._name),
            (6, self._title),
            (5, self._amount),
            (3, self._phone),
            (8, self._delete_contact),
            (1, self._delete_account),
            (2, self._delete_deal),
            (4, self._deal_on_account),
            (3, self._note_on_deal),
            (3, self._task_on_contact),
            (1, self._of_theirs),
            (1, self._of_theirs_and_ours),
            (1, self._undone),
        )
        for count, deed in plan:
            for turn in range(count):
                deed(turn)
        return sum(count for count, _ in plan)

    def _edit(self, kind: str, number: str, field: str, value: str, *, key: str = "") -> None:
        self._walk.ask("PUT", f"{kind}/{number}", {kind.removesuffix("s"): {key or field: value}})
        self.changed.add((kind, number))
        self.fields[kind, number, field] = value

    def _city(self, turn: int) -> None:
        self._edit("contacts", next(self._contacts), "city", f"Newtown {turn}")

    def _name(self, turn: int) -> None:
        self._edit("contacts", next(self._contacts), "last_name", f"Married {turn}")

    def _title(self, turn: int) -> None:
        self._edit("contacts", next(self._contacts), "job_title", f"Chief {turn}")

    def _amount(self, turn: int) -> None:
        self._edit("deals", next(self._deals), "amount", str(7700 + turn))

    def _phone(self, turn: int) -> None:
        self._edit("sales_accounts", next(self._accounts), "phone", f"+1617555019{turn}")

    def _delete_contact(self, turn: int) -> None:
        self._walk.ask("DELETE", f"contacts/{next(self._contacts)}")

    def _delete_account(self, turn: int) -> None:
        """One on which contacts of ours stand: they lose a link, which is no edit of theirs."""
        self._walk.ask("DELETE", f"sales_accounts/{next(self._accounts)}")

    def _delete_deal(self, turn: int) -> None:
        self._walk.ask("DELETE", f"deals/{next(self._deals)}")

    def _deal_on_account(self, turn: int) -> None:
        account = next(self._accounts)
        body = {"name": f"Follow-up {turn}", "amount": 10, "sales_account_id": int(account)}
        made = self._walk.ask("POST", "deals", {"deal": body})["deal"]["id"]
        self.made.add(("deals", str(made)))
        self.built_upon.add(("sales_accounts", account))

    def _note_on_deal(self, turn: int) -> None:
        deal = next(self._deals)
        note = {"description": f"called {turn}", "targetable_type": "Deal", "targetable_id": int(deal)}
        self._walk.ask("POST", "notes", {"note": note})
        self.built_upon.add(("deals", deal))

    def _task_on_contact(self, turn: int) -> None:
        contact = next(self._contacts)
        task = {"title": f"call {turn}", "due_date": "2026-12-01T10:00:00Z", "targetable_type": "Contact"}
        self._walk.ask("POST", "tasks", {"task": {**task, "targetable_id": int(contact)}})
        self.built_upon.add(("contacts", contact))

    def _of_theirs(self, turn: int) -> None:
        """Of a record that was there before us: a field that we left alone."""
        kind, number = sorted(self._taken_over)[0]
        self._walk.ask("PUT", f"{kind}/{number}", {"contact": {"job_title": "Retired"}})
        self.theirs[kind, number] = {"job_title": "Retired"}

    def _of_theirs_and_ours(self, turn: int) -> None:
        """And a field that we changed: it stays, the others go back."""
        kind, number = sorted(self._taken_over)[1]
        self._edit(kind, number, "mobile_number", "+12125550100")
        self.theirs[kind, number] = {"mobile_number": "+12125550100"}

    def _undone(self, turn: int) -> None:
        """An edit that somebody took back: the record holds what we wrote."""
        number = next(self._contacts)
        was = self._there.records["contacts"][number].get("job_title")
        for title in ("Mistake", was):
            self._walk.ask("PUT", f"contacts/{number}", {"contact": {"job_title": title}})


def _key(body: Mapping[str, Any]) -> str:
    return str(body.get("external_id") or "")


def _standing_on(records: Mapping[str, Bodies], kept: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Records and those that they stand on: the contacts and the account of a deal, the accounts of a contact."""
    found: set[tuple[str, str]] = set()
    new = set(kept)
    while new:
        found |= new
        below = set()
        for kind, number in new:
            body = records[kind][number]
            if kind == "deals":
                below |= {("contacts", str(each)) for each in body["contact_ids"]}
                below |= {("sales_accounts", str(body["sales_account_id"]))} if body.get("sales_account_id") else set()
            if kind == "contacts":
                below |= {("sales_accounts", str(row["id"])) for row in body.get("sales_accounts") or []}
        new = {place for place in below if place in {(k, n) for k in records for n in records[k]}} - found
    return found
