"""What every destination owes the workbench, asked of each one that has a file, whoever wrote it, against its own stand-in.

A destination of one's own is among them as soon as $WORKBENCH_ADDITIONS names its folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import pytest

from workbench import rehearsal
from workbench.destinations import Account, Destination, Draft, Metadata, Outcome, Record, Secret, connect
from workbench.destinations.limits.budget import plan_limits
from workbench.errors import DestinationBusy, SpecError, WrongKey
from workbench.rehearsal import Rehearsal
from workbench.specs import CustomField, DestinationSpec, NativeField, load_destination, names

TOKEN = "contract-tenant-0123456789"
SCALE = 600.0
"""Ten minutes of the destination's limits pass in one second."""
NOBODY = "987654321"
"""An id that no record bears."""
LABEL = "Contract Colour"
COLOUR = CustomField(object="", name="contract_colour__c", label=LABEL, type="picklist", choices=("Red", "Green"))


@dataclass(frozen=True)
class Desk:
    """One destination, its stand-in, and the object whose records are made: the first that our key can stand in."""

    spec: DestinationSpec
    tenant: Rehearsal
    object: str
    numbers: Iterator[int]

    def client(self, key: str = TOKEN) -> Destination:
        """A client of its own, which knows nothing of what others did."""
        edition, plan = self.spec.editions[0], next(iter(self.spec.plans))
        return connect(self.spec, Account(self.tenant.url, Secret(key), edition, plan, {}, SCALE))

    @property
    def title(self) -> NativeField:
        """A text without which there is no record."""
        return next(field for field in self.spec.objects[self.object].fields if field.required and field.type == "text")

    def draft(self, text: str = "Brook & Söhne", *, id: str = "") -> Draft:
        """A record of a key that nothing bears yet; names differ, since some accounts let no two be alike."""
        number = next(self.numbers)
        return Draft(f"contract:{number}", {self.title.name: f"{text} {number}"}, id)

    def made(self, client: Destination) -> tuple[Draft, Record]:
        """A record as it was sent, and as it is found."""
        draft = self.draft()
        assert [outcome.state for outcome in client.write(self.object, [draft])] == ["done"]
        return draft, self.seen(client, draft.key)[0]

    def seen(self, client: Destination, key: str) -> list[Record]:
        """What bears a key, once a look is sure to show it."""
        time.sleep(client.lag)
        return client.bearing(self.object, [key])


@pytest.fixture(scope="module", params=names("destinations"))
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    spec = load_destination(request.param)
    known = sorted((kind.order, name) for name, kind in spec.objects.items() if kind.marker)
    state = tmp_path_factory.mktemp(spec.name) / "tenant.db"
    with rehearsal.running(spec.name, state=state, token=TOKEN, time_scale=SCALE) as tenant:
        made = Desk(spec, tenant, known[0][1], count(1))
        client = made.client()
        for field in client.extra_fields([made.object]):
            client.create_field(field)
        yield made


# ---------------------------------------------------------------- the account


def test_the_key_opens_the_account_and_another_one_is_told_as_wrong(desk: Desk) -> None:
    client = desk.client()
    me = client.check()
    assert me is None or me.id in {user.id for user in client.metadata().users}
    with pytest.raises(WrongKey):
        desk.client("somebody-elses-key").check()


def test_the_account_shows_who_may_own_records_and_which_fields_there_are(desk: Desk) -> None:
    found: Metadata = desk.client().metadata()
    assert found.find(desk.object, desk.title.name)
    active = [user for user in found.users if user.active]
    assert active
    assert all(user.id and "@" in user.email for user in active)


def test_a_field_is_made_with_its_choices_known_by_its_declared_name_and_taken_away(desk: Desk) -> None:
    client, plan = desk.client(), COLOUR.model_copy(update={"object": desk.object})
    made = client.create_field(plan)
    seen = desk.client().metadata([plan]).find(desk.object, plan.name)
    assert seen is not None
    assert (seen.label, seen.choices, seen.custom) == (LABEL, ("Red", "Green"), True)
    assert seen.type == desk.spec.types["picklist"]
    draft = desk.draft()
    coloured = Draft(draft.key, {**draft.values, plan.name: "Green"})
    assert client.write(desk.object, [coloured])[0].state == "done"
    assert desk.seen(client, draft.key)[0].values[plan.name] == "Green"
    assert client.delete_field(made).state == "done"
    assert desk.client().metadata([plan]).find(desk.object, plan.name) is None


def test_every_plan_names_limits_that_a_client_can_keep(desk: Desk) -> None:
    account = Account(desk.tenant.url, Secret(TOKEN), desk.spec.editions[0])
    for plan in desk.spec.plans:
        chosen = Account(account.base_url, account.key, account.edition, plan)
        limits = plan_limits(desk.spec, chosen, sign_in=str(desk.spec.settings.get("sign_in", "")))
        assert limits
        assert all(limit.seconds > 0 and limit.allowance >= 0 for limit in limits)
    with pytest.raises(SpecError, match="no plan"):
        plan_limits(desk.spec, Account(account.base_url, account.key, account.edition, "no such plan"))


# ---------------------------------------------------------------- records


def test_what_was_sent_is_found_by_our_key_and_reads_as_it_was_sent(desk: Desk) -> None:
    client = desk.client()
    draft, found = desk.made(client)
    for look in (found, client.read(desk.object, [found.id])[0], _swept(client, desk)[draft.key]):
        assert (look.id, look.key) == (found.id, draft.key)
        assert look.values[desk.title.name] == draft.values[desk.title.name]
    assert _same(client.find(desk.object, desk.title.name, [str(draft.values[desk.title.name])]), [found])


def test_several_records_of_one_call_have_each_an_outcome_under_their_own_key(desk: Desk) -> None:
    client = desk.client()
    drafts = [desk.draft() for _ in range(3)]
    told: list[str] = []
    outcomes = _settled(client, desk, drafts, client.write(desk.object, drafts, taken=told.append), told)
    assert [(outcome.key, outcome.state) for outcome in outcomes] == [(draft.key, "done") for draft in drafts]
    assert all(len(desk.seen(client, draft.key)) == 1 for draft in drafts)


def test_a_change_says_only_what_it_changes_and_leaves_our_key_where_it_is(desk: Desk) -> None:
    client = desk.client()
    draft, found = desk.made(client)
    owner = next(user.id for user in client.metadata().users if user.active)
    assert client.write(desk.object, [Draft(draft.key, {"owner": owner}, found.id)])[0].state == "done"
    now = client.read(desk.object, [found.id])[0]
    assert (now.key, now.values["owner"]) == (draft.key, owner)
    assert now.values[desk.title.name] == draft.values[desk.title.name]


def test_a_text_that_is_too_long_is_kept_whole_or_refused_and_never_cut(desk: Desk) -> None:
    client = desk.client()
    long = desk.draft("x" * ((desk.title.max_length or desk.spec.text_limit) + 100))
    outcome = client.write(desk.object, [long])[0]
    kept = [record.values[desk.title.name] for record in desk.seen(client, long.key)]
    assert (outcome.state, kept) in (("rejected", []), ("done", [long.values[desk.title.name]]))


def test_what_was_taken_away_is_gone_and_is_taken_away_only_once(desk: Desk) -> None:
    client = desk.client()
    draft, found = desk.made(client)
    assert [(each.key, each.state) for each in client.delete(desk.object, [found.id])] == [(found.id, "done")]
    assert client.read(desk.object, [found.id]) == []
    assert desk.seen(client, draft.key) == []
    assert client.delete(desk.object, [found.id])[0].state == "done"


def test_a_change_of_a_record_that_is_not_there_is_refused_in_words(desk: Desk) -> None:
    outcome = desk.client().write(desk.object, [desk.draft(id=NOBODY)])[0]
    assert outcome.state == "rejected"
    assert outcome.words


def test_a_look_from_a_mark_on_shows_what_was_made_after_it(desk: Desk) -> None:
    client = desk.client()
    desk.made(client)
    mark = client.newest(desk.object)
    draft, found = desk.made(client)
    assert draft.key in {record.key for record in client.sweep(desk.object, since=mark)}
    assert _same(client.bearing(desk.object, [draft.key], since=mark), [found])


def test_a_sweep_goes_over_every_page_and_shows_each_record_once(desk: Desk) -> None:
    client = desk.client()
    drafts = [desk.draft() for _ in range(4)]
    for draft in drafts:
        client.write(desk.object, [draft])
    time.sleep(client.lag)
    ids = [record.id for record in _paged(desk, 2).sweep(desk.object)]
    assert len(ids) == len(set(ids)) == len(list(client.sweep(desk.object)))
    assert len(ids) >= len(drafts)


# ---------------------------------------------------------------- when something goes wrong


def test_a_lost_answer_is_told_as_unknown_and_the_record_is_found_by_looking(desk: Desk) -> None:
    client, draft = desk.client(), desk.draft()
    with _faulty(desk, "drop_after", client):
        outcomes = client.write(desk.object, [draft])
    assert [(outcome.key, outcome.state) for outcome in outcomes] == [(draft.key, "unknown")]
    assert len(desk.seen(client, draft.key)) == 1


def test_a_lost_call_is_told_as_unknown_and_nothing_is_found(desk: Desk) -> None:
    client, draft = desk.client(), desk.draft()
    with _faulty(desk, "drop_before", client):
        assert client.write(desk.object, [draft])[0].state == "unknown"
    assert desk.seen(client, draft.key) == []


def test_a_call_that_comes_too_soon_is_sent_again_and_makes_one_record(desk: Desk) -> None:
    client, draft = desk.client(), desk.draft()
    with _faulty(desk, "429", client):
        assert client.write(desk.object, [draft])[0].state == "done"
    assert len(desk.seen(client, draft.key)) == 1


def test_a_look_is_repeated_where_its_answer_is_of_no_use(desk: Desk) -> None:
    client = desk.client()
    draft, _ = desk.made(client)
    desk.tenant.order_fault("503_before", method="GET", count=2)
    desk.tenant.order_fault("truncated", method="GET", count=1)
    assert draft.key in _swept(client, desk)


def test_who_is_stopped_while_waiting_for_the_limits_sends_nothing(desk: Desk) -> None:
    client = desk.client()
    client.metadata()
    before = client.spent().calls
    assert before > 0
    assert all(each.left <= each.allowance for each in client.standing())
    client.stop_waiting(0.0)
    try:
        client.check()
    except DestinationBusy:
        assert client.spent().calls == before
    else:
        assert client.spent().calls > before


def test_the_key_is_shown_by_nothing_that_a_client_shows(desk: Desk) -> None:
    client = desk.client()
    client.check()
    assert TOKEN not in repr(client) + repr(vars(client)) + repr(client.standing())
    assert not [path for path in desk.tenant.log()["path"] if TOKEN in path]


# ---------------------------------------------------------------- inside


def _swept(client: Destination, desk: Desk) -> dict[str, Record]:
    return {record.key: record for record in client.sweep(desk.object) if record.key}


def _same(found: list[Record], wanted: list[Record]) -> bool:
    return [(each.id, each.key) for each in found] == [(each.id, each.key) for each in wanted]


def _paged(desk: Desk, rows: int) -> Destination:
    """A client that asks for so few rows a page; the setting is called so in every file."""
    account = Account(desk.tenant.url, Secret(TOKEN), desk.spec.editions[0], next(iter(desk.spec.plans)))
    return connect(desk.spec, Account(account.base_url, account.key, account.edition, account.plan, {"page_rows": rows}, SCALE))


def _settled(client: Destination, desk: Desk, drafts: list[Draft], outcomes: list[Outcome], told: list[str]) -> list[Outcome]:
    """Outcomes of a batch, those of a job that is at work still once it has ended."""
    for _ in range(600):
        if all(outcome.state != "unknown" for outcome in outcomes):
            break
        time.sleep(0.1)
        outcomes = client.collect(desk.object, told[0], drafts)
    return outcomes


@contextmanager
def _faulty(desk: Desk, kind: str, client: Destination) -> Iterator[None]:
    """The next call that makes something meets a fault; what the client wants to know beforehand it has asked."""
    desk.made(client)
    desk.tenant.order_fault(kind, path=desk.spec.objects[desk.object].path, method="POST")
    yield
