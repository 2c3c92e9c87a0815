"""Profi staged under other answers than the usual ones: what hung on a session that is left out finds another place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from sample_exports.profi_files import make_large_files
from workbench.engagement import Engagement, new_engagement
from workbench.flow.planning import needed_fields
from workbench.flow.scoping import scope_document
from workbench.reports import About
from workbench.specs import load_route
from workbench.stages import intake, transform

SAMPLE = Path(__file__).resolve().parents[1] / "sample_exports" / "profi"
KIM = "Kim Larsen <kim.larsen@consultants.example>"
CASES = (
    ("profi_to_freshsales", {"deal_per": "package"}),
    ("profi_to_freshsales", {"not_held": "leave_out"}),
    ("profi_to_pipedrive", {"cancelled_sessions": "leave_out"}),
)
PARENTS = ("deal", "contact", "activity", "person")


def staged(folder: Path, route: str, said: dict[str, str], *, zone: str = "") -> Engagement:
    """The main delivery, decided as the truth has it, but for these answers."""
    shutil.copytree(SAMPLE / "main", folder / "x" / "main")
    make_large_files(folder / "x" / "main")
    made = new_engagement(folder / "e", exports=folder / "x", route=route, key="k", zone=zone)
    for question in made.route.scope:
        made.decisions.confirm("scope", question.name, question.default, by=KIM)
    truth = json.loads((SAMPLE / "expected" / route / "decisions.json").read_text(encoding="utf-8"))
    for each in truth:
        made.decisions.confirm(each["kind"], each["subject"], each["value"], by=KIM)
    for question, answer in said.items():
        made.decisions.confirm("scope", question, answer, by=KIM)
    intake.run(made)
    transform.run(made)
    return made


def expected(route: str, said: dict[str, str]) -> pd.DataFrame:
    """What the truth says of sessions, appointments and files of sessions under an answer."""
    frame = pd.read_csv(SAMPLE / "expected" / route / "otherwise.csv", dtype="str", keep_default_na=False)
    [(question, answer)] = said.items()
    return frame[(frame["question"] == question) & (frame["answer"] == answer)].reset_index(drop=True)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: " ".join([case[0], *case[1].values()]))
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engagement, pd.DataFrame]]:
    route, said = request.param
    made = staged(tmp_path_factory.mktemp("answer"), route, said)
    yield made, expected(route, said)
    made.store.dispose()


@pytest.mark.row("RF3", "RF6", "RF10", "RP3", "RP11")
def test_sessions_and_what_hangs_on_them_end_as_the_truth_says_under_each_answer(
    other: tuple[Engagement, pd.DataFrame],
) -> None:
    made, truth = other
    assert set(truth["reason"]) & {"not_held", "other_answer"} and set(truth["feed"]) >= {"sessions", "files"}
    for feed, wanted in truth.groupby("feed"):
        verdicts = made.load(f"verdicts/{feed}").fillna("").set_index("row")
        for line in wanted.itertuples():
            found = verdicts.loc[f"{line.file}:{line.line}"]
            ends = ("loaded" if found["bucket"] == "load" else found["bucket"], found["reason"], found["record"])
            assert ends == (line.bucket, line.reason, line.record), (feed, line.line)


@pytest.mark.row("RF6", "RF10", "RP11")
def test_appointments_and_files_hang_on_one_record_each_and_none_is_lost_for_an_answer(
    other: tuple[Engagement, pd.DataFrame],
) -> None:
    """On the deal or the activity where there is one, else on the client; of a group on the first one who is known."""
    made, truth = other
    seen = []
    for feed in ("appointments", "files"):
        if feed in set(truth["feed"]):
            records = made.load(f"records/{feed}").astype("object").set_index("key")
            for line in truth[(truth["feed"] == feed) & (truth["bucket"] == "loaded")].itertuples():
                said = records.loc[line.record].reindex(PARENTS).dropna()
                assert said.to_dict() == {line.field: line.parent}, (feed, line.line)
                seen.append(line.parent.partition("/")[0])
    assert "clients" in seen
    files = truth[truth["feed"] == "files"]
    assert len(files) >= 3 and set(files["bucket"]) == {"loaded"}


@pytest.mark.parametrize("route", ["profi_to_freshsales", "profi_to_pipedrive"])
def test_dietary_notes_come_along_only_where_somebody_says_so(tmp_path: Path, route: str) -> None:
    """They may speak of health: without a word of the customer no record holds them, and no field is made for them."""
    left = staged(tmp_path / "left", route, {"dietary_notes": "leave_out"})
    words = set(left.load("tables/clients")["Dietary Notes"].dropna().str.strip()) - {""}
    assert words and "dietary_notes__c" not in left.load("records/clients").columns
    assert "dietary_notes__c" not in {field.name for field in needed_fields(left)}
    left.decisions.confirm("field", "clients/Dietary Notes", {"target": "dietary_notes__c"}, by=KIM)
    transform.run(left)  # a map that was confirmed before the customer thought better of it
    assert "dietary_notes__c" not in left.load("records/clients").columns
    [told] = [
        each for each in scope_document(left, About("Northlight", "Profi", route, route)).answers if "dietary" in each.question
    ]
    assert told.answer == "leave out" and told.meaning.startswith("they stay in the export")
    came = staged(tmp_path / "came", route, {"dietary_notes": "load"})
    assert set(came.load("records/clients")["dietary_notes__c"].dropna()) == words
    assert "dietary_notes__c" in {field.name for field in needed_fields(came)}


def test_both_routes_mean_the_same_by_a_session_that_was_not_held() -> None:
    rules = [
        exclusion.when.is_
        for route in ("profi_to_freshsales", "profi_to_pipedrive")
        for feed in load_route(route).feeds
        for exclusion in feed.exclude
        if exclusion.rule == "not_held"
    ]
    assert len(rules) == 2 and rules[0] == rules[1]


def test_times_that_name_no_zone_are_read_in_the_one_that_was_agreed_on(tmp_path: Path) -> None:
    """`zone` in engagement.toml counts for times of sessions; those that bring their own offset stay as they are."""
    home = staged(tmp_path / "home", "profi_to_freshsales", {})
    away = staged(tmp_path / "away", "profi_to_freshsales", {}, zone="Europe/Lisbon")
    first, second = (
        pd.to_datetime(made.load("records/appointments").set_index("row")["from_date"], utc=True) for made in (home, away)
    )
    told = home.load("tables/sessions").set_index("_row").loc[first.index]
    bare = ~told["start"].str.contains("+", regex=False) & told["timezone"].isna()
    usual = ~told["start"].str.endswith("02:30")  # an hour that the clocks skip, or show twice
    assert set((second - first)[bare & usual]) == {pd.Timedelta(hours=1)}
    assert set((second - first)[~bare]) == {pd.Timedelta(0)}
