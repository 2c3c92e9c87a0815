"""Whatever the order of creates, changes, links, deletes and purges: the Freshsales tenant stays whole, and paging is exact."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule, run_state_machine_as_test

from workbench.rehearsal import Rehearsal, canonical, running

KEY = "sequence-key-91c4"
MAIN = ("contacts", "sales_accounts", "deals")
WRAPPER = {"contacts": "contact", "sales_accounts": "sales_account", "deals": "deal"}
WORDS = st.sampled_from(["Ada", "Brook", "Cleo", "Dov", "Edda"])  # few, so that names and addresses collide
TARGET = {"contacts": "Contact", "sales_accounts": "SalesAccount", "deals": "Deal"}


class Account(RuleBasedStateMachine):
    """A client of the stand-in beside a model of what the tenant must hold."""

    stand_in: ClassVar[Rehearsal]

    contacts = Bundle("contacts")
    sales_accounts = Bundle("sales_accounts")
    deals = Bundle("deals")
    gone = Bundle("gone")

    def __init__(self) -> None:
        super().__init__()
        headers = {"Authorization": f"Token token={KEY}"}
        self.http = httpx.Client(base_url=self.stand_in.url, headers=headers, trust_env=False, timeout=20)
        self.before = canonical(self.stand_in.dump())
        self.live: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in MAIN}
        self.binned: dict[str, set[int]] = {kind: set() for kind in MAIN}
        self.ever: set[tuple[str, int]] = set()
        self.notes: dict[int, tuple[str, int]] = {}

    # --- what a client does

    def _create(self, kind: str, **keys: object) -> int | None:
        """Create; the model says beforehand whether the vendor may accept it."""
        taken = self._taken(kind, keys)
        answer = self.http.post(f"/{kind}", json={WRAPPER[kind]: keys})
        if taken:
            assert answer.status_code == 400, answer.text
            return None
        assert answer.status_code == 200, answer.text
        number = int(answer.json()[WRAPPER[kind]]["id"])
        assert (kind, number) not in self.ever, "an id was given out twice"
        self.ever.add((kind, number))
        self.live[kind][number] = dict(keys)
        return number

    def _taken(self, kind: str, keys: dict[str, Any], own: int | None = None) -> bool:
        field = {"contacts": "email", "sales_accounts": "name"}.get(kind)
        if field is None or field not in keys:
            return False
        value = str(keys[field]).casefold()
        return any(str(row.get(field, "")).casefold() == value for number, row in self.live[kind].items() if number != own)

    @rule(target=contacts, word=WORDS)
    def create_contact(self, word: str) -> Any:
        number = self._create("contacts", last_name=word, email=f"{word}@people.example")
        return multiple() if number is None else number

    @rule(target=sales_accounts, word=WORDS)
    def create_account(self, word: str) -> Any:
        number = self._create("sales_accounts", name=f"{word} Ltd")
        return multiple() if number is None else number

    @rule(target=deals, word=WORDS, amount=st.integers(0, 9999))
    def create_deal(self, word: str, amount: int) -> Any:
        number = self._create("deals", name=f"{word} roof", amount=amount)
        return multiple() if number is None else number

    @rule(contact=contacts, word=WORDS)
    def rename_contact(self, contact: int, word: str) -> None:
        self._change("contacts", contact, last_name=word, email=f"{word}@people.example")

    @rule(account=sales_accounts, word=WORDS)
    def rename_account(self, account: int, word: str) -> None:
        self._change("sales_accounts", account, name=f"{word} Ltd")

    @rule(deal=deals, amount=st.integers(0, 9999))
    def revalue_deal(self, deal: int, amount: int) -> None:
        self._change("deals", deal, amount=amount)

    def _change(self, kind: str, number: int, **keys: object) -> None:
        answer = self.http.put(f"/{kind}/{number}", json={WRAPPER[kind]: keys})
        if number not in self.live[kind]:
            assert answer.status_code == 404
        elif self._taken(kind, keys, own=number):
            assert answer.status_code == 400
        else:
            assert answer.status_code == 200, answer.text
            self.live[kind][number] |= keys

    @rule(contact=contacts, accounts=st.lists(sales_accounts, max_size=3, unique=True))
    def employ(self, contact: int, accounts: list[int]) -> None:
        """Sending a list of accounts replaces the one before."""
        links = [{"id": account, "is_primary": place == 0} for place, account in enumerate(accounts)]
        answer = self.http.put(f"/contacts/{contact}", json={"contact": {"sales_accounts": links}})
        if contact not in self.live["contacts"]:
            assert answer.status_code == 404
        elif all(account in self.live["sales_accounts"] for account in accounts):
            assert answer.status_code == 200, answer.text
            self.live["contacts"][contact]["accounts"] = set(accounts)
        else:
            assert answer.status_code in (400, 404)

    @rule(deal=deals, contact=contacts)
    def involve(self, deal: int, contact: int) -> None:
        answer = self.http.put(f"/deals/{deal}", json={"deal": {"contacts_added_list": [contact]}})
        both = deal in self.live["deals"] and contact in self.live["contacts"]
        assert (answer.status_code == 200) == both, answer.text
        if both:
            self.live["deals"][deal].setdefault("contacts", set()).add(contact)

    @rule(deal=deals, contact=contacts)
    def release(self, deal: int, contact: int) -> None:
        if deal in self.live["deals"] and contact in self.live["contacts"]:
            answer = self.http.put(f"/deals/{deal}", json={"deal": {"contacts_removed_list": [contact]}})
            assert answer.status_code == 200, answer.text
            self.live["deals"][deal].setdefault("contacts", set()).discard(contact)

    @rule(deal=deals, account=sales_accounts)
    def place(self, deal: int, account: int) -> None:
        answer = self.http.put(f"/deals/{deal}", json={"deal": {"sales_account_id": account}})
        both = deal in self.live["deals"] and account in self.live["sales_accounts"]
        assert (answer.status_code == 200) == both, answer.text
        if both:
            self.live["deals"][deal]["account"] = account

    @rule(contact=contacts)
    def note(self, contact: int) -> None:
        body = {"note": {"description": "seen", "targetable_type": "Contact", "targetable_id": contact}}
        answer = self.http.post("/notes", json=body)
        assert (answer.status_code == 200) == (contact in self.live["contacts"])
        if answer.status_code == 200:
            self.notes[int(answer.json()["note"]["id"])] = ("contacts", contact)

    @rule(word=WORDS, title=st.sampled_from(["Dr", "Ms"]))
    def upsert(self, word: str, title: str) -> None:
        """Makes a contact or changes the one of that address; never a second one."""
        address = f"{word}@people.example"
        body = {"unique_identifier": {"emails": address}, "contact": {"job_title": title}}
        answer = self.http.post("/contacts/upsert", json=body)
        known = [number for number, row in self.live["contacts"].items() if row["email"] == address]
        assert answer.status_code == (200 if known else 201), answer.text
        number = int(answer.json()["contact"]["id"])
        if known:
            assert [number] == known
        else:
            assert ("contacts", number) not in self.ever
            self.ever.add(("contacts", number))
            self.live["contacts"][number] = {"email": address}

    @rule(target=sales_accounts, words=st.lists(WORDS, min_size=1, max_size=4), poison=st.booleans())
    def bulk_upsert(self, words: list[str], poison: bool) -> Any:
        """Rows meet accounts of their name, or make them; a row without a name fails alone."""
        rows: list[dict[str, Any]] = [{"name": f"{word} Ltd", "data": {"city": word}} for word in words]
        rows += [{"id": 1, "data": {"city": "Nowhere"}}] if poison else []
        answer = self.http.post("/sales_accounts/bulk_upsert", json={"sales_accounts": rows})
        assert answer.status_code == 202, answer.text
        report = self._finished(answer.json()["job_status_url"])
        assert report["record_status"] == {"succeeded": len(words), "failed": int(poison)}
        known = {row["name"] for row in self.live["sales_accounts"].values()}
        new = {f"{word} Ltd" for word in words} - known
        found = [
            number for number in self._paged("sales_accounts", "All Accounts") if number not in self.live["sales_accounts"]
        ]
        assert len(found) == len(new), "a bulk upsert made an account twice, or not at all"
        for number in found:
            assert ("sales_accounts", number) not in self.ever
            self.ever.add(("sales_accounts", number))
            name = self.http.get(f"/sales_accounts/{number}").json()["sales_account"]["name"]
            self.live["sales_accounts"][number] = {"name": name}
        assert {self.live["sales_accounts"][number]["name"] for number in found} == new
        return multiple(*found)

    def _finished(self, url: str) -> dict[str, Any]:
        for _ in range(200):
            status = self.http.get(url).json()
            if status["status"] == "SUCCESS":
                return dict(json.loads(status["data"]))
            time.sleep(0.005)
        raise AssertionError("the job does not end")

    @rule(accounts=st.lists(sales_accounts, min_size=1, max_size=3, unique=True))
    def bulk_destroy(self, accounts: list[int]) -> None:
        answer = self.http.post("/sales_accounts/bulk_destroy", json={"selected_ids": accounts})
        assert answer.status_code == 200, answer.text
        time.sleep(0.02)  # the job has no number; it lasts a second of rehearsal time, and 0.02 more a row
        for number in accounts:
            if number in self.live["sales_accounts"]:
                del self.live["sales_accounts"][number]
                self.binned["sales_accounts"].add(number)
                self._unlink("sales_accounts", number)

    # Not consumed: what is deleted twice, or changed afterwards, must be refused.
    @rule(target=gone, contact=contacts)
    def delete_contact(self, contact: int) -> tuple[str, int]:
        return self._delete("contacts", contact)

    @rule(target=gone, account=sales_accounts)
    def delete_account(self, account: int) -> tuple[str, int]:
        return self._delete("sales_accounts", account)

    @rule(target=gone, deal=deals)
    def delete_deal(self, deal: int) -> tuple[str, int]:
        return self._delete("deals", deal)

    def _delete(self, kind: str, number: int) -> tuple[str, int]:
        answer = self.http.delete(f"/{kind}/{number}")
        if number not in self.live[kind]:
            assert answer.status_code == 404
            return kind, number
        assert answer.json() is True
        del self.live[kind][number]
        self.binned[kind].add(number)
        self._unlink(kind, number)
        return kind, number

    def _unlink(self, kind: str, number: int) -> None:
        for row in self.live["contacts"].values():
            row.get("accounts", set()).discard(number if kind == "sales_accounts" else None)
        for row in self.live["deals"].values():
            row.get("contacts", set()).discard(number if kind == "contacts" else None)
            if kind == "sales_accounts" and row.get("account") == number:
                del row["account"]
        self.notes = {note: parent for note, parent in self.notes.items() if parent != (kind, number)}

    @rule(one=consumes(gone))
    def forget(self, one: tuple[str, int]) -> None:
        kind, number = one
        answer = self.http.delete(f"/{kind}/{number}/forget")
        assert (answer.status_code == 200) == (number in self.binned[kind] or number in self.live[kind])
        self.binned[kind].discard(number)

    # --- what must hold whatever was done

    @invariant()
    def paging_returns_each_live_record_once(self) -> None:
        assert self._paged("contacts", "All Contacts") == sorted(self.live["contacts"])
        assert self._paged("sales_accounts", "All Accounts") == sorted(self.live["sales_accounts"])
        assert self._paged("deals", "Open Deals") == sorted(self.live["deals"])

    @invariant()
    def the_recycle_bin_holds_what_was_deleted(self) -> None:
        for kind in MAIN:
            assert self._paged(kind, "Recycle Bin") == sorted(self.binned[kind])

    @invariant()
    def links_are_those_that_were_made_and_none_dangles(self) -> None:
        for number, row in self.live["contacts"].items():
            shown = self.http.get(f"/contacts/{number}?include=sales_accounts").json()["contact"]
            assert {link["id"] for link in shown["sales_accounts"]} == row.get("accounts", set())
            assert sum(bool(link["is_primary"]) for link in shown["sales_accounts"]) <= 1
            notes = self.http.get(f"/contacts/{number}/notes").json()["notes"]
            assert {note["id"] for note in notes} == {n for n, parent in self.notes.items() if parent == ("contacts", number)}
        for number, row in self.live["deals"].items():
            shown = self.http.get(f"/deals/{number}?include=contacts,sales_account").json()["deal"]
            assert set(shown["contact_ids"]) == row.get("contacts", set())
            assert shown["sales_account_id"] == row.get("account")

    def _paged(self, kind: str, view: str) -> list[int]:
        """Ids of a view, three a page, in the order of ids; its own total must agree."""
        filters = self.http.get(f"/{kind}/filters").json()["filters"]
        number = next(row["id"] for row in filters if row["name"] == view)
        found: list[int] = []
        page = 1
        while True:
            answer = self.http.get(f"/{kind}/view/{number}?per_page=3&page={page}&sort=id&sort_type=asc").json()
            if not answer[kind]:
                assert answer["meta"]["total"] == len(found)
                return found
            found += [row["id"] for row in answer[kind]]
            page += 1

    def teardown(self) -> None:
        """When everything that was made is deleted and forgotten, the tenant is what it was."""
        for kind in MAIN:
            for number in [*self.live[kind], *self.binned[kind]]:
                if number in self.live[kind]:
                    assert self.http.delete(f"/{kind}/{number}").status_code == 200
                assert self.http.delete(f"/{kind}/{number}/forget").status_code == 200
        after = canonical(self.stand_in.dump())
        self.http.close()
        assert after == self.before


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state: Path = tmp_path_factory.mktemp("sequences") / "state.sqlite"
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as started:
        yield started


def test_whatever_the_order_of_requests_the_tenant_stays_whole(stand_in: Rehearsal) -> None:
    class Here(Account):
        pass

    Here.stand_in = stand_in
    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )
