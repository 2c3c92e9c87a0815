"""What Pipedrive does not allow says what to do: a scope that the app lacks, a plan without the feature, an unpaid account."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pipedrive_client_account import SCALE, SPEC, TENANTS, TOKEN, account, by_hand, client, written

from workbench.destinations import Account, Draft, Secret, connect
from workbench.destinations.pipedrive import Pipedrive
from workbench.errors import Refused, WrongKey
from workbench.ledger import Ledger
from workbench.rehearsal import Rehearsal, running
from workbench.store import open_store

ALL = "base deals:full contacts:full activities:full products:full leads:full users:read admin"


def tenant(folder: Path, scope: str) -> Path:
    """An account whose app was granted these scopes."""
    path = folder / "scoped.toml"
    text = (TENANTS / "pipedrive_growth.toml").read_text(encoding="utf-8")
    path.write_text(f'{text}\n[oauth]\nscope = "{scope}"\n', encoding="utf-8")
    return path


def granted(there: Rehearsal) -> Pipedrive:
    """A client that came in by the app."""
    with httpx.Client(base_url=there.url, trust_env=False, timeout=60) as http:
        moved = http.get("/oauth/authorize", params={"client_id": "rehearsal"})
        form = {"grant_type": "authorization_code", "code": httpx.URL(moved.headers["location"]).params["code"]}
        token = http.post("/oauth/token", auth=("rehearsal", TOKEN), data=form).json()["access_token"]
    known = Account(there.url, Secret(token), "standard", "growth", {"sign_in": "oauth"}, SCALE)
    crm = connect(SPEC, known)
    assert isinstance(crm, Pipedrive)
    return crm


@pytest.mark.parametrize(
    ("lacking", "names", "object_"),
    [
        ("deals:full", "deals:full", "deal"),
        ("users:read admin", "users:read", ""),
        ("deals:full admin", "deals:read", ""),
        ("products:full", "products:full", "product"),
    ],
)
def test_a_look_that_no_scope_opens_names_the_scope(tmp_path: Path, lacking: str, names: str, object_: str) -> None:
    """Where products are not asked for, nobody needs their scope."""
    scope = " ".join(word for word in ALL.split() if word not in lacking.split())
    with running("pipedrive", state=tmp_path / "t.db", token=TOKEN, time_scale=SCALE, tenant=tenant(tmp_path, scope)) as there:
        crm = granted(there)
        with pytest.raises(WrongKey) as told:
            _ = crm.newest(object_) if object_ and crm.metadata().users else crm.metadata()
        assert f"lacks the scope {names}" in told.value.message and "Scope and URL mismatch" in told.value.found
        assert names in told.value.todo and "Developer Hub" in told.value.todo and "resume" in told.value.todo
        assert TOKEN not in str(told.value)


def test_a_change_that_no_scope_opens_ends_the_load_and_is_sent_again_once_the_scope_is_there(tmp_path: Path) -> None:
    """It is no fault of the row: nothing is left open, and nothing counts as refused by the account for good."""
    store = open_store(tmp_path / "workbench.db")
    draft = Draft("p:orgs:1", {"name": "A"})
    reading = ALL.replace("contacts:full", "contacts:read")
    for scope, state in ((reading, "t.db"), (ALL, "u.db")):
        start = running("pipedrive", state=tmp_path / state, token=TOKEN, time_scale=SCALE, tenant=tenant(tmp_path, scope))
        with start as there:
            crm = granted(there)
            by_hand(there, crm.extra_fields(["organization"]))
            guard = Ledger(store, engagement_id="e1").guard(crm, settle_seconds=0.0)
            if scope == reading:
                with pytest.raises(WrongKey, match="contacts:full"):
                    guard.write("organization", [draft])
                assert "POST" in set(there.log()["method"])
            else:
                assert guard.write("organization", [draft])[0].state == "done"
            assert guard.ledger.operations.unsettled("organization") == []
    store.dispose()


def test_what_the_plan_lacks_comes_back_with_what_to_do(tmp_path: Path) -> None:
    with account(tmp_path, switches={"plan": "lite"}, made=False) as (crm, there):
        by_hand(there, crm.extra_fields(["deal", "product"]))
        outcome = crm.write("product", [Draft("p:packages:1", {"name": "A", "billing_frequency": "Monthly"})])[0]
        assert outcome.state == "rejected"
        assert "not available in your plan" in outcome.words and "leave the field or the feed out" in outcome.words


def test_a_limit_of_the_plan_comes_back_with_what_to_do(tmp_path: Path) -> None:
    few = tmp_path / "few.toml"
    text = (TENANTS / "pipedrive_growth.toml").read_text(encoding="utf-8")
    few.write_text(text.replace("open_deals = 10000", "open_deals = 1"), encoding="utf-8")
    with account(tmp_path, tenant=few, made=False) as (crm, there):
        by_hand(there, crm.extra_fields(["deal"]))
        written(crm, "deal", "p:deals:1", {"title": "A"})
        outcome = crm.write("deal", [Draft("p:deals:2", {"title": "B"})])[0]
        assert outcome.state == "rejected"
        assert "limit reached" in outcome.words and "let an administrator raise it" in outcome.words


def test_an_account_that_nobody_pays_for_ends_the_run_and_refuses_no_row(tmp_path: Path) -> None:
    with account(tmp_path, made=False) as (crm, there):
        by_hand(there, crm.extra_fields(["organization"]))
    with running("pipedrive", state=tmp_path / "tenant.db", token=TOKEN, switches={"account": "closed"}) as there:
        crm = client(there)
        for call in (crm.check, crm.metadata, lambda: crm.write("organization", [Draft("p:orgs:1", {"name": "A"})])):
            with pytest.raises(Refused) as told:
                call()
            assert "not open" in told.value.message and told.value.found.startswith("402: Company account is not open")
            assert "Billing" in told.value.todo
