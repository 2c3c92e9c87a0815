"""Whatever the order of creates, changes, links, deletes and merges: the Pipedrive tenant stays whole, and paging is exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from workbench.rehearsal import Rehearsal, canonical, running

KEY = "0f" * 20
WORDS = st.sampled_from(["Ada", "Brook", "Cleo", "Dov", "Edda"])  # few: Pipedrive allows the same name twice
KINDS = ("organizations", "persons", "deals")


class Company(RuleBasedStateMachine):
    """A client of the stand-in beside a model of what the company's account must hold."""

    stand_in: ClassVar[Rehearsal]

    organizations = Bundle("organizations")
    persons = Bundle("persons")
    deals = Bundle("deals")

    def __init__(self) -> None:
        super().__init__()
        self.http = httpx.Client(base_url=self.stand_in.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)
        self.before = canonical(self.stand_in.dump())
        self.live: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.ever: set[tuple[str, int]] = set()
        self.notes: dict[int, int] = {}  # note → deal

    def _ask(self, method: str, path: str, **body: object) -> tuple[int, Any]:
        answer = self.http.request(method, path, json=body or None)
        return answer.status_code, answer.json()

    # --- what a client does

    def _create(self, kind: str, **keys: object) -> int:
        status, said = self._ask("POST", f"/api/v2/{kind}", **keys)
        assert status == 200, said
        number = int(said["data"]["id"])
        assert (kind, number) not in self.ever, "an id was given out twice"
        self.ever.add((kind, number))
        self.live[kind][number] = dict(keys)
        return number

    @initialize(target=organizations)
    def an_employer(self) -> int:
        """Each run begins with a deal, its person and both their organization, so that a delete cuts something."""
        self.employer = self._create("organizations", name="Roof Ltd")
        return self.employer

    @initialize(target=persons)
    def a_person(self) -> int:
        self.person = self._create("persons", name="Ada")
        return self.person

    @initialize(target=deals)
    def a_deal(self) -> int:
        self.deal = self._create("deals", title="Roof", value=1)
        return self.deal

    @rule()
    def tie(self) -> None:
        self.employ(self.person, self.employer)
        self.place(self.deal, self.employer)
        self.involve(self.deal, self.person)

    @rule(target=organizations, word=WORDS)
    def create_organization(self, word: str) -> int:
        return self._create("organizations", name=f"{word} Ltd")

    @rule(target=persons, word=WORDS)
    def create_person(self, word: str) -> int:
        return self._create(
            "persons", name=word, emails=[{"value": f"{word}@people.example", "primary": True, "label": "work"}]
        )

    @rule(target=deals, word=WORDS, value=st.integers(0, 9999))
    def create_deal(self, word: str, value: int) -> int:
        return self._create("deals", title=f"{word} roof", value=value)

    @rule(deal=deals, value=st.integers(0, 9999))
    def revalue(self, deal: int, value: int) -> None:
        self._patch("deals", deal, value=value)

    @rule(person=persons, word=WORDS)
    def rename(self, person: int, word: str) -> None:
        self._patch("persons", person, name=word)

    @rule(deal=deals, status=st.sampled_from(["open", "won", "lost"]))
    def close(self, deal: int, status: str) -> None:
        self._patch("deals", deal, status=status)

    def _patch(self, kind: str, number: int, **keys: object) -> None:
        status, said = self._ask("PATCH", f"/api/v2/{kind}/{number}", **keys)
        if number not in self.live[kind]:
            assert status in (404, 410), said
            return
        assert status == 200, said
        self.live[kind][number] |= keys
        assert {key: said["data"][key] for key in keys} == keys

    @rule(person=persons, organization=organizations)
    def employ(self, person: int, organization: int) -> None:
        self._link("persons", person, "org_id", "organizations", organization)

    @rule(deal=deals, organization=organizations)
    def place(self, deal: int, organization: int) -> None:
        self._link("deals", deal, "org_id", "organizations", organization)

    @rule(deal=deals, person=persons)
    def involve(self, deal: int, person: int) -> None:
        self._link("deals", deal, "person_id", "persons", person)

    def _link(self, kind: str, number: int, key: str, other_kind: str, other: int) -> None:
        status, said = self._ask("PATCH", f"/api/v2/{kind}/{number}", **{key: other})
        both = number in self.live[kind] and other in self.live[other_kind]
        assert (status == 200) == both, said
        if both:
            row = self.live[kind][number]
            if key == "person_id" and row.get(key) not in (None, other):
                row.get("participants", set()).discard(row[key])  # whom another replaces as the contact leaves the deal
            row[key] = other

    @rule(deal=deals, person=persons)
    def invite(self, deal: int, person: int) -> None:
        status, said = self._ask("POST", f"/v1/deals/{deal}/participants", person_id=person)
        both = deal in self.live["deals"] and person in self.live["persons"]
        row = self.live["deals"].get(deal, {})
        if both and person not in {row.get("person_id"), *row.get("participants", set())}:
            assert status == 200, said
            row.setdefault("participants", set()).add(person)
        elif not both:
            assert status >= 400, said

    @rule(deal=deals, word=WORDS)
    def note(self, deal: int, word: str) -> None:
        status, said = self._ask("POST", "/v1/notes", content=f"<b>{word}</b>", deal_id=deal)
        assert (status == 200) == (deal in self.live["deals"]), said
        if status == 200:
            self.notes[int(said["data"]["id"])] = deal

    # Not consumed: what is deleted twice, or changed afterwards, must be refused.
    @rule(organization=organizations)
    def delete_organization(self, organization: int) -> None:
        self._delete("organizations", organization)

    @rule(person=persons)
    def delete_person(self, person: int) -> None:
        self._delete("persons", person)

    @rule(deal=deals)
    def delete_deal(self, deal: int) -> None:
        self._delete("deals", deal)

    def _delete(self, kind: str, number: int) -> None:
        status, said = self._ask("DELETE", f"/api/v2/{kind}/{number}")
        if number not in self.live[kind]:
            assert status in (404, 410), said
            return
        assert (status, said) == (200, {"success": True, "data": {"id": number}})
        del self.live[kind][number]
        self._unlink(kind, number)

    def _unlink(self, kind: str, number: int) -> None:
        key = {"organizations": "org_id", "persons": "person_id"}.get(kind)
        for row in [*self.live["persons"].values(), *self.live["deals"].values()]:
            if key and row.get(key) == number:
                del row[key]
            if kind == "persons":
                row.get("participants", set()).discard(number)

    # --- what must hold whatever was done

    @invariant()
    def paging_returns_each_live_record_once_in_either_direction(self) -> None:
        for kind in KINDS:
            assert self._paged(kind, "asc") == sorted(self.live[kind])
            assert self._paged(kind, "desc") == sorted(self.live[kind], reverse=True)

    @invariant()
    def links_are_those_that_were_made_and_none_dangles(self) -> None:
        for kind, key, other in (
            ("persons", "org_id", "organizations"),
            ("deals", "org_id", "organizations"),
            ("deals", "person_id", "persons"),
        ):
            for row in self._rows(kind):
                assert row[key] == self.live[kind][row["id"]].get(key)
                assert row[key] is None or row[key] in self.live[other]
        for number, row in self.live["deals"].items():
            people = {person["id"] for person in self._rows("persons", deal_id=str(number))}
            assert people == row.get("participants", set()) | ({row["person_id"]} if row.get("person_id") else set())

    @invariant()
    def values_are_those_last_written(self) -> None:
        for row in self._rows("deals"):
            model = self.live["deals"][row["id"]]
            assert row["value"] == model["value"]
            assert row["status"] == model.get("status", "open")
            assert (row["won_time"] is not None) == (row["status"] == "won")
            assert (row["lost_time"] is not None) == (row["status"] == "lost")

    def _rows(self, kind: str, **query: str) -> list[dict[str, Any]]:
        return list(self.http.get(f"/api/v2/{kind}", params={"limit": "500", **query}).json()["data"])

    def _paged(self, kind: str, direction: str) -> list[int]:
        """Ids by cursor, three a page."""
        found: list[int] = []
        query = {"limit": "3", "sort_by": "id", "sort_direction": direction}
        while True:
            answer = self.http.get(f"/api/v2/{kind}", params=query).json()
            found += [row["id"] for row in answer["data"]]
            cursor = answer["additional_data"]["next_cursor"]
            if cursor is None:
                return found
            query["cursor"] = cursor

    def teardown(self) -> None:
        """When everything that was made is deleted, the account is what it was, but for its bin."""
        for note in self.notes:
            self.http.delete(f"/v1/notes/{note}")
        for kind in reversed(KINDS):
            for number in self.live[kind]:
                assert self.http.delete(f"/api/v2/{kind}/{number}").status_code == 200
        after = canonical(self.stand_in.dump())
        self.http.close()
        assert after == self.before


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state: Path = tmp_path_factory.mktemp("sequences") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as started:
        yield started


def test_whatever_the_order_of_requests_the_account_stays_whole(stand_in: Rehearsal) -> None:
    class Here(Company):
        pass

    Here.stand_in = stand_in
    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )
