"""What people hung on a record of ours keeps it: every kind of child on every kind of parent, on both destinations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from freshsales_objects import Crm, crm
from pipedrive_client_account import SCALE, TOKEN, account, ask, by_hand

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import Unloaded, unload
from workbench.rehearsal import Rehearsal
from workbench.store import open_store

Hung = tuple[str, str, str]
"""Our object, what somebody hung on it, and the kind under which the rollback names that."""
CELLS: tuple[Hung, ...] = (
    ("organization", "person", "person"),
    ("organization", "deal", "deal"),
    ("organization", "activity", "activity"),
    ("organization", "note", "note"),
    ("organization", "file", "file"),
    ("organization", "lead", "lead"),
    ("organization", "relation", "organization relationship"),
    ("person", "deal", "deal"),
    ("person", "activity", "activity"),
    ("person", "note", "note"),
    ("person", "file", "file"),
    ("person", "lead", "lead"),
    ("person", "participation", "a deal"),
    ("deal", "activity", "activity"),
    ("deal", "note", "note"),
    ("deal", "file", "file"),
    ("deal", "product", "deal_product"),
    ("deal", "participant", "deal_participant"),
    ("activity", "file", "file"),
    ("note", "comment", "comment"),
    ("product", "deal", "deal"),
    ("product", "file", "file"),
    ("product", "variation", "product variation"),
)
NAMED = {"deal": "title", "activity": "subject", "note": "content"}


class Pipe:
    """An account of Pipedrive with a record of ours for each cell, on which somebody hangs something."""

    def __init__(self, crm: Pipedrive, there: Rehearsal, guard: Guard) -> None:
        self.crm, self.there, self.guard = crm, there, guard
        self.theirs = {
            "organization": self._made("organizations", {"name": "Theirs"}),
            "person": self._made("persons", {"name": "Theirs"}),
            "deal": self._made("deals", {"title": "Theirs"}),
            "product": self._made("products", {"name": "Theirs"}),
        }
        self.ids: dict[tuple[str, str], str] = {}

    def _made(self, path: str, body: object, version: str = "api/v2") -> str:
        data = ask(self.there, "POST", f"{version}/{path}", body)["data"]
        assert isinstance(data, dict)
        return str(data["id"])

    def load(self) -> None:
        """One record of ours a cell, and one of each object on which nobody hangs anything."""
        for object_ in dict.fromkeys(object_ for object_, _, _ in CELLS):
            wanted = [child for parent, child, _ in CELLS if parent == object_] + ["nothing"]
            drafts = [Draft(f"s:{object_}:{child}", self._values(object_, child)) for child in wanted]
            done = load([drafts], self.guard, object_, total=len(drafts))
            assert done.count("done") == len(drafts), done
            ids = dict(zip(done.frame["key"], done.frame["id"], strict=True))
            self.ids |= {(object_, child): ids[f"s:{object_}:{child}"] for child in wanted}

    def _values(self, object_: str, child: str) -> dict[str, object]:
        link = {"organization": self.theirs["organization"]} if object_ == "note" else {}
        return {NAMED.get(object_, "name"): f"{object_} with {child}", **link}

    def hang(self, object_: str, child: str) -> None:
        """What a person does in the web application."""
        number = int(self.ids[object_, child])
        key = {"organization": "org_id"}.get(object_, f"{object_}_id")
        link = {key: number}
        if child == "file":
            self._upload(link)
        elif child == "person":
            self._made("persons", {"name": "Theirs", **link})
        elif child == "activity":
            people = {"participants": [{"person_id": number, "primary": True}]}
            self._made("activities", {"subject": "Theirs", **(people if object_ == "person" else link)})
        elif child == "note":
            self._made("notes", {"content": "Theirs", **link}, "v1")
        elif child == "lead":
            self._made(
                "leads", {"title": "Theirs", **({"organization_id": number} if object_ == "organization" else link)}, "v1"
            )
        elif child == "relation":
            ends = {"rel_owner_org_id": int(self.theirs["organization"]), "rel_linked_org_id": number}
            self._made("organizationRelationships", {"type": "parent", **ends}, "v1")
        elif child == "participation":
            self._made(f"deals/{self.theirs['deal']}/participants", link, "v1")
        elif child == "participant":
            self._made(f"deals/{number}/participants", {"person_id": int(self.theirs["person"])}, "v1")
        elif child == "comment":
            self._comment(number)
        elif child == "variation":
            self._made(f"products/{number}/variations", {"name": "Theirs"})
        elif object_ == "product" or child == "product":
            deal, sold = (self.theirs["deal"], number) if object_ == "product" else (number, int(self.theirs["product"]))
            self._made(f"deals/{deal}/products", {"product_id": sold, "item_price": 0, "quantity": 1})
        else:
            self._made("deals", {"title": "Theirs", **link})

    def _comment(self, number: int) -> None:
        ask(self.there, "POST", f"v1/notes/{number}/comments", {"content": "Theirs"})

    def _upload(self, link: dict[str, int]) -> None:
        sent = httpx.post(
            f"{self.there.url}/v1/files",
            headers={"x-api-token": TOKEN},
            data={name: str(value) for name, value in link.items()},
            files={"file": ("theirs.txt", b"theirs")},
            trust_env=False,
            timeout=60,
        )
        assert sent.status_code == 200, sent.text


@pytest.fixture(scope="module")
def undone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipe, Unloaded]]:
    """A load, what people hung on it, and the rollback."""
    folder: Path = tmp_path_factory.mktemp("children")
    with account(folder, made=False) as (crm, there):
        by_hand(there, crm.extra_fields(["organization", "person", "deal", "product"]))
        store = open_store(folder / "workbench.db")
        pipe = Pipe(crm, there, Ledger(store, engagement_id="e1").guard(crm, settle_seconds=60.0 / SCALE))
        pipe.load()
        for object_, child, _ in CELLS:
            pipe.hang(object_, child)
        time.sleep(0.1)  # longer than lists are taken to be true here
        yield pipe, unload(pipe.guard)
        store.dispose()


@pytest.mark.parametrize(("object_", "child", "named"), CELLS, ids=lambda word: str(word))
def test_a_record_of_ours_on_pipedrive_stays_with_what_somebody_hung_on_it(
    undone: tuple[Pipe, Unloaded], object_: str, child: str, named: str
) -> None:
    pipe, result = undone
    kept = result.kept.set_index(["object", "id"])["words"]
    words = kept.get((object_, pipe.ids[object_, child]), "")
    assert words.startswith(f"others hang on it: {named}"), (words, result.frame.to_string())
    assert pipe.guard.read(object_, [pipe.ids[object_, child]])


def test_what_nobody_hung_anything_on_goes(undone: tuple[Pipe, Unloaded]) -> None:
    pipe, result = undone
    gone = set(zip(result.reversed["object"], result.reversed["id"], strict=True))
    bare = {(object_, number) for (object_, child), number in pipe.ids.items() if child == "nothing"}
    assert bare and gone == bare
    assert result.errored.empty and len(result.kept) == len(CELLS)


FRESH: tuple[Hung, ...] = (
    *(("sales_account", child, child) for child in ("contact", "deal", "sales_account")),
    *(("contact", child, child) for child in ("deal",)),
    *(
        (object_, child, child)
        for object_ in ("sales_account", "contact", "deal")
        for child in ("note", "task", "appointment", "sales_activity", "file", "document_link")
    ),
    ("deal", "deal_product", "deal_product"),
    ("product", "deal_product", "deal_product"),
    ("product", "file", "file"),
    ("product", "document_link", "document_link"),
)
TYPES = {"sales_account": "SalesAccount", "contact": "Contact", "deal": "Deal", "product": "Product"}
MOMENTS = {"start_date": "2026-01-01T10:00:00Z", "end_date": "2026-01-01T11:00:00Z"}


class Fresh:
    """The same for an account of Freshsales."""

    def __init__(self, there: Crm) -> None:
        self.there, self.guard = there, there.guard()
        self.ids: dict[tuple[str, str], str] = {}
        made = there.person("POST", "cpq/products", {"product": {"name": "Theirs"}})
        self.product = int(made["product"]["id"])
        for plan in there.client().extra_fields(["sales_account", "deal", "deal_product"]):
            self.guard.create_field(plan)

    def load(self) -> None:
        for object_ in dict.fromkeys(object_ for object_, _, _ in FRESH):
            wanted = [child for parent, child, _ in FRESH if parent == object_] + ["nothing"]
            name = {"contact": "last_name"}.get(object_, "name")
            drafts = [Draft(f"s:{object_}:{child}", {name: f"{object_} with {child}"}) for child in wanted]
            if object_ == "contact":
                drafts = [Draft(each.key, {**each.values, "emails": f"{n}@x.example"}) for n, each in enumerate(drafts)]
            if object_ == "deal":
                drafts = [Draft(each.key, {**each.values, "amount": 1}) for each in drafts]
            assert load([drafts], self.guard, object_, total=len(drafts)).count("done") == len(drafts)
            ids = self.guard.resolve_ids(object_)
            self.ids |= {(object_, child): ids[f"s:{object_}:{child}"] for child in wanted}

    def hang(self, object_: str, child: str) -> None:
        number, there = int(self.ids[object_, child]), self.there
        on = {"targetable_type": TYPES[object_], "targetable_id": number}
        if child == "note":
            there.person("POST", "notes", {"note": {"description": "theirs", **on}})
        elif child == "task":
            there.person("POST", "tasks", {"task": {"title": "theirs", "due_date": MOMENTS["end_date"], **on}})
        elif child == "appointment":
            when = {"from_date": "2050-01-01T10:00:00Z", "end_date": "2050-01-01T11:00:00Z"}
            there.person("POST", "appointments", {"appointment": {"title": "theirs", **when, **on}})
        elif child == "sales_activity":
            type_ = there.person("GET", "selector/sales_activity_types")["sales_activity_types"][-1]["id"]
            body = {"title": "theirs", **MOMENTS, "sales_activity_type_id": type_, **on}
            there.person("POST", "sales_activities", {"sales_activity": body})
        elif child == "document_link":
            there.person("POST", "document_links", {"url": "https://x.example/a", "name": "theirs", **on})
        elif child == "file":
            self._upload({name: str(value) for name, value in on.items()})
        elif child == "deal_product":
            deal, product = (number, self.product) if object_ == "deal" else (int(there.parents["deal"]), number)
            line = {"id": product, "quantity": 1, "unit_price": 1}  # so that the deal's amount stays what we made it
            there.person("PUT", f"deals/{deal}?include=products", {"deal": {"products": [line]}})
        elif child == "contact":
            link = {"sales_accounts": [{"id": number, "is_primary": True}]}
            there.person("POST", "contacts", {"contact": {"last_name": "Theirs", "email": "theirs@x.example", **link}})
        elif child == "sales_account":
            there.person("POST", "sales_accounts", {"sales_account": {"name": "Theirs", "parent_sales_account_id": number}})
        else:
            link = {"contacts_added_list": [number]} if object_ == "contact" else {"sales_account_id": number}
            there.person("POST", "deals", {"deal": {"name": "Theirs", "amount": 1, **link}})

    def _upload(self, on: dict[str, str]) -> None:
        sent = httpx.post(
            f"{self.there.rehearsal.url}/documents",
            headers={"Authorization": "Token token=rehearsal-key"},
            data={"file_name": "theirs.txt", "is_shared": "true", **on},
            files={"file": ("theirs.txt", b"theirs")},
            trust_env=False,
            timeout=60,
        )
        assert sent.status_code < 300, sent.text


@pytest.fixture(scope="module")
def taken_back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fresh, Unloaded]]:
    with crm(tmp_path_factory.mktemp("fresh")) as there:
        fresh = Fresh(there)
        fresh.load()
        for object_, child, _ in FRESH:
            fresh.hang(object_, child)
        yield fresh, unload(fresh.guard)


@pytest.mark.parametrize(("object_", "child", "named"), FRESH, ids=lambda word: str(word))
def test_a_record_of_ours_on_freshsales_stays_with_what_somebody_hung_on_it(
    taken_back: tuple[Fresh, Unloaded], object_: str, child: str, named: str
) -> None:
    fresh, result = taken_back
    words = result.kept.set_index(["object", "id"])["words"].get((object_, fresh.ids[object_, child]), "")
    assert words.startswith(f"others hang on it: {named}"), (words, result.frame.to_string())
    assert fresh.guard.read(object_, [fresh.ids[object_, child]])


def test_what_nobody_hung_anything_on_goes_from_freshsales(taken_back: tuple[Fresh, Unloaded]) -> None:
    fresh, result = taken_back
    gone = set(zip(result.reversed["object"], result.reversed["id"], strict=True))
    assert {(object_, number) for (object_, child), number in fresh.ids.items() if child == "nothing"} <= gone
    assert len(result.kept[~result.kept["key"].str.contains("/")]) == len(FRESH)
    assert result.errored.empty


def test_the_page_lists_what_is_looked_for_on_each_kind_of_record() -> None:
    """docs/reliability.md: a line for each object of each destination, with each kind of child that is tried above."""
    page = (Path(__file__).parents[1] / "docs" / "reliability.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith(("| Pipedrive | ", "| Freshsales | "))]
    rows = {tuple(cell.strip() for cell in line.split("|")[1:3]): line.split("|")[3] for line in lines}
    told = [("Pipedrive", *cell) for cell in CELLS] + [("Freshsales", *cell) for cell in FRESH]
    for vendor, object_, child, _ in told:
        assert child.replace("_", " ") in rows[vendor, object_.replace("_", " ")], (vendor, object_, child)
