"""Which owner is which user, and who must stay undecided."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench.matching.owners import AUTOMATIC, match_owners

SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).parents[2] / "shared"))
LABELLED = SHARED / "matching-data"

USERS = pd.DataFrame(
    [
        ("u1", "Daniel Marchbanks", "daniel.marchbanks@new.example", True),
        ("u2", "Katherine Lowsey", "katherine.lowsey@new.example", True),
        ("u3", "Sinéad O'Farrelly", "sinead.ofarrelly@new.example", True),
        ("u4", "Lea Vermont", "lea.vermont@new.example", False),
        ("u5", "Sales", "sales@new.example", True),
        ("u6", "Alexander Petrov", "alexander.petrov@new.example", True),
        ("u7", "Alexandra Petrov", "alexandra.petrov@new.example", True),
    ],
    columns=["id", "name", "email", "active"],
)


def one(name: str | None, email: str | None = None) -> tuple[str | None, float, str]:
    row = match_owners(pd.DataFrame({"name": [name], "email": [email]}), USERS).frame.iloc[0]
    return (None if pd.isna(row["user_id"]) else row["user_id"]), row["confidence"], row["case"]


@pytest.mark.skipif(not LABELLED.is_dir(), reason="the shared folder is not here")
def test_labelled_owners_find_their_users() -> None:
    """Measured on 2026-11-22: accuracy 1.0, precision of the sure 1.0, nobody wrongly assigned, 85 % of the matches sure."""
    gold = pd.read_csv(LABELLED / "owners.csv", dtype="str", keep_default_na=False)
    users = pd.read_csv(LABELLED / "users.csv", dtype="str").rename(columns={"user_id": "id"})
    owners = pd.DataFrame({"name": gold["source_owner_name"], "email": gold["source_owner_email"]})

    frame = match_owners(owners, users).frame

    good = frame["user_id"].fillna("NONE") == gold["expected_user_id"]
    sure = frame["user_id"].notna() & (frame["confidence"] >= AUTOMATIC)
    nobody = gold["expected_user_id"] == "NONE"
    wrong = (sure & nobody).sum() / nobody.sum()
    sys.stdout.write(f"accuracy {good.mean():.3f} precision {good[sure].mean():.3f} wrong {wrong:.3f}")
    assert good.mean() >= 0.96
    assert good[sure].mean() >= 0.99
    assert wrong == 0
    assert sure[~nobody].mean() >= 0.8


def test_an_address_decides_whatever_its_case() -> None:
    assert one("Somebody Else", " DANIEL.MARCHBANKS@new.example ") == ("u1", 0.99, "email")
    assert one(None, "daniel.marchbanks+crm@new.example")[0] == "u1"


def test_an_address_in_the_place_of_a_name_is_one() -> None:
    assert one("katherine.lowsey@new.example")[:2] == ("u2", 0.99)


@pytest.mark.parametrize(
    "name", ["Kate Lowsey", "Lowsey, Katherine", "KATHERINE  LOWSEY", "Katherine B. Lowsey", "Sinead O'Farrelly"]
)
def test_a_name_that_fits_one_user_is_sure(name: str) -> None:
    user, confidence, _ = one(name)

    assert user in ("u2", "u3") and confidence >= AUTOMATIC


@pytest.mark.parametrize("name", ["K. Lowsey", "Katherine Lowsy", "Daniela Marchbanks"])
def test_a_name_that_nearly_fits_is_shown_but_never_sure(name: str) -> None:
    user, confidence, _ = one(name)

    assert user is not None and confidence < AUTOMATIC


def test_a_name_that_fits_two_users_is_nobodys() -> None:
    assert one("Alex Petrov") == (None, 0.5, "ambiguous")


def test_inactive_users_and_shared_boxes_are_never_sure() -> None:
    assert one("Lea Vermont", "lea.vermont@new.example") == ("u4", 0.6, "inactive")
    assert one(None, "sales@new.example") == ("u5", 0.6, "shared_box")


def test_people_who_have_left_are_never_sure() -> None:
    user, confidence, case = one("Daniel Marchbanks (left)")

    assert (user, case) == ("u1", "leaver") and confidence < AUTOMATIC


@pytest.mark.parametrize("name", ["API", "Unassigned", "Round Robin", "info@old.example", "Sales Queue"])
def test_queues_and_systems_are_nobody(name: str) -> None:
    assert one(name)[0] is None


def test_another_address_at_the_users_domain_is_another_person_until_someone_says_so() -> None:
    assert one("Daniel Marchbanks", "daniel.marchbanks2@new.example")[1] < AUTOMATIC


def test_an_address_made_of_another_name_speaks_against_a_match() -> None:
    assert one("Daniel Marchbanks", "ottoline.frayne@old.example")[1] < AUTOMATIC


@pytest.mark.parametrize("name", [None, "", "   "])
def test_an_owner_without_name_and_address_is_nobody(name: str | None) -> None:
    assert one(name)[0] is None


def test_strangers_stay_unresolved() -> None:
    assert one("Ottoline Frayne", "ottoline.frayne@old.example") == (None, 0.5, "unknown")
