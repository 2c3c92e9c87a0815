"""Whatever the order of creates, changes, links, deletes, restores and purges: the tenant stays whole, and paging is exact."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from workbench.rehearsal import Rehearsal, canonical, running

KEY = "sequence-key-91c4"
MAIN = ("contacts", "sales_accounts", "deals")
WRAPPER = {"contacts": "contact", "sales_accounts": "sales_account", "deals": "deal"}
WORDS = st.sampled_from(["Ada", "Brook", "Cleo", "Dov", "Edda"])  # few, so that names and addresses collide
SHELVED = {"products": "product", "cpq_documents": "cpq_document", "cm_gadget": "cm_gadget"}
PLACE = {"products": "/cpq/products", "cpq_documents": "/cpq/cpq_documents", "cm_gadget": "/custom_module/cm_gadget"}
RESTORED = ("products", "cpq_documents")  # nothing else comes back by the API


class Account(RuleBasedStateMachine):
    """A client of the stand-in beside a model of what the tenant must hold."""

    stand_in: ClassVar[Rehearsal]

    contacts = Bundle("contacts")
    sales_accounts = Bundle("sales_accounts")
    deals = Bundle("deals")
    products = Bundle("products")
    quotes = Bundle("quotes")
    gone = Bundle("gone")
    things = Bundle("things")  # products, quotes and gadgets; their ids are of different blocks

    def __init__(self) -> None:
        super().__init__()
        headers = {"Authorization": f"Token token={KEY}"}
        self.http = httpx.Client(base_url=self.stand_in.url, headers=headers, trust_env=False, timeout=60)
        self.before = canonical(self.stand_in.dump())
        self.live: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in (*MAIN, *SHELVED)}
        self.binned: dict[str, set[int]] = {kind: set() for kind in MAIN}
        self.shelved: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in SHELVED}
        self.firsts: dict[str, int] = {}
        self.kind_of: dict[int, str] = {}
        self.views: dict[tuple[str, str], int] = {}
        self.ever: set[tuple[str, int]] = set()
        self.noted: set[int] = set()
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

    # Each run begins with a deal, its contact, both their account and a product, so that a delete cuts something.
    @initialize(target=contacts)
    def a_person(self) -> Any:
        return self._first("contacts", self._create("contacts", last_name="First", email="first@people.example"))

    @initialize(target=sales_accounts)
    def an_employer(self) -> Any:
        return self._first("sales_accounts", self._create("sales_accounts", name="First Ltd"))

    @initialize(target=deals)
    def a_deal(self) -> Any:
        return self._first("deals", self._create("deals", name="First roof", amount=1))

    @initialize(targets=(products, things), word=WORDS)
    def an_article(self, word: str) -> int:
        return int(self._first("products", self.create_product(word, 10)))

    def _first(self, kind: str, number: int | None) -> Any:
        """Once all four are there, whatever their order, they are tied to one another."""
        assert number is not None
        self.firsts[kind] = number
        if len(self.firsts) == 4:
            person, employer, deal = (self.firsts[name] for name in MAIN)
            self.employ(person, [employer])
            self.involve(deal, person)
            self.place(deal, employer)
            self.note(person)
            self.sell(deal, [self.firsts["products"]], 2)
        return number

    @rule(target=gone, kind=st.sampled_from(MAIN))
    def cut(self, kind: str) -> tuple[str, int]:
        """Deletes what is tied; among all others it would seldom be drawn."""
        return self._delete(kind, self.firsts[kind])

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

    # --- what is sold, and what lies in a custom module

    def _shelve(self, kind: str, **keys: object) -> int:
        answer = self.http.post(PLACE[kind], json={SHELVED[kind]: keys})
        assert answer.status_code == 200, answer.text
        number = int(answer.json()[SHELVED[kind]]["id"])
        assert (kind, number) not in self.ever, "an id was given out twice"
        self.ever.add((kind, number))
        self.live[kind][number] = dict(keys)
        self.kind_of[number] = kind
        return number

    @rule(targets=(products, things), word=WORDS, price=st.integers(0, 99))
    def create_product(self, word: str, price: int) -> int:
        prices = [{"currency_code": "USD", "unit_price": price}]
        number = self._shelve("products", name=f"{word} tile", pricing_type=1, product_pricings=prices)
        self.live["products"][number] = {"name": f"{word} tile", "price": price}
        return number

    @rule(target=things, word=WORDS)
    def create_gadget(self, word: str) -> int:
        return self._shelve("cm_gadget", name=word)

    @rule(targets=(quotes, things), deal=deals, word=WORDS)
    def offer(self, deal: int, word: str) -> Any:
        keys = {"document_type": "Quote", "display_name": word, "deal_id": deal}
        if deal in self.live["deals"]:
            return self._shelve("cpq_documents", **keys)
        assert self.http.post(PLACE["cpq_documents"], json={"cpq_document": keys}).status_code == 400
        return multiple()

    @rule(number=things, word=WORDS)
    def rename_shelved(self, number: int, word: str) -> None:
        kind = self.kind_of[number]
        name = "display_name" if kind == "cpq_documents" else "name"
        answer = self.http.put(f"{PLACE[kind]}/{number}", json={SHELVED[kind]: {name: word}})
        assert answer.status_code == (200 if number in self.live[kind] else 404), answer.text
        if number in self.live[kind]:
            self.live[kind][number][name] = word

    @rule(deal=deals, articles=st.lists(products, max_size=3, unique=True), pieces=st.integers(1, 9))
    def sell(self, deal: int, articles: list[int], pieces: int) -> None:
        """Sending lines replaces those before, and makes their sum the amount; what lies in the bin is not sold."""
        lines = [{"id": article, "quantity": pieces} for article in articles]
        answer = self.http.put(f"/deals/{deal}", json={"deal": {"products": lines}})
        if deal not in self.live["deals"]:
            assert answer.status_code == 404
        elif not all(article in self.live["products"] for article in articles):
            assert answer.status_code == 400
        else:
            assert answer.status_code == 200, answer.text
            row = self.live["deals"][deal]
            if articles or row.get("lines"):
                row["amount"] = pieces * sum(self.live["products"][article]["price"] for article in articles)
            row["lines"] = [(article, pieces) for article in articles]

    @rule(quote=quotes, articles=st.lists(products, max_size=2, unique=True))
    def itemise(self, quote: int, articles: list[int]) -> None:
        answer = self.http.put(
            f"{PLACE['cpq_documents']}/{quote}", json={"cpq_document": {"products": [{"id": n} for n in articles]}}
        )
        if quote not in self.live["cpq_documents"]:
            assert answer.status_code == 404
        elif not all(article in self.live["products"] for article in articles):
            assert answer.status_code == 400
        else:
            assert answer.status_code == 200, answer.text
            self.live["cpq_documents"][quote]["lines"] = [(article, 1) for article in articles]

    @rule(number=things)
    def bin_shelved(self, number: int) -> None:
        kind = self.kind_of[number]
        answer = self.http.delete(f"{PLACE[kind]}/{number}")
        assert answer.status_code == (200 if number in self.live[kind] else 404), answer.text
        if number in self.live[kind]:
            self.shelved[kind][number] = self.live[kind].pop(number)
        assert self.http.get(f"{PLACE[kind]}/{number}").status_code == 404

    @rule(number=things)
    def restore(self, number: int) -> None:
        """Back as it was; for what is not in the bin nothing happens, and what is forgotten stays so."""
        kind = self.kind_of[number]
        answer = self.http.put(f"{PLACE[kind]}/{number}/restore")
        there = number in self.live[kind] or number in self.shelved[kind]
        assert answer.status_code == (200 if there and kind in RESTORED else 404), answer.text
        if answer.status_code == 200 and number in self.shelved[kind]:
            assert answer.json()[SHELVED[kind]]["is_deleted"] is False
            self.live[kind][number] = self.shelved[kind].pop(number)

    @rule(number=things)
    def forget_shelved(self, number: int) -> None:
        """Quotes and records of modules go for good; products have no such request."""
        kind = self.kind_of[number]
        answer = self.http.delete(f"{PLACE[kind]}/{number}/forget")
        there = number in self.live[kind] or number in self.shelved[kind]
        assert answer.status_code == (200 if there and kind != "products" else 404), answer.text
        if answer.status_code == 200:
            self.live[kind].pop(number, None)
            self.shelved[kind].pop(number, None)

    @rule(contact=contacts)
    def note(self, contact: int) -> None:
        body = {"note": {"description": "seen", "targetable_type": "Contact", "targetable_id": contact}}
        answer = self.http.post("/notes", json=body)
        assert (answer.status_code == 200) == (contact in self.live["contacts"])
        if answer.status_code == 200:
            self.noted.add(contact)
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
        for _ in range(6000):
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
    def paging_returns_each_live_contact_once_with_its_own_links(self) -> None:
        rows = self._paged("contacts", "All Contacts", "sales_accounts")
        assert list(rows) == sorted(self.live["contacts"])
        for number, row in self.live["contacts"].items():
            links = rows[number]["sales_accounts"]
            assert {link["id"] for link in links} == row.get("accounts", set())
            assert sum(bool(link["is_primary"]) for link in links) <= 1
        for number in self.noted & set(rows):
            notes = self.http.get(f"/contacts/{number}/notes").json()["notes"]
            assert {note["id"] for note in notes} == {n for n, parent in self.notes.items() if parent == ("contacts", number)}

    @invariant()
    def paging_returns_each_live_deal_once_with_its_own_links_and_lines(self) -> None:
        assert list(self._paged("sales_accounts", "All Accounts")) == sorted(self.live["sales_accounts"])
        rows = self._paged("deals", "Open Deals", "contacts,sales_account,products")
        assert list(rows) == sorted(self.live["deals"])
        for number, row in self.live["deals"].items():
            shown = rows[number]
            assert set(shown["contact_ids"]) == row.get("contacts", set())
            assert shown["sales_account_id"] == row.get("account")
            assert [(line["id"], line["quantity"]) for line in shown["products"]] == row.get("lines", [])
            assert {line["deal_id"] for line in shown["products"]} <= {number}
            assert float(shown["amount"]) == row["amount"]

    @invariant()
    def the_recycle_bin_holds_what_was_deleted(self) -> None:
        for kind in MAIN:
            assert list(self._paged(kind, "Recycle Bin")) == sorted(self.binned[kind])

    @invariant()
    def quotes_hold_what_was_offered(self) -> None:
        for number, row in self.live["cpq_documents"].items():
            shown = self.http.get(f"{PLACE['cpq_documents']}/{number}").json()["cpq_document"]
            assert (shown["display_name"], shown["deal_id"]) == (row["display_name"], row["deal_id"])
            assert [(line["id"], line["quantity"]) for line in shown["products"]] == row.get("lines", [])

    @invariant()
    def what_lies_on_a_shelf_is_listed_once_and_nowhere_else(self) -> None:
        rows = self._pages("products", lambda query: self.http.post(f"{PLACE['products']}/filterize?{query}", json={}))
        assert {row["id"]: (row["name"], row["product_pricings"][0]["unit_price"]) for row in rows} == {
            number: (row["name"], row["price"]) for number, row in self.live["products"].items()
        }
        for view, held in (("All Gadgets", self.live), ("Recycle Bin", self.shelved)):
            path = f"{PLACE['cm_gadget']}/view/{self._view(PLACE['cm_gadget'], view)}"
            rows = self._pages("cm_gadget", lambda query, path=path: self.http.get(f"{path}?{query}"))
            assert {row["id"]: row["name"] for row in rows} == {n: row["name"] for n, row in held["cm_gadget"].items()}

    def _paged(self, kind: str, view: str, include: str = "") -> dict[int, dict[str, Any]]:
        """Records of a view by their ids, in the order of its pages."""
        path = f"/{kind}/view/{self._view(f'/{kind}', view)}?include={include}"
        return {row["id"]: row for row in self._pages(kind, lambda query: self.http.get(f"{path}&{query}"))}

    def _view(self, path: str, name: str) -> int:
        if (path, name) not in self.views:
            filters = self.http.get(f"{path}/filters").json()["filters"]
            self.views |= {(path, row["name"]): row["id"] for row in filters}
        return self.views[path, name]

    def _pages(self, kind: str, ask: Callable[[str], httpx.Response]) -> list[dict[str, Any]]:
        """Rows, three a page, in the order of ids; the account's own total must agree."""
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            answer = ask(f"per_page=3&page={page}&sort=id&sort_type=asc").json()
            found += answer[kind]
            if len(answer[kind]) < 3:
                break
        assert answer["meta"]["total"] == len(found)
        assert [row["id"] for row in found] == sorted({row["id"] for row in found})
        return found

    def teardown(self) -> None:
        """When everything that was made is deleted and forgotten, the tenant is what it was."""
        for kind in MAIN:
            for number in [*self.live[kind], *self.binned[kind]]:
                if number in self.live[kind]:
                    assert self.http.delete(f"/{kind}/{number}").status_code == 200
                assert self.http.delete(f"/{kind}/{number}/forget").status_code == 200
        for kind in SHELVED:
            for number in [*self.live[kind], *self.shelved[kind]]:
                if number in self.live[kind]:
                    assert self.http.delete(f"{PLACE[kind]}/{number}").status_code == 200
                if kind != "products":
                    assert self.http.delete(f"{PLACE[kind]}/{number}/forget").status_code == 200
        after = canonical(self.stand_in.dump())
        self.http.close()
        assert after == self.before


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state: Path = tmp_path_factory.mktemp("sequences") / "state.sqlite"
    chosen = {"limits": "off", "plan": "enterprise"}  # quotes and custom modules come with the plan
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=chosen) as started:
        headers = {"Authorization": f"Token token={KEY}"}
        gadgets = {"singular_name": "Gadget", "plural_name": "Gadgets", "entity_name": "cm_gadget", "icon": "x"}
        path = f"{started.url}/settings/module_customizations"
        assert httpx.post(path, json={"module_customization": gadgets}, headers=headers, trust_env=False).status_code == 200
        yield started


def test_whatever_the_order_of_requests_the_tenant_stays_whole(stand_in: Rehearsal) -> None:
    class Here(Account):
        pass

    Here.stand_in = stand_in
    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=50, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )
