"""All objects of Freshsales together: loaded through a line that loses answers, certified, loadable by a route, taken back."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from freshsales_objects import SPEC, Crm, crm

from workbench.destinations import Draft
from workbench.ledger import Guard
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.specs import CustomField, Route, load_source
from workbench.specs.fitting import check_route

STORM = ("drop_before=0.1", "drop_after=0.1", "500_after=0.06", "truncated=0.06", "swapped=0.05")
LINK = CustomField(object="cm_ticket", name="contact", label="Contact", type="lookup")
MOMENT = "2017-12-04T09:00:00+00:00"
KINDS = {
    "file": "documents", "document_link": "document_links", "note": "notes", "task": "tasks", "appointment": "appointments",
    "sales_activity": "sales_activities", "product": "products", "deal": "deals", "contact": "contacts",
    "sales_account": "sales_accounts", "cm_ticket": "cm_ticket", "phone_call": "phone_calls",
}  # fmt: skip
COUNT = 6


def provision(there: Crm) -> None:
    body = {"singular_name": "Ticket", "plural_name": "Tickets", "entity_name": "cm_ticket", "icon": "t"}
    there.person("POST", "settings/module_customizations", {"module_customization": body})
    client = there.client()
    for plan in [LINK, *client.extra_fields(SPEC.objects)]:
        if plan.object in KINDS:
            client.create_field(plan)


def everything(folder: Path) -> Mapping[str, Any]:
    """Object → a function of a number and the ids of what was loaded before, which gives the values of a record."""
    path = folder / "plan.bin"
    path.write_bytes(b"plan" * 1000)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = {"file": str(path), "sha256": digest, "bytes": 4000, "content_type": "image/png"}
    return {
        "sales_account": lambda n, ids: {"name": f"Account {n}", "tags": ["a", "b"]},
        "contact": lambda n, ids: {
            "last_name": f"N{n}", "emails": f"n{n}@x.example",
            "sales_accounts": [ids("sales_account", n), ids("sales_account", 0)][: 2 if n else 1],
        },
        "product": lambda n, ids: {"name": f"P{n}", "prices": ["12.5 USD"]},
        "deal": lambda n, ids: {"name": f"D{n}", "amount": 100, "contacts": [ids("contact", n)]},
        "deal_product": lambda n, ids: {
            "deal": ids("deal", n // 2), "product": ids("product", 0), "quantity": n + 1, "unit_price": 2,
        },
        "cm_ticket": lambda n, ids: {"name": f"T{n}", "contact": ids("contact", n)},
        "task": lambda n, ids: {"title": f"T{n}", "due_date": MOMENT, "done": n % 2 == 0, "deal": ids("deal", n)},
        "appointment": lambda n, ids: {
            "title": f"A{n}", "from_date": MOMENT, "end_date": MOMENT, "contact": ids("contact", n),
            "attendees": ids("contact", 0),
        },
        "sales_activity": lambda n, ids: {
            "title": f"S{n}", "type": "Imported call", "start_date": MOMENT, "end_date": MOMENT, "contact": ids("contact", n),
        },
        "note": lambda n, ids: {"description": f"<b>{n}</b>", "sales_account": ids("sales_account", n)},
        "phone_call": lambda n, ids: {"incoming": True, "note": f"C{n}", "contact": ids("contact", n)},
        "file": lambda n, ids: {**file, "file_name": f"F{n}.png", "deal": ids("deal", n)},
        "document_link": lambda n, ids: {"name": f"L{n}", "url": "https://x.example", "contact": ids("contact", n)},
    }  # fmt: skip


def loaded(guard: Guard, folder: Path) -> None:
    """Everything, parents first, as a run of the workbench loads it."""
    known: dict[str, dict[str, str]] = {}

    def ids(object_: str, number: int) -> str:
        return known[object_][f"p:{object_}:{number}"]

    for object_, values in everything(folder).items():
        drafts = [Draft(f"p:{object_}:{n}", values(n, ids)) for n in range(COUNT)]
        result = load([drafts], guard, object_, certify=True)
        assert list(result.frame["state"]) == ["done"] * COUNT, result.frame.to_string()
        assert result.certificate is not None
        bad = result.certificate.frame.query("verdict not in ('repaired', 'adopted', 'mended')")
        assert bad.empty and result.certificate.matched == COUNT, result.certificate.frame.to_string()
        known[object_] = dict(guard.resolve_ids(object_))
    accounts = known["sales_account"]
    tree = [
        Draft(key, {"parent_sales_account": ids("sales_account", n - 1)}, accounts[key])
        for n in range(1, COUNT)
        if (key := f"p:sales_account:{n}")
    ]
    assert list(load([tree], guard, "sales_account").frame["state"]) == ["done"] * (COUNT - 1)


@pytest.mark.parametrize("attachment_delete", ["accept", "refuse"])
def test_everything_comes_through_a_line_that_loses_answers_and_goes_again(tmp_path: Path, attachment_delete: str) -> None:
    """Each record once, whatever was lost; the rollback leaves the account as it was, even where no call takes files away."""
    with crm(tmp_path, declared=[LINK], switches={"attachment_delete": attachment_delete}) as there:
        provision(there)
        before = there.tenant()
        for fault in STORM:
            kind, share = fault.split("=")
            there.rehearsal.order_fault(kind, count=10_000, share=float(share), method="write")
        loaded(there.guard(), tmp_path)
        held = there.rehearsal.dump()["records"]
        counts = {object_: len(held.get(kind, {})) - (object_ in there.parents) for object_, kind in KINDS.items()}
        assert counts == dict.fromkeys(KINDS, COUNT)
        assert sum(len(deal.get("products", [])) for deal in held["deals"].values()) == COUNT
        assert there.rehearsal.log()["fault"].notna().sum() > 10
        result = unload(there.guard())
        for _ in range(3):
            result = result if result.errored.empty else unload(there.guard())  # what is unsure is run again, as it says
        assert result.complete, result.frame.query("verdict != 'reversed'").to_string()
        assert there.tenant() == before


def test_a_request_that_a_proxy_sends_twice_leaves_one_record(tmp_path: Path) -> None:
    """Of those that the API takes away; of a file the second one is told."""
    with crm(tmp_path, declared=[LINK]) as there:
        provision(there)
        on = {"contact": there.parents["contact"]}
        path = tmp_path / "a.bin"
        path.write_bytes(b"a")
        file = {"file": str(path), "sha256": hashlib.sha256(b"a").hexdigest(), "bytes": 1, "file_name": "a.bin"}
        values = {
            "task": {"title": "t", "due_date": MOMENT, **on},
            "note": {"description": "n", **on},
            "product": {"name": "P"},
            "file": {**file, **on},
        }
        paths = {
            "task": "/tasks",
            "note": "/notes",
            "cm_ticket": "/cm_ticket",
            "product": "/cpq/products",
            "file": "/documents",
        }
        for object_, body in values.items():
            guard = there.guard()
            there.rehearsal.order_fault("replay", path=paths[object_], method="POST", after=int(object_ == "product"))
            load([[Draft(f"p:{object_}:1", body)]], guard, object_)
            assert len(there.records(KINDS[object_])) == 2, object_
            frame = guard.certify(object_).frame
            if object_ == "file":
                assert list(frame["verdict"]) == ["twin"] and "bears the same key" in frame["words"][0]
            else:
                assert list(frame["verdict"]) == ["repaired"], frame.to_string()
                assert len(there.records(KINDS[object_])) == 1


def test_a_route_in_toml_reaches_every_object_and_every_field() -> None:
    """Each native field of each object may be named by a rule, a link or a constant of a route."""
    source, feeds = load_source("promio"), []
    for object_, spec in SPEC.objects.items():
        links = [field.name for field in spec.fields if field.type == "lookup"]
        rules = [field.name for field in spec.fields if field.name not in links]
        fields = ", ".join([f'{{ column = "C", to = "{name}" }}' for name in rules])
        lookups = ", ".join([f'{{ to = "{name}", feed = "sales_account", column = "C" }}' for name in links])
        head = f'[[feeds]]\nname = "{object_}"\nrows = ["X1"]\nlabel = "x"\nabout = "x"\ntable = "customers"'
        feeds.append(f'{head}\nobject = "{object_}"\nfields = [{fields}]\nlookups = [{lookups}]')
    head = 'name = "all"\nsource = "promio"\ndestination = "freshsales"\ntitle = "x"\nabout = "x"\n'
    route = Route.model_validate(tomllib.loads(head + "\n".join(feeds)))
    check_route(route, source, SPEC)
    assert {feed.object for feed in route.feeds} == set(SPEC.objects)
