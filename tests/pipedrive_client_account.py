"""A rehearsed Pipedrive account and a client of it, for the tests of the client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from workbench import rehearsal
from workbench.destinations import Account, Draft, Record, Secret, connect
from workbench.destinations.pipedrive import Pipedrive
from workbench.rehearsal import Rehearsal, running
from workbench.specs import CustomField, Scalar, load_destination

SPEC = load_destination("pipedrive")
TOKEN = "0123456789abcdef" * 2 + "01234567"
SCALE = 1000.0
SEATS = 8
BEARERS = ("organization", "person", "deal", "product")
LISTED = tuple(name for name in SPEC.objects if name not in ("deal_product", "deal_participant"))
"""Objects with a list of their own; the others show with their deal."""
TENANTS = Path(rehearsal.__file__).parent / "tenants"

VALUES: dict[str, object] = {
    "text": "O’Hara & Söhne <b>",
    "long_text": "one\ntwo\n" + "x" * 3000,
    "email": "zoe@customers.example",
    "phone": "+16145550123",
    "url": "https://customers.example/a?b=c&d",
    "identifier": "0012",
    "postal_code": "02134",
    "integer": 65,
    "decimal": "12.5",
    "money": "1200.5",
    "percent": "7.25",
    "duration": 3605,
    "date": "2024-02-29",
    "datetime": "2024-02-29T13:05:00-05:00",
    "time": "13:05",
    "boolean": True,
    "picklist": "Größe – 2 m²",
    "multi_picklist": ["Red", "Blue"],
}
CHOICES = {"picklist": ("Small", "Größe – 2 m²"), "multi_picklist": ("Red", "Green", "Blue")}
FIELDS = [
    CustomField(object=object_, name=f"{kind}__c", label=f"Our {kind} field", type=kind, choices=CHOICES.get(kind, ()))
    for object_ in BEARERS
    for kind in VALUES
]


@contextmanager
def account(
    folder: Path,
    *,
    switches: Mapping[str, str] | None = None,
    settings: Mapping[str, Scalar] | None = None,
    faults: Sequence[str] = (),
    seed: int = 0,
    declared: Sequence[CustomField] = (),
    made: bool = True,
    tenant: Path | None = None,
    scale: float = SCALE,
) -> Iterator[tuple[Pipedrive, Rehearsal]]:
    """A new account and its client; `made` puts the fields for our keys and the declared ones into it."""
    state = folder / "tenant.db"
    with running(
        "pipedrive", state=state, token=TOKEN, time_scale=scale, switches=switches, faults=faults, seed=seed, tenant=tenant
    ) as there:
        crm = client(there, settings=settings, declared=declared, scale=scale)
        if made:
            by_hand(there, [*crm.extra_fields(BEARERS), *declared])
        yield crm, there


def client(
    there: Rehearsal,
    *,
    settings: Mapping[str, Scalar] | None = None,
    key: str = TOKEN,
    declared: Sequence[CustomField] = (),
    plan: str = "growth",
    path: str = "",
    scale: float = SCALE,
) -> Pipedrive:
    known = Account(there.url + path, Secret(key), "standard", plan, {"seats": SEATS, **(settings or {})}, scale)
    crm = connect(SPEC, known, declared=declared)
    assert isinstance(crm, Pipedrive)
    return crm


def by_hand(there: Rehearsal, plans: Iterable[CustomField]) -> None:
    """Make fields as the account's administrator does, without a call of the client's."""
    rows = [
        {"object": plan.object, "label": plan.label, "type": SPEC.types[plan.type], "choices": list(choices_of(plan))}
        for plan in plans
    ]
    there.admin_create_fields(rows)


def choices_of(plan: CustomField) -> tuple[str, ...]:
    return ("Yes", "No") if plan.type == "boolean" else plan.choices


def written(crm: Pipedrive, object_: str, key: str, values: Mapping[str, object]) -> Record:
    """A new record as it reads back."""
    outcome = crm.write(object_, [Draft(key, dict(values))])[0]  # type: ignore[arg-type]
    assert (outcome.key, outcome.state, outcome.words) == (key, "done", "")
    return crm.read(object_, [outcome.id])[0]


def changed(crm: Pipedrive, object_: str, number: str, values: Mapping[str, object]) -> Record:
    """A changed record as it reads back."""
    outcome = crm.write(object_, [Draft("a:change:1", dict(values), number)])[0]  # type: ignore[arg-type]
    assert (outcome.state, outcome.words) == ("done", "")
    return crm.read(object_, [number])[0]


def shown(record: Record, names: Iterable[str]) -> dict[str, object]:
    return {name: record.values.get(name) for name in names}


def staged(path: Path, name: str) -> dict[str, object]:
    """A file of this machine as it is staged, under a name of its own."""
    content = path.read_bytes()
    return {"file": str(path), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "file_name": name}


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    return {record.key: record for record in records if record.key}


def ask(there: Rehearsal, method: str, path: str, body: object = None) -> dict[str, object]:
    """A call of somebody else's, as the vendor's web application makes it."""
    answer = httpx.request(
        method, f"{there.url}/{path}", headers={"x-api-token": TOKEN}, json=body, timeout=60, trust_env=False
    )
    assert answer.status_code < 300, answer.text
    found: dict[str, object] = answer.json()
    return found


def least(crm: Pipedrive, object_: str, name: str = "Somebody") -> dict[str, object]:
    """As little as a record of this object needs."""
    if object_ in ("note", "file"):
        own = {"content": name} if object_ == "note" else staged(Path(__file__), name)
        key = f"p:parents:{object_} {name}"
        there = by_key(crm.bearing("organization", [key]))
        return {**own, "organization": (there.get(key) or written(crm, "organization", key, {"name": name})).id}
    if object_ in ("deal_product", "deal_participant"):
        deal = written(crm, "deal", f"p:parents:{object_} deal {name}", {"title": name}).id
        if object_ == "deal_participant":
            return {"deal": deal, "person": written(crm, "person", f"p:parents:person {name}", {"name": name}).id}
        sold = written(crm, "product", f"p:parents:product {name}", {"name": name}).id
        return {"deal": deal, "product": sold, "item_price": "12.5", "quantity": 2}
    return {{"deal": "title", "activity": "subject"}.get(object_, "name"): name}
