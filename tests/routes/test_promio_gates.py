"""What stops a load of Promio into Freshsales: owners, sign-off, accounting, fields that nobody has made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import resources

import pytest
from tenant import Tenant
from walk import DANA, KIM, Resume, Walk, load_sample, write_decision

from workbench.destinations import User
from workbench.engagement import open_engagement
from workbench.errors import GateClosed
from workbench.flow.planning import connected
from workbench.flow.transfer import outgoing, read_back, standing_ids
from workbench.settings import write_settings
from workbench.stages import owners, production, provisioning, sample, transform

INACTIVE = "jon.pryce@brightroof.example"
ROUTE = "route.toml"


# ---------------------------------------------------------------- owners


@pytest.mark.parametrize("user", [INACTIVE, "", "nobody@brightroof.example"])
@pytest.mark.row("PF8")
def test_an_owner_without_an_active_user_stops_the_load_before_anything_is_sent(
    resume: Resume, staged: object, user: str
) -> None:
    """PF8: the gate stands before the main load."""
    walk = resume(staged)
    somebody = walk.engagement.load("owners").query("rows > 0")["owner"].iloc[0]
    write_decision(walk.engagement, "owner", somebody, user)
    before = walk.requests()
    found = owners.run(walk.engagement)
    assert found.unresolved == 1
    state = walk.engagement.phase("owners")
    assert state.state == "blocked"
    assert state.reasons == (f"{somebody}: {user or 'nobody'} is no active user",)
    for send in (provisioning.run, sample.run, production.run):
        with pytest.raises(GateClosed, match="owners is blocked"):
            send(walk.engagement)
    assert walk.writes(before) == []


def test_rows_whose_owner_is_nobody_are_held_and_weighed(resume: Resume, staged: object) -> None:
    """PF8: the gate says how many rows hang on the owner."""
    walk = resume(staged)
    somebody = walk.engagement.load("owners").query("rows > 0").iloc[0]
    write_decision(walk.engagement, "owner", somebody["owner"], "")
    transform.run(walk.engagement)
    held = [
        row
        for feed in ("contacts", "leads", "deals")
        for row in walk.engagement.load(f"verdicts/{feed}").query("reason == 'owner_unresolved'")["row"]
    ]
    assert 0 < len(held) <= somebody["rows"]


# ---------------------------------------------------------------- the sign-off


def _another_mapping(walk: Walk) -> None:
    write_decision(walk.engagement, "field", "leads/Zip", {"target": ""})


def _another_owner(walk: Walk) -> None:
    somebody = walk.engagement.load("owners")["owner"].iloc[0]
    write_decision(walk.engagement, "owner", somebody, "tom.becker@brightroof.example")


def _another_byte(walk: Walk) -> None:
    path = walk.engagement.exports("main") / "leads.csv"
    path.write_bytes(path.read_bytes().replace(b"L-004001", b"L-994001", 1))


@pytest.mark.parametrize(
    ("change", "named"), [(_another_mapping, "decisions"), (_another_owner, "decisions"), (_another_byte, "exports")]
)
def test_a_change_after_the_sign_off_voids_it_and_is_named(
    resume: Resume, loaded: object, change: Callable[[Walk], None], named: str
) -> None:
    walk = resume(loaded)
    change(walk)
    before = walk.requests()
    with pytest.raises(GateClosed) as closed:
        production.run(walk.engagement)
    assert closed.value.where == named
    assert "Dana Ortiz signed" in closed.value.expected
    assert walk.writes(before) == []


def test_a_route_file_changed_after_the_sign_off_voids_it(resume: Resume, loaded: object) -> None:
    walk = resume(loaded)
    root = walk.engagement.root
    with resources.as_file(resources.files("workbench") / "routes" / "promio_to_freshsales.toml") as packaged:
        shutil.copyfile(packaged, root / ROUTE)
    write_settings(root, walk.engagement.settings.model_copy(update={"route": ROUTE}))
    own = open_engagement(root)
    assert production.run(own).passed  # the same words in another file are the same route
    own.store.dispose()
    text = (root / ROUTE).read_text(encoding="utf-8")
    (root / ROUTE).write_text(text.replace('otherwise = "not_a_business"', 'otherwise = "not_a_company"'), encoding="utf-8")
    changed = open_engagement(root)
    before = walk.requests()
    with pytest.raises(GateClosed) as closed:
        production.run(changed)
    assert closed.value.where == "plan"
    assert walk.writes(before) == []
    changed.store.dispose()


def test_nothing_is_loaded_that_nobody_has_signed(resume: Resume, staged: object) -> None:
    walk = resume(staged)
    provisioning.run(walk.engagement)
    sample.plan(walk.engagement)
    sample.run(walk.engagement)
    walk.engagement.decisions.withdraw("signoff", "sample", by=DANA)
    before = walk.requests()
    with pytest.raises(GateClosed, match="not signed off"):
        production.run(walk.engagement)
    assert walk.writes(before) == []


# ---------------------------------------------------------------- the accounting


def test_a_row_that_stands_in_no_bucket_keeps_the_phase_open_until_somebody_waives_it(resume: Resume, loaded: object) -> None:
    walk = resume(loaded)
    verdicts = walk.engagement.load("verdicts/calls")
    walk.engagement.save("verdicts/calls", verdicts.drop(index=verdicts.index[7]))
    result = production.run(walk.engagement)
    assert not result.passed
    assert result.frame.set_index("feed")["closes"].to_dict().pop("calls") is False
    assert walk.engagement.phase("production").reasons == ("calls does not add up",)
    with pytest.raises(GateClosed, match="production is blocked"):
        walk.engagement.gate("cutover")
    walk.engagement.decisions.confirm("waiver", "production", "waived", by=KIM, why="one call is known to be lost")
    assert list(walk.engagement.gate("cutover").waived) == ["production"]


# ---------------------------------------------------------------- fields


@pytest.mark.row("PF5")
def test_fields_that_the_account_refuses_become_a_checklist_and_pass_once_the_admin_has_made_them(
    resume: Resume, staged: object
) -> None:
    """PF1 to PF7: nothing is loaded into fields that are not there."""
    walk = resume(staged, field_create="refuse")
    blocked = provisioning.run(walk.engagement)
    assert blocked.missing == len(blocked.checklist) == len(blocked.frame) > 30
    state = walk.engagement.phase("provisioning")
    assert state.state == "blocked"
    assert any("Contact: Lifecycle Segment is missing" in reason for reason in state.reasons)
    with pytest.raises(GateClosed, match="provisioning is blocked"):
        sample.run(walk.engagement)
    assert Tenant(walk).records.get("fields", {}) == {}
    walk.tenant.admin_create_fields(blocked.checklist.to_dict("records"))
    passed = provisioning.run(walk.engagement)
    assert passed.missing == 0
    assert passed.checklist.empty
    assert walk.engagement.phase("provisioning").state == "passed"
    assert load_sample(walk.engagement).wrong == 0


def test_a_field_of_another_type_is_a_difference_and_never_made_a_second_time(resume: Resume, staged: object) -> None:
    """PF2: somebody made a text field of that name before."""
    walk = resume(staged)
    walk.tenant.admin_create_fields([{"object": "contact", "label": "Lifetime Value", "type": "text"}])
    found = provisioning.run(walk.engagement)
    assert found.missing == 1
    assert found.frame.query("state == 'differs'")["label"].tolist() == ["Lifetime Value"]
    assert walk.engagement.phase("provisioning").state == "blocked"
    labels = [field["label"] for field in Tenant(walk).records["fields"].values() if field["object"] == "contacts"]
    assert labels.count("Lifetime Value") == 1


def test_records_of_a_user_who_has_left_since_are_held_and_not_given_to_the_keys_user(resume: Resume, staged: object) -> None:
    walk = resume(staged)
    feed = next(feed for feed in walk.engagement.route.feeds if feed.name == "contacts")
    account = connected(walk.engagement).metadata()
    gone = walk.engagement.load("records/contacts")["owner"].iloc[0]
    strangers = tuple(User(str(number), "no address", "", True) for number in (1, 2))
    without = replace(
        account, users=(*strangers, *(user for user in account.users if user.email.casefold() != gone.casefold()))
    )
    sent = outgoing(walk.engagement, feed, account=without)
    theirs = walk.engagement.load("records/contacts")["owner"] == gone
    waits = set(sent.loc[theirs.to_numpy(), "_waits"])
    assert "owner_unresolved" in waits
    assert "" not in waits
    assert set(sent.loc[~theirs.to_numpy(), "_waits"]) <= {"", "parent_missing"}


def test_a_text_that_arrived_as_another_number_is_a_wrong_value(resume: Resume, loaded: object) -> None:
    """A text has no zeros to spare: only amounts may come back with other ones."""
    walk = resume(loaded)
    feed = walk.engagement.route.feed("contacts")
    ids = standing_ids(walk.engagement, feed)
    records = walk.engagement.load("records/contacts")
    at = records.index[records["marker"].isin(ids) & records["city"].notna()][0]
    records.loc[at, "city"] = "1.10"
    walk.engagement.save("records/contacts", records)
    walk.ask("PUT", f"contacts/{ids[records.loc[at, 'marker']]}", {"contact": {"city": "1.1"}})
    found = read_back(walk.engagement)["contacts"]
    wrong = found.frame[found.frame["class"] == "wrong"]
    assert wrong[["field", "expected", "actual"]].to_numpy().tolist() == [["city", "1.10", "1.1"]]
