"""A rehearsed Freshsales account with parents in it, a ledger round its client, and what every further object has to show."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from workbench.destinations import Account, Draft, Outcome, Record, Secret, connect
from workbench.destinations.freshsales import Freshsales
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import Unloaded, unload
from workbench.rehearsal import Rehearsal, canonical, running
from workbench.specs import CustomField, Scalar, load_destination
from workbench.store import open_store

SPEC = load_destination("freshsales")
TOKEN = "rehearsal-key"
SCALE = 600.0
SETTLE = 0.05


@dataclass
class Crm:
    """A rehearsal with a contact, an account and a deal of other people, and clients of it."""

    rehearsal: Rehearsal
    store: Engine
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    edition: str = "suite"
    declared: Sequence[CustomField] = ()
    parents: dict[str, str] = field(default_factory=dict)

    def client(self, **settings: Scalar) -> Freshsales:
        said = {**self.settings, **settings}
        there = Account(self.rehearsal.url, Secret(TOKEN), self.edition, "enterprise", said, time_scale=SCALE)
        made = connect(SPEC, there, declared=self.declared)
        assert isinstance(made, Freshsales)
        return made

    def guard(self, client: Freshsales | None = None) -> Guard:
        return Ledger(self.store, engagement_id="e1").guard(client or self.client(), settle_seconds=SETTLE)

    def person(self, method: str, path: str, body: object = None) -> Any:
        """What somebody else does in the account."""
        headers = {"Authorization": f"Token token={TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.rehearsal.url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def tenant(self) -> str:
        """Everything that the account holds, as text to be compared."""
        return canonical(self.rehearsal.dump())

    def records(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.rehearsal.dump()["records"].get(kind, {})
        return found

    def calls(self, since: int) -> list[str]:
        """Method and path of every call since so many."""
        return [f"{row.method} {row.path.partition('?')[0]}" for row in self.rehearsal.log(since).itertuples()]


@contextmanager
def crm(
    folder: Path,
    *,
    switches: Mapping[str, str] | None = None,
    settings: Mapping[str, Scalar] | None = None,
    declared: Sequence[CustomField] = (),
    edition: str = "suite",
) -> Iterator[Crm]:
    store = open_store(folder / "workbench.db")
    chosen = {"plan": "enterprise", **(switches or {})} if edition == "suite" else dict(switches or {})
    state, tenant = folder / "tenant.db", f"freshsales_{edition}"
    with running("freshsales", state=state, token=TOKEN, tenant=tenant, time_scale=SCALE, switches=chosen) as rehearsal:
        there = Crm(rehearsal, store, settings or {}, edition, declared)
        made = {
            "contact": there.person("POST", "contacts", {"contact": {"last_name": "Ito", "email": "ito@x.example"}}),
            "sales_account": there.person("POST", "sales_accounts", {"sales_account": {"name": "Acme"}}),
            "deal": there.person("POST", "deals", {"deal": {"name": "Roof", "amount": 100}}),
        }
        there.parents = {name: str(answer[name]["id"]) for name, answer in made.items()}
        yield there
    store.dispose()


def shown(record: Record, names: Sequence[str]) -> dict[str, object]:
    """What a record holds in these fields."""
    return {name: record.values.get(name) for name in names}


def by_key(records: Iterator[Record] | Sequence[Record]) -> dict[str, Record]:
    return {record.key: record for record in records if record.key}


def round_trip(there: Crm, object_: str, values: Mapping[str, Any], *, key: str = "p:feed:1") -> Record:
    """Made, read back equal by id, by sweep and by key, found by a second client; returns it."""
    client = there.client()
    (outcome,) = client.write(object_, [Draft(key, values)])
    assert (outcome.state, outcome.words) == ("done", "")
    other = there.client()
    (record,) = other.read(object_, [outcome.id])
    assert record.key == key and record.id == outcome.id
    readable = [name for name in values if name not in ("file", "sha256")]
    assert shown(record, readable) == {name: values[name] for name in readable}
    assert by_key(other.sweep(object_))[key].values == record.values
    assert [each.id for each in other.bearing(object_, [key, "p:feed:nobody"])] == [record.id]
    if outcome.after is not None:
        readable = [name for name in outcome.after if name not in ("file", "sha256", "migration_key")]
        assert shown(record, readable) == {name: outcome.after[name] for name in readable}
    return record


def loses_no_answer(
    there: Crm, object_: str, values: Mapping[str, Any], path: str, *, method: str = "POST", after: int = 0
) -> None:
    """An answer that is lost is settled by looking, in this run and in the next: made once, and not sent again."""
    guard = there.guard()
    there.rehearsal.order_fault("drop_after", path=path, method=method, after=after)
    (lost,) = guard.write(object_, [Draft("p:lost:1", values)])
    assert lost.state == "unknown"
    guard.settle(object_)
    before = len(there.rehearsal.log())
    (known,) = there.guard().write(object_, [Draft("p:lost:1", values)])
    assert known.state == "done" and known.id
    assert [record.id for record in there.client().sweep(object_) if record.key == "p:lost:1"] == [known.id]
    assert not [call for call in there.calls(before) if call.startswith((f"{method} ", "DELETE")) and "filter" not in call]


def not_made(there: Crm, object_: str, values: Mapping[str, Any], path: str, *, method: str = "POST", after: int = 0) -> None:
    """A request that never arrived is found not to have been made, and is sent again."""
    guard = there.guard()
    there.rehearsal.order_fault("drop_before", path=path, method=method, after=after)
    (lost,) = guard.write(object_, [Draft("p:lost:2", values)])
    guard.settle(object_)
    (again,) = guard.write(object_, [Draft("p:lost:2", values)])
    assert (lost.state, again.state) == ("unknown", "done")
    assert [record.id for record in there.client().sweep(object_) if record.key == "p:lost:2"] == [again.id]


def comes_and_goes(there: Crm, object_: str, drafts: Sequence[Draft]) -> Unloaded:
    """Loaded and certified through the ledger, once; a rollback leaves the account as it was before."""
    before = there.tenant()
    loaded = load([list(drafts)], there.guard(), object_, certify=True)
    assert list(loaded.frame["state"]) == ["done"] * len(drafts), loaded.frame.to_string()
    assert loaded.certificate is not None and loaded.certificate.frame.empty, loaded.certificate.frame.to_string()
    assert loaded.certificate.matched == len(drafts)
    again = len(there.rehearsal.log())
    load([list(drafts)], there.guard(), object_)
    assert not [call for call in there.calls(again) if call.startswith(("POST", "PUT", "DELETE")) and "filter" not in call]
    result = unload(there.guard())
    assert result.complete, result.frame.to_string()
    assert there.tenant() == before
    return result


def states(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]
