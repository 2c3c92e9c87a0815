"""Profi into Freshsales and into Pipedrive: staged as the truth says, loaded, read back, taken back, brought up to date."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from profi_walk import SAMPLE, ends, expected, fresh_profi, stage_profi, stage_profi_delta
from walk import Walk, cut_over, load_main

from tests.coverage_page import hold_walk
from workbench.flow.history import history
from workbench.flow.timeline import runs
from workbench.rehearsal import canonical
from workbench.reports.reasons import reason
from workbench.stages import handoff, owners, production, rollback, secondpass

ROUTES = ("profi_to_freshsales", "profi_to_pipedrive")


class Journey:
    """One walk through a whole engagement, and what was seen on the way."""

    def __init__(self, walk: Walk, route: str) -> None:
        self.walk, self.route = walk, route
        self.before = canonical(walk.tenant.dump())
        stage_profi(walk.engagement)
        self.production: production.Production = load_main(walk.engagement)


@pytest.fixture(scope="module", params=ROUTES)
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    route: str = request.param
    with fresh_profi(tmp_path_factory.mktemp(route), route) as walk:
        yield Journey(walk, route)


@pytest.fixture(scope="module")
def documents(journey: Journey) -> Path:
    """What the customer is given after the load."""
    assert handoff.run(journey.walk.engagement).good
    return journey.walk.engagement.root / "package" / "documents"


@pytest.mark.row("RF1-RF11", "RP1-RP12")
def test_every_row_of_profi_ends_where_the_truth_says(journey: Journey) -> None:
    """RF1–RF11, RP1–RP12: each row of each table, in each feed; large files in parts where the route divides them."""
    truth = expected(journey.route, "rows", delivery="main")
    for feed in journey.walk.engagement.route.feeds:
        mine = truth[truth["feed"] == feed.name]
        wanted = {f"{r['file']}:{r['line']}": (r["bucket"], r["reason"], r["record"]) for r in mine.to_dict("records")}
        assert wanted and ends(journey.walk.engagement, feed.name) == wanted, feed.name


@pytest.mark.row("RF1-RF10", "RP1-RP10", "RP12")
def test_every_value_that_profis_truth_names_is_staged(journey: Journey) -> None:
    """RF1–RF8, RP1–RP12: fields, links to parents and to several clients, trees of accounts."""
    engagement = journey.walk.engagement
    staged = {
        row["key"]: row
        for feed in engagement.route.feeds
        if engagement.has(f"records/{feed.name}")
        for row in engagement.load(f"records/{feed.name}").to_dict("records")
    }
    truth = expected(journey.route, "records")
    wrong = [
        (row["record"], row["field"], row["value"], text)
        for row in truth.to_dict("records")
        if (text := _text(staged[row["record"]].get(row["field"]))) != row["value"]
    ]
    assert wrong == []
    assert len(truth) > 600


def test_cells_that_profis_truth_names_are_set_aside_with_their_reason(journey: Journey) -> None:
    engagement = journey.walk.engagement
    aside = pd.concat([engagement.load(f"cells/{feed.name}") for feed in engagement.route.feeds])
    found = set(zip(aside["feed"], aside["row"], aside["reason"], strict=True))
    truth = expected(journey.route, "cells", delivery="main")
    wanted = {(r["feed"], f"{r['file']}:{r['line']}", r["reason"]) for r in truth.to_dict("records")}
    assert wanted <= found


@pytest.mark.row("RF1-RF10", "RP1-RP12")
def test_everything_of_profi_is_loaded_and_reads_back_as_it_was_staged(journey: Journey) -> None:
    """RF1–RF10, RP1–RP10: no value differs without a reason, and ledger and account stand one to one."""
    result = journey.production
    assert result.passed and result.wrong == 0
    loaded = expected(journey.route, "rows", delivery="main").query("bucket == 'loaded'")
    certificate = result.certificate
    assert int(certificate["records"].sum()) == len(set(loaded["record"]))
    assert (certificate["records"] == certificate["one to one"]).all() and certificate["holds"].all()


@pytest.mark.row("RF1-RF11", "RP1-RP12")
def test_the_coverage_page_says_what_the_walk_of_profi_has_loaded_and_read_back(journey: Journey, documents: Path) -> None:
    """Source rows, records, values and reasons of each row, and the tables of the hand-off cell by cell."""
    assert documents.is_dir()
    hold_walk(journey.walk.engagement)


@pytest.mark.row("RF11")
def test_every_workflow_of_profi_has_a_card_with_its_trigger_conditions_and_actions(documents: Path) -> None:
    """Each card is compared with what the file says, word by word."""
    page = html.unescape((documents / "automations.html").read_text(encoding="utf-8"))
    cards = page.split("<h3>")[1:]
    workflows = json.loads((SAMPLE / "main" / "workflows.json").read_text(encoding="utf-8"))
    assert len(cards) == len(workflows) > 5
    for card, workflow in zip(cards, workflows, strict=True):
        said = [workflow["name"], workflow["trigger"]["event"], f"delay hours: {workflow['trigger']['delay_hours']}"]
        said += [f"field: {each['field']}, is: {each['is']}" for each in workflow["conditions"]]
        said += [", ".join(f"{name}: {value}" for name, value in each.items()) for each in workflow["actions"]]
        assert [words for words in said if words not in card] == []


def test_the_statement_on_history_is_read_from_the_plan_and_the_columns(journey: Journey) -> None:
    """Where a field takes the moment whole, where the day alone, where the destination's own date is set, where nothing is."""
    told = history(journey.walk.engagement).set_index(["object", "aspect"])
    whole = journey.route.endswith("freshsales")
    client = told.loc["Member → Contact" if whole else "Client → Person"]
    assert client.loc["created", "kept"] == ("yes" if whole else "in part")
    assert ("time of day is given up" in client.loc["created", "where"]) is not whole
    assert "“Created in Profi”" in client.loc["created", "where"]
    assert client.loc["updated", "where"].startswith("the export does not say")
    assert client.loc["owner history", "kept"] == "in part"
    noted = told.loc["Session note → Note" if whole else "Note, journal entry → Note"]
    assert list(noted["kept"][:3]) == (["in part", "no", "in part"] if whole else ["yes", "no", "yes"])
    standing = journey.walk.engagement.ledger().operations.pairs("contact" if whole else "person", ("done",))
    assert int(client["records"].iloc[0]) == len([key for key in standing if ":clients:" in key]) > 50


def test_the_runs_of_the_load_hold_every_record_that_was_made(journey: Journey) -> None:
    engagement = journey.walk.engagement
    told, done = runs(engagement), engagement.ledger().operations.frame().query("state == 'done'")
    assert int(told["created"].sum()) == int((done["verb"] == "create").sum()) > 300
    assert int(told["updated"].sum()) == int((done["verb"] == "update").sum())
    assert (told["begun"] <= told["ended"]).all()
    assert told["begun"].min() >= done["at"].min() and told["ended"].max() <= done["at"].max()


@pytest.mark.row("RF7", "RF10", "RP9", "RP11")
def test_files_and_pictures_that_stay_are_listed_each_with_its_reason(journey: Journey, documents: Path) -> None:
    """Those that are gone, empty, other than listed, outside the delivery, over the limit, or elsewhere on the network."""
    truth = expected(journey.route, "rows", delivery="main")
    stay = truth[truth["feed"].isin(["files", "pictures"]) & truth["reason"].str.match("file_|image_")]
    told = pd.read_excel(
        documents / "not-portable.xlsx", sheet_name="Left-over files", header=2, dtype="str", engine="calamine"
    )
    assert len(stay) > 5
    assert sorted(zip(told["row"], told["why"], strict=True)) == sorted(
        (f"{line.file}:{line.line}", reason(line.reason).words) for line in stay.itertuples()
    )


def test_the_scope_document_says_what_becomes_what_and_what_stays_behind(journey: Journey, documents: Path) -> None:
    """Every answer with who gave it, every feed, what the destination cannot hold, and how many rows a rule leaves out."""
    page = html.unescape((documents / "scope.html").read_text("utf-8"))
    route = journey.walk.engagement.route
    for question in route.scope:
        assert question.question in page
    assert page.count("Decided by Kim Larsen on ") == 1  # of all answers: one person gave them on one day
    for feed in route.feeds:
        assert (feed.label if feed.kind != "document" else feed.label.partition(" → ")[0]) in page, feed.name
    assert [loss.what for loss in route.losses if loss.what not in page] == []
    truth = expected(journey.route, "rows", delivery="main")
    earlier, private = ((truth["reason"] == code).sum() for code in ("earlier_course", "private_note"))
    assert f'{reason("earlier_course").words.removesuffix(".")}</td><td class="n">{earlier}</td>' in page
    assert f'Notes that a coach marked as private</td><td class="n">{private}</td>' in page
    assert 'href="scope.html"' in (documents / "index.html").read_text("utf-8")


def test_an_amount_with_the_other_decimal_mark_weighs_nothing_on_its_owner(journey: Journey) -> None:
    """432,00 is held by the load, so it is no 43,200 that hangs on a coach."""
    table = "enrolments" if journey.route.endswith("pipedrive") else "sessions"
    fees = pd.read_csv(SAMPLE / "main" / f"{table}.csv", dtype="str", skipinitialspace=True)["fee"].dropna().str.strip()
    readable = fees[fees.str.fullmatch(r"\d+(\.\d+)?")].astype("float64")
    weights = owners.weigh(journey.walk.engagement)
    assert weights["value"].sum() == pytest.approx(readable.sum()) and weights["value"].sum() > 1000


def test_money_is_added_up_in_each_currency_by_itself(journey: Journey, documents: Path) -> None:
    """The fees of the enrolments that were loaded, from the file as it came; Freshsales' deals name no currency."""
    money = pd.read_excel(documents / "reconciliation.xlsx", sheet_name="Money", header=3, engine="calamine")
    assert money["adds up"].astype("str").str.casefold().isin(["yes", "true"]).all()
    if journey.route.endswith("pipedrive"):
        fees = pd.read_csv(SAMPLE / "main" / "enrolments.csv", dtype="str")
        truth = expected(journey.route, "rows", delivery="main")
        lines = truth.loc[(truth["feed"] == "enrolments") & (truth["bucket"] == "loaded"), "line"].astype(int)
        loaded = fees.loc[lines - 2].assign(fee=lambda each: each["fee"].astype("float64"))
        told = money[money["sum of"] == "Value"].set_index("currency")["sent"].astype("float64")
        assert told.to_dict() == pytest.approx(loaded.groupby("currency")["fee"].sum().to_dict())
        assert set(told.index) == {"EUR", "USD"}


@pytest.mark.row("RF1", "RP12")
def test_answers_about_health_stand_in_no_document_and_in_no_record(journey: Journey, documents: Path) -> None:
    """They are counted by their form, and that is all."""
    with (SAMPLE / "main" / "form_answers.csv").open(encoding="utf-8", newline="") as stream:
        answers = list(csv.DictReader(stream))
    private = [each["answer"] for each in answers if each["question"] == "Do you take medication?" and len(each["answer"]) > 5]
    told = "".join(
        path.read_text(encoding="utf-8") for path in documents.rglob("*") if path.suffix in (".html", ".csv", ".txt")
    )
    assert private and not [answer for answer in private if answer in told + json.dumps(journey.walk.tenant.dump())]
    counts = pd.read_csv(documents / "inventory" / "form_answers.csv").set_index("form")["rows"].to_dict()
    assert counts == pd.Series([each["form"] for each in answers]).value_counts().to_dict()


@pytest.mark.row("RF1-RF10", "RP1-RP12")
def test_a_second_pass_over_profi_writes_nothing(journey: Journey) -> None:
    asked = journey.walk.requests()
    assert secondpass.run(journey.walk.engagement).frame.empty
    assert journey.walk.writes(asked) == []


@pytest.mark.row("RF1", "RF3", "RF6", "RF7", "RP1", "RP3", "RP9")
def test_what_profi_sends_later_is_brought_in(journey: Journey) -> None:
    """RF1, RF3, RP1, RP3: clients who changed, sessions held or booked meanwhile, new notes."""
    engagement = journey.walk.engagement
    stage_profi_delta(engagement)
    truth = expected(journey.route, "rows", delivery="delta")
    for feed in ("companies", "clients", "sessions", "notes"):
        mine = truth[truth["feed"] == feed]
        wanted = {f"delta/{r['file']}:{r['line']}": (r["bucket"], r["reason"], r["record"]) for r in mine.to_dict("records")}
        assert ends(engagement, feed, delivery="delta") == wanted, feed
    assert cut_over(engagement).passed


@pytest.mark.row("RF1-RF10", "RP1-RP12")
def test_everything_of_profi_is_taken_back_the_delta_too(journey: Journey) -> None:
    """RF1–RF10, RP1–RP10: the account is as it was before, fields and files included. It comes last.

    A session that was held meanwhile has moved its deal, which the account itself has closed: that is nobody's edit.
    """
    result = rollback.run(journey.walk.engagement)
    left = result.frame[result.frame["verdict"] != "reversed"]
    assert left[["object", "key", "verdict", "words"]].to_dict("records") == []
    assert result.done
    assert canonical(journey.walk.tenant.dump()) == journey.before


def _text(value: Any) -> str:
    """A staged value as the truth writes it: several records in the order of their keys."""
    if isinstance(value, list):
        return ";".join(sorted(map(str, value)))
    return "" if value is None or pd.isna(value) else str(value)
