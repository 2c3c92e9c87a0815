"""The documents that a customer receives: complete, inert, and able to stand alone."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import reports
from workbench.reports.fates import repeated
from workbench.reports.pages import plain_text
from workbench.reports.reasons import REASONS, explained, reason
from workbench.reports.workbooks import Sheet, write_workbook
from workbench.specs import load_route, names
from workbench.templates import templates_folder

ABOUT = reports.About(
    customer="Bright Roof Services",
    source="Promio",
    destination="Freshsales",
    route="Promio → Freshsales",
    engagement="brightroof-7f3a",
    date="22 November 2026",
)
HOSTILE = "<img src=https://evil.example/x onerror=alert(1)>\u202e"
FORMULA = '=HYPERLINK("https://evil.example","open")'
LABELS = {
    "accounts": "Customer (business) → Account",
    "contacts": "Customer → Contact",
    "leads": "Lead → Lead",
    "deals": "Campaign → Deal",
}


def rows() -> pd.DataFrame:
    columns = ["feed", "rows", "loaded", "merged", "excluded", "rejected", "held", "failed", "closes"]
    return pd.DataFrame(
        [
            ["accounts", 165, 48, 6, 111, 0, 0, 0, True],
            ["contacts", 165, 151, 9, 2, 0, 3, 0, True],
            ["leads", 482, 440, 31, 4, 5, 1, 1, True],
            ["deals", 30, 26, 0, 0, 0, 4, 0, True],
            ["reputation", 101, 0, 88, 10, 3, 0, 0, True],
            ["calls", 940, 0, 210, 690, 40, 0, 0, True],
        ],
        columns=columns,
    )


def verdicts(poison: str = "") -> pd.DataFrame:
    columns = ["row", "feed", "bucket", "reason", "record", "detail"]
    return pd.DataFrame(
        [
            ["customers.csv:2", "contacts", "loaded", None, "contacts/C-01001", None],
            ["customers.csv:3", "contacts", "merged", "same_person", "contacts/C-01001", None],
            ["leads.csv:88", "leads", "rejected", "too_few_cells", None, poison or "L-000087,Ann"],
            ["leads.csv:90", "leads", "failed", "refused_by_destination", "leads/L-000090", "emails: is invalid"],
            ["campaigns.xlsx#Campaigns:7", "deals", "held", "not_an_amount", None, "Budget = $1,200/mo"],
            ["customers.csv:9", "accounts", "excluded", "not_a_business", None, None],
        ],
        columns=columns,
    )


def reconciliation(*, wrong: int = 0, poison: str = "") -> reports.Reconciliation:
    compared = pd.DataFrame(
        [["contact", "lifetime_value__c", 151, 140, 140, 11, 0, 0], ["contact", "emails", 151, 120, 151 - wrong, 0, 0, wrong]],
        columns=["object", "field", "cells", "filled", "equal", "intended", "lossy", "wrong"],
    )
    differences = pd.DataFrame(
        [["contact", "contacts/C-1", "lifetime_value__c", "1200.00", "1200.0", "intended", "the same number"]]
        + [["contact", "contacts/C-2", "emails", poison or "a@b.example", "", "wrong", "the value did not arrive"]] * wrong,
        columns=["object", "key", "field", "expected", "actual", "class", "reason"],
    )
    return reports.Reconciliation(
        about=ABOUT,
        rows=rows(),
        verdicts=verdicts(poison),
        compared=compared,
        differences=differences,
        links=pd.DataFrame(
            [["contact", "sales_accounts", 48, 48, 0, 0, True]],
            columns=["object", "field", "expected", "found", "missing", "surplus", "closes"],
        ),
        cells=pd.DataFrame(
            [["contacts", "Phone", "mobile_number", 150, 140, 2, 3, 1, 4, True]],
            columns=["feed", "column", "field", "filled", "loaded", "in_part", "set_aside", "placeholder", "merged", "closes"],
        ),
        money=pd.DataFrame(
            [["deal", "amount", "USD", 26, Decimal("118450.00"), Decimal("118450.00"), Decimal("0.00"), 0, True]],
            columns=["object", "field", "currency", "records", "expected", "actual", "difference", "unreadable", "closes"],
        ),
        aside=pd.DataFrame(
            [["contacts", "Phone", "mobile_number", "customers.csv:2", poison or "6.17555E+09", "damaged_by_excel"]],
            columns=["feed", "column", "field", "row", "value", "reason"],
        ),
        second_pass=reports.SecondPass(records=665, would_create=0, would_change=0, writes=0),
        labels=LABELS,
        runs=pd.DataFrame(
            [
                [2, "sample", "Contact", 78, 0, "2026-03-02T10:00:00+00:00", "2026-03-02T10:00:04+00:00"],
                [2, "sample", "Deal", 26, 1, "2026-03-02T10:00:04+00:00", "2026-03-02T10:00:09+00:00"],
            ],
            columns=["run", "phase", "object", "created", "updated", "begun", "ended"],
        ),
    )


def everything(folder: Path, *, poison: str = "") -> list[Path]:
    """Every document there is, written into one folder."""
    text = poison or "Welcome series"
    recording = "https://rec.example/1"
    assets = pd.DataFrame(
        [
            ["landing page", text, "https://pages.example/roof", "live", "", ""],
            ["ad account", "Google Ads 123-456", "123-456", "", "", poison],
            ["automation", text, "", "active", "Lead created", "sends 3 mails"],
        ],
        columns=["kind", "name", "URL or ID", "status", "trigger", "notes"],
    )
    findings = pd.DataFrame(
        [["leads.csv", "Notes", "formula_like", 3, poison or "=1+1"], ["leads.csv", "Zip", "lost_leading_zero", 12, "2134"]],
        columns=["file", "column", "code", "count", "sample"],
    )
    fidelity = pd.DataFrame(
        [
            ["Contact", "created", "in part", poison or "the day, in “Created in Promio”", 151],
            ["Contact", "updated", "no", "not in the export", 151],
            ["Contact", "owner history", "yes", "current owner", 151],
        ],
        columns=["object", "aspect", "kept", "where", "records"],
    )
    owners = pd.DataFrame(
        [
            ["dana.ortiz@brightroof.example", 210, 40_000.0, "dana.ortiz@brightroof.example", "resolved", "Robin", ""],
            [
                poison or "jon.pryce@brightroof.example",
                31,
                0.0,
                "sam.whitfield@brightroof.example",
                "resolved",
                "Robin",
                "left in May",
            ],
        ],
        columns=["owner", "rows", "value", "user", "state", "by", "why"],
    )
    gaps = pd.DataFrame(
        [["reputation", "one file with all sites", poison or "nothing", "send reputation.csv"]],
        columns=["table", "expected", "found", "ask"],
    )
    fields = pd.DataFrame(
        [["Contact", poison or "Lifecycle Segment", "dropdown", "New, Active, At-Risk", "to be made"]],
        columns=["object", "label", "type", "choices", "state"],
    )
    step = reports.Step("Silence the account", poison or "Nobody gets a mail.", ("Switch off workflows.",), "no workflow is on")
    written = reports.render_reconciliation(reconciliation(poison=poison), folder)
    written += reports.render_inventory(
        reports.Inventory(
            ABOUT,
            assets,
            recordings=pd.DataFrame({"record": ["contacts/C-01001"], "url": [poison or recording], "date": ["2024-05-01"]}),
        ),
        folder,
    )
    written += reports.render_automations(reports.Automations(ABOUT, assets[assets["kind"] == "automation"]), folder)
    written += reports.render_quality(reports.Quality(ABOUT, findings, damage=findings.tail(1), rows=1883), folder)
    losses = pd.DataFrame({"what": [poison or "Audio of call recordings"], "where": ["the link is kept"]})
    written += reports.render_fidelity(reports.Fidelity(ABOUT, fidelity, losses), folder)
    written += reports.render_owners(reports.Owners(ABOUT, owners), folder)
    received = pd.DataFrame({"file": [poison or "leads.csv"], "rows": [482], "first": ["2023-01-02"], "last": ["2026-10-31"]})
    letter = reports.GapLetter(ABOUT, gaps, received=received, to=poison or "Morgan", sender="Robin", wanted_by="Friday")
    written += reports.render_gap_letter(letter, folder)
    written += reports.render_provisioning(reports.Provisioning(ABOUT, (step,), fields), folder)
    books = {path.stem: path.name for path in written if path.suffix == ".xlsx"}
    entries = [
        reports.Entry(poison or path.stem, path.name, "What it is for.", workbook=books.get(path.stem, ""))
        for path in written
        if path.suffix == ".html"
    ]
    index = reports.Index(
        ABOUT,
        reconciliation().statements,
        rows(),
        tuple(entries),
        (poison or "Look at the held rows.",),
        LABELS,
        standing={poison or "Customer → Contact": 160, "Lead → Lead": 400},
        later={poison or "delta": rows()},
    )
    return written + reports.render_index(index, folder)


class Outline(HTMLParser):
    """Tags, attributes and links of a page, as a browser would see them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


# ---------------------------------------------------------------- pages


def test_no_page_holds_anything_that_runs_or_asks_the_network(tmp_path: Path) -> None:
    pages = [path for path in everything(tmp_path, poison=HOSTILE) if path.suffix == ".html"]
    assert len(pages) == 9
    for page in pages:
        outline = Outline(page)
        asking = {
            "img",
            "script",
            "iframe",
            "link",
            "object",
            "embed",
            "form",
            "base",
            "foreignobject",
            "use",
            "image",
            "animate",
        }
        assert not outline.tags & asking, page.name
        assert not [name for name in outline.attributes if name.startswith("on")], page.name
        assert not [link for link in outline.links if ":" in link or link.startswith("/")], page.name
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert "&lt;img src=" in text, page.name
        assert "\u202e" not in text
        assert "url(" not in text


def test_a_row_that_gives_two_kinds_of_record_is_one_row_of_the_export(tmp_path: Path) -> None:
    counts = {name: [0, 0] for name in ("merged", "excluded", "rejected", "held", "failed")}
    twice = pd.DataFrame({"feed": ["accounts", "contacts"], "rows": [1, 1], "loaded": [1, 1], **counts, "closes": [True, True]})
    verdicts = pd.DataFrame(
        [["customers.csv:2", feed, "loaded", "", f"{feed}/C-1", ""] for feed in ("accounts", "contacts")],
        columns=["row", "feed", "bucket", "reason", "record", "detail"],
    )
    both = replace(reconciliation(), rows=twice, verdicts=verdicts)
    assert both.statements[0] == (
        True,
        "All 1 rows of the export ended in exactly one place for each kind of record they give, 2 in all",
    )
    reports.render_index(reports.Index(ABOUT, both.statements, twice, (), fates=both.fates), tmp_path)
    assert "All 1 rows of the export are accounted for" in (tmp_path / "index.html").read_text("utf-8")


def test_a_letter_says_that_the_counts_agree_only_where_they_do(tmp_path: Path) -> None:
    received = pd.DataFrame({"file": ["leads.csv"], "rows": [165], "first": [""], "last": [""], "note": [""]})
    odd = received.assign(note="the cover letter says 166, which seems to count the header")
    for came, agree in ((received, True), (odd, False)):
        reports.render_gap_letter(reports.GapLetter(ABOUT, pd.DataFrame(), received=came), tmp_path)
        for name in ("gap-letter.txt", "gap-letter.html"):
            said = (tmp_path / name).read_text("utf-8")
            assert ("the counts agree" in said) is agree, name
            assert ("the cover letter says 166" in said) is not agree, name


def test_every_link_of_the_index_leads_to_a_document_that_is_there(tmp_path: Path) -> None:
    everything(tmp_path)
    links = Outline(tmp_path / "index.html").links
    assert len(links) >= 11
    assert all((tmp_path / link).is_file() for link in links)


def test_an_entry_with_an_address_instead_of_a_path_gets_no_link(tmp_path: Path) -> None:
    paths = ("javascript:alert(1)", "https://evil.example", "//evil.example", "../outside.html", "../notebooks/../x.html", "")
    entries = tuple(reports.Entry("x", path, "y", workbook=path) for path in paths)
    reports.render_index(reports.Index(ABOUT, (), rows(), entries), tmp_path)
    assert Outline(tmp_path / "index.html").links == []


def test_the_executed_notebooks_beside_the_documents_are_linked(tmp_path: Path) -> None:
    entry = reports.Entry("1 · Intake", f"{reports.NOTEBOOKS}01_intake.html", "the phase as it ran", group="Notebooks")
    reports.render_index(reports.Index(ABOUT, (), rows(), (entry,)), tmp_path)
    assert Outline(tmp_path / "index.html").links == ["../notebooks/01_intake.html"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium on this machine")
def test_a_browser_that_opens_the_pages_runs_nothing_of_theirs(tmp_path: Path) -> None:
    everything(tmp_path, poison="<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">")
    browser = [
        str(shutil.which("chromium")),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    for name in ("reconciliation.html", "owners.html"):
        done = subprocess.run(
            [*browser, "--dump-dom", (tmp_path / name).as_uri()], capture_output=True, text=True, timeout=120, check=True
        )
        title = re.search(r"<title>(.*?)</title>", done.stdout)
        assert title is not None
        assert "pwned" not in title[1]
        assert "&lt;script&gt;" in done.stdout


# ---------------------------------------------------------------- reconciliation


def test_a_reconciliation_that_closes_says_so_and_one_that_does_not_says_where(tmp_path: Path) -> None:
    assert reconciliation().good
    open_ = reconciliation(wrong=2)
    assert not open_.good
    assert next(text for good, text in open_.statements if not good).endswith("2 unexplained differences")
    page = reports.render_reconciliation(open_, tmp_path)[0].read_text(encoding="utf-8")
    assert "Not everything is accounted for" in page
    assert "Unexplained differences" in page


def test_a_second_run_that_would_write_is_never_called_good() -> None:
    assert reports.SecondPass(10, 0, 0, 0).good
    assert not any(reports.SecondPass(10, *writes).good for writes in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))


def test_rows_that_were_not_loaded_stand_with_file_line_reason_and_advice(tmp_path: Path) -> None:
    page, book = reports.render_reconciliation(reconciliation(), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert reason("too_few_cells").words in text
    sheet = openpyxl.load_workbook(book)["Not loaded"]
    found = {row[1]: row for row in sheet.iter_rows(min_row=5, values_only=True) if row[1]}
    assert found["campaigns.xlsx#Campaigns"][2:4] == (7, reason("not_an_amount").words)
    assert found["leads.csv"][2] in (88, 90)


def test_the_workbook_holds_every_difference_and_numbers_as_numbers(tmp_path: Path) -> None:
    made = reconciliation(wrong=900)
    page, book = reports.render_reconciliation(made, tmp_path)
    sheets = openpyxl.load_workbook(book)
    assert sheets["Differences"].max_row == 4 + 901
    assert "700 more" in page.read_text(encoding="utf-8")
    rows_sheet = sheets["Rows"]
    assert [cell.value for cell in rows_sheet[5]][:3] == [LABELS["accounts"], 165, 48]
    assert sheets["Money"]["E5"].value == 118450
    assert sheets["Money"]["E5"].data_type == "n"


# ---------------------------------------------------------------- workbooks


def cells_of(path: Path) -> list[openpyxl.cell.cell.Cell]:
    return [cell for sheet in openpyxl.load_workbook(path).worksheets for row in sheet.iter_rows() for cell in row]


def test_no_workbook_holds_a_formula_a_link_or_anything_from_outside(tmp_path: Path) -> None:
    books = [path for path in everything(tmp_path, poison=FORMULA) if path.suffix == ".xlsx"]
    assert len(books) == 4
    for book in books:
        cells = cells_of(book)
        assert any(cell.value == FORMULA for cell in cells), book.name
        assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
        assert not [cell for cell in cells if cell.hyperlink]
        members = zipfile.ZipFile(book).namelist()
        assert not [
            name for name in members if "externalLink" in name or "vba" in name or (name.endswith(".rels") and "sheet" in name)
        ]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6))
def test_any_text_comes_back_from_a_workbook_as_the_text_it_was(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_workbook(tmp_path_factory.mktemp("w") / "w.xlsx", [Sheet("s", pd.DataFrame({"t": texts}))], title="t")
    sheet = openpyxl.load_workbook(path).worksheets[0]
    found = [sheet.cell(row=4 + n, column=1).value or "" for n in range(len(texts))]
    illegal = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
    newlines = re.compile("\r\n?")
    assert [newlines.sub("\n", text) for text in found] == [newlines.sub("\n", illegal.sub("\ufffd", text)) for text in texts]
    assert all(sheet.cell(row=4 + n, column=1).data_type in ("s", "n", "inlineStr") for n in range(len(texts)))


def test_a_sheet_freezes_its_header_filters_and_prints_on_one_page_wide(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "w.xlsx", [Sheet("Rows/all", pd.DataFrame({"a": [1], "zip": ["02134"]}), about="x")], title="t"
    )
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Rows all", "A5", "A4:B5")
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.orientation, sheet.print_title_rows) == (1, "landscape", "$4:$4")
    assert (sheet["A5"].value, sheet["B5"].value) == (1, "02134")


def test_sheets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    empty = pd.DataFrame({"a": []})
    path = write_workbook(tmp_path / "w.xlsx", [Sheet("A: b", empty), Sheet("a  b", empty), Sheet("", empty)], title="t")
    assert len(set(openpyxl.load_workbook(path).sheetnames)) == 3


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = everything(tmp_path / "a"), everything(tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert not list(tmp_path.rglob("*.part"))


# ---------------------------------------------------------------- the other documents


def test_the_gap_letter_is_plain_text_that_can_be_mailed(tmp_path: Path) -> None:
    everything(tmp_path, poison="\x1b[31mred\x1b[0m")
    letter = (tmp_path / "gap-letter.txt").read_text(encoding="utf-8")
    assert "\x1b" not in letter
    assert "1. reputation" in letter
    assert "please:    send reputation.csv" in letter
    assert "by Friday" in letter


def test_a_delivery_without_gaps_is_thanked_for(tmp_path: Path) -> None:
    none = pd.DataFrame(columns=["table", "expected", "found", "ask"])
    text, page = reports.render_gap_letter(reports.GapLetter(ABOUT, none), tmp_path)
    assert "It is complete" in text.read_text(encoding="utf-8")
    assert "missing" not in page.read_text(encoding="utf-8").split("<main>")[1]


def test_an_automation_without_a_trigger_says_that_somebody_has_to_be_asked(tmp_path: Path) -> None:
    items = pd.DataFrame({"name": ["Win-back"], "trigger": [None], "conditions": ["lapsed"]})
    text = reports.render_automations(reports.Automations(ABOUT, items), tmp_path)[0].read_text(encoding="utf-8")
    assert text.count("not in the export") == 2
    assert "New owner" in text


def test_inventory_counts_each_kind_and_says_what_to_do(tmp_path: Path) -> None:
    everything(tmp_path)
    text = (tmp_path / "not-portable.html").read_text(encoding="utf-8")
    assert "Call recordings" in text
    assert "Download the audio" in text
    overview = openpyxl.load_workbook(tmp_path / "not-portable.xlsx")["Overview"]
    assert [row[:2] for row in overview.iter_rows(min_row=5, values_only=True)] == [
        ("call recording", 1),
        ("landing page", 1),
        ("ad account", 1),
        ("automation", 1),
    ]


def test_an_unresolved_owner_is_the_first_thing_the_report_says(tmp_path: Path) -> None:
    owners = pd.DataFrame({"owner": ["jon"], "rows": [31], "value": [0.0], "user": [""]})
    text = reports.render_owners(reports.Owners(ABOUT, owners), tmp_path)[0].read_text(encoding="utf-8")
    assert "1 owner has no user" in text


def test_documents_of_an_empty_migration_are_written_all_the_same(tmp_path: Path) -> None:
    empty = reports.Quality(ABOUT, pd.DataFrame())
    assert all(path.is_file() for path in reports.render_quality(empty, tmp_path))
    assert reports.render_inventory(reports.Inventory(ABOUT, pd.DataFrame({"kind": []})), tmp_path)
    assert reports.render_fidelity(reports.Fidelity(ABOUT, pd.DataFrame()), tmp_path)


# ---------------------------------------------------------------- words


def test_every_reason_is_a_sentence_and_an_unknown_code_shows_itself() -> None:
    assert all(
        (known.words.endswith(".") and known.words[0].upper() == known.words[0]) or known.words.startswith("https")
        for known in REASONS.values()
    )
    assert all(not known.todo or known.todo.endswith(".") for known in REASONS.values())
    assert reason("something_new").words == "Something new."
    assert reason(None).words == ""
    assert reason("lower_cased;trimmed_space").words.count(".") == 2


@pytest.mark.parametrize("name", names("routes"))
def test_reasons_of_every_route_have_words(name: str) -> None:
    route = load_route(name)
    codes = {e.rule for f in route.feeds for e in f.exclude} | {m.reason for f in route.feeds for m in f.merge}
    codes |= {code for f in route.feeds for code in (f.otherwise, f.superseded, f.unmatched) if code}
    assert codes <= set(REASONS)


def test_reasons_are_put_beside_their_codes() -> None:
    frame = explained(pd.DataFrame({"reason": ["too_long", None, "x_y"]}))
    assert frame["words"].tolist() == [REASONS["too_long"].words, "", "X y."]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (12345, "12,345"), (2.0, "2"), (Decimal("1200.50"), "1,200.50"), (["a", "b"], "a; b")],
)
def test_values_read_as_a_person_writes_them(value: object, shown: str) -> None:
    assert plain_text(value) == shown


def test_the_templates_are_found() -> None:
    assert (templates_folder() / "documents" / "base.html.j2").is_file()


# ---------------------------------------------------------------- what a reader stumbles over


def test_blanks_that_nobody_sees_are_marked_where_they_are_the_finding(tmp_path: Path) -> None:
    findings = pd.DataFrame(
        [["outer_blanks", " Meagan  "], ["no_break_space", "Ana\u00a0Lopes"], ["formula_like", " =1+1"]],
        columns=["code", "sample"],
    )
    page, book = reports.render_quality(reports.Quality(ABOUT, findings), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "␣Meagan␣␣" in text and "Ana[U+00A0]Lopes" in text and " =1+1" in text
    assert "␣Meagan␣␣" in [row[1] for row in openpyxl.load_workbook(book)["Findings"].iter_rows(min_row=5, values_only=True)]


def test_rows_that_point_nowhere_are_counted_as_rows(tmp_path: Path) -> None:
    orphans = pd.DataFrame(
        [["leads", "Campaign", "campaigns.Name", 27, "x"], ["calls", "Lead ID", "leads.Lead ID", 3, "l-9"]],
        columns=["table", "column", "points_at", "rows", "values"],
    )
    page = reports.render_quality(reports.Quality(ABOUT, pd.DataFrame(), orphans=orphans), tmp_path)[0]
    assert re.search(r"<b>30</b><span>rows that point nowhere", page.read_text(encoding="utf-8"))


def test_a_letter_is_headed_complete_only_where_nothing_differs(tmp_path: Path) -> None:
    came = pd.DataFrame({"file": ["leads.csv"], "rows": [480], "first": [""], "last": [""], "note": [""]})
    for received, title in (
        (came, "The export is complete"),
        (came.assign(note="2 of them cannot be read"), "Every file has arrived"),
    ):
        reports.render_gap_letter(reports.GapLetter(ABOUT, pd.DataFrame(), received=received), tmp_path)
        assert f"<h1>{title}</h1>" in (tmp_path / "gap-letter.html").read_text("utf-8")
        complete = title == "The export is complete"
        assert ("It is complete" in (tmp_path / "gap-letter.txt").read_text("utf-8")) is complete


def test_a_page_calls_feeds_and_fields_as_people_do(tmp_path: Path) -> None:
    made = replace(
        reconciliation(),
        cells=reconciliation().cells.assign(field="mobile_number, phone"),
        fields={("contacts", "mobile_number"): "Mobile", ("contacts", "phone"): "Work phone"},
    )
    text = reports.render_reconciliation(made, tmp_path)[0].read_text(encoding="utf-8")
    assert "Mobile, Work phone" in text and "mobile_number" not in text
    assert f"<td>{LABELS['accounts']}</td>" in text and "<td>accounts</td>" not in text


def test_the_first_page_says_what_stands_there_now_and_what_came_later(tmp_path: Path) -> None:
    later = {"delta": rows().head(1)}
    index = reports.Index(ABOUT, (), rows(), (), labels=LABELS, standing={"Customer → Contact": 160, "Lead": 0}, later=later)
    text = reports.render_index(index, tmp_path)[0].read_text(encoding="utf-8")
    assert "160 records that this migration made, with everything that the later delivery brought." in text
    assert "The later delivery “delta”" in text
    assert "<b>0</b><span>Lead" not in text


def test_a_row_that_was_made_of_another_is_no_row_of_the_export() -> None:
    ids = ["notes.csv:3", "notes.csv:3!image1", "notes.csv:4", "odd!name.csv:5"]
    told = pd.DataFrame(
        [[row, "notes", "loaded", "", "", ""] for row in ids], columns=["row", "feed", "bucket", "reason", "record", "detail"]
    )
    assert replace(reconciliation(), verdicts=told).delivered == 3


def test_a_row_that_several_kinds_of_record_were_asked_for_is_told_once() -> None:
    ends = [
        ["a.csv:2", "calls", "loaded", None],
        ["a.csv:2", "tasks", "excluded", "other_kind"],
        ["a.csv:3", "calls", "rejected", "unreadable"],
        ["a.csv:3", "tasks", "rejected", "unreadable"],
        ["a.csv:4", "calls", "excluded", "other_kind"],
        ["a.csv:4", "tasks", "excluded", "other_kind"],
        ["a.csv:5", "calls", "excluded", "documented"],
        ["a.csv:5", "tasks", "held", "parent_missing"],
        ["route:catch_all", "calls", "loaded", None],
    ]
    verdicts = pd.DataFrame(ends, columns=["row", "feed", "bucket", "reason"]).assign(record="", detail="")
    counted = pd.DataFrame(
        [["calls", 5, 2, 0, 2, 1, 0, 0, True], ["tasks", 4, 0, 0, 2, 1, 1, 0, True]], columns=list(rows().columns)
    )
    made = replace(reconciliation(), rows=counted, verdicts=verdicts)
    assert made.told[["rows", "loaded", "excluded", "rejected", "held"]].to_numpy().tolist() == [
        [5, 2, 2, 1, 0],
        [1, 0, 0, 0, 1],
    ]
    assert (made.fates.rows, made.fates.moved, made.fates.left, made.fates.open) == (4, 1, 1, 2)
    assert made.delivered == 4


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(2, 6),
            st.sampled_from(["calls", "tasks", "notes"]),
            st.sampled_from(["loaded", "merged", "excluded", "rejected", "held", "failed"]),
            st.sampled_from(["documented", "other_kind", "unreadable"]),
        ),
        unique_by=lambda each: each[:2],
    )
)
def test_whatever_the_ends_no_row_is_lost_by_telling_it_once(ends: list[tuple[int, str, str, str]]) -> None:
    told = pd.DataFrame(ends, columns=["line", "feed", "bucket", "reason"])
    verdicts = told.assign(row="a.csv:" + told["line"].astype("str"))
    kept = verdicts[~repeated(verdicts)] if len(verdicts) else verdicts
    assert set(kept["row"]) == set(verdicts["row"])
    loud = verdicts[verdicts["bucket"].isin(["loaded", "merged", "held", "failed"])]
    assert set(loud.index) <= set(kept.index)


def test_what_needs_attention_is_told_by_kind_with_the_places_of_the_first_rows(tmp_path: Path) -> None:
    page = reports.render_reconciliation(reconciliation(), tmp_path)[0].read_text("utf-8")
    attention = page.partition("What needs your attention")[2].partition("<details")[0]
    assert "leads.csv, line 88" in attention and "Somebody made this row" not in attention
    assert page.count('<details class="book">') >= 3


def test_a_picture_in_a_row_is_found_by_the_line_of_that_row() -> None:
    placed = reports.located(pd.DataFrame({"row": ["notes.csv:3!image1", "campaigns.xlsx#Campaigns:7", "route:catch_all"]}))
    assert placed["file"].tolist() == ["notes.csv", "campaigns.xlsx#Campaigns", "route"]
    assert placed["line"].astype("object").tolist()[:2] == [3, 7] and pd.isna(placed["line"].iloc[2])


def test_wrapped_text_of_a_workbook_gets_the_room_that_it_needs(tmp_path: Path) -> None:
    made = reports.render_reconciliation(reconciliation(), tmp_path)[1]
    sheet = openpyxl.load_workbook(made)["Summary"]
    tall = {row[1].value: sheet.row_dimensions[row[1].row].height for row in sheet.iter_rows(min_row=5) if row[1].value}
    assert all((height or 0) >= 30 for text, height in tall.items() if len(text) > 60)
    assert any(len(text) > 60 for text in tall)
    assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Calibri"}


def test_entries_of_which_the_same_is_said_share_a_line_and_others_keep_their_own(tmp_path: Path) -> None:
    rules = "rules for the staged records, each checked"
    entries = (
        reports.Entry("Contact", "validation/contacts.html", rules, "Evidence"),
        reports.Entry("Deal", "validation/deals.html", rules, "Evidence"),
        reports.Entry("Decisions", "decisions.xlsx", "the decisions as they stand", "Evidence"),
        reports.Entry("Rules", "rules.html", rules),
    )
    page = reports.render_index(reports.Index(ABOUT, (), rows(), entries), tmp_path)[0].read_text(encoding="utf-8")
    assert page.count("Rules for the staged records, each checked") == 1
    assert page.count(rules) == 1, "an entry of another group keeps its own line"
    assert sorted(Outline(tmp_path / "index.html").links) == sorted(entry.path for entry in entries)


@pytest.mark.parametrize(("second", "times"), [("Kim Larsen", 1), ("Dana Ortiz", 2)])
def test_who_decided_on_the_scope_is_said_once_where_it_was_one_person_on_one_day(
    tmp_path: Path, second: str, times: int
) -> None:
    answers = (
        reports.Answer("Files over 25 MB?", "manual", by="Kim Larsen", at="2026-11-23"),
        reports.Answer("Private notes?", "leave out", by=second, at="2026-11-23"),
        reports.Answer("Sessions?", "load"),
    )
    page = reports.render_scope(reports.Scope(ABOUT, "Clients become persons.", answers, ()), tmp_path)[0]
    text = page.read_text(encoding="utf-8")
    assert text.count("Decided by ") == times
    assert text.count("The usual answer") == 1
    assert text.count('class="blank">Signature') == 2


def test_duplicates_name_the_list_the_row_and_its_line_and_no_code(tmp_path: Path) -> None:
    duplicates = pd.DataFrame(
        [
            [
                "companies/CL-1/b@clients.csv:25",
                "Maple (companies/CL-1/b) ~ Maple GmbH (organisations/OR-5)",
                "95%",
                "merged into OR-5",
            ],
            ["elsewhere", "the (companies/law) office", "60%", "kept separate"],
        ],
        columns=["subject", "shown", "confidence", "decided"],
    ).assign(reasons="the same name")
    labels = {"companies": "Company of a client → Organization", "organisations": "Organisation → Organization"}
    quality = reports.Quality(ABOUT, pd.DataFrame(columns=["code"]), duplicates=duplicates, labels=labels)
    page, book = reports.render_quality(quality, tmp_path)
    text = html.unescape(page.read_text(encoding="utf-8"))
    sheet = openpyxl.load_workbook(book)["Duplicates"]
    cells = [str(cell) for row in sheet.iter_rows(values_only=True) for cell in row]
    for words in (
        "Company of a client → Organization",
        "CL-1/b",
        "clients.csv, line 25",
        "the (companies/law) office",
        "elsewhere",
    ):
        assert words in text
        assert any(words in cell for cell in cells)
    assert "Maple (CL-1/b) ~ Maple GmbH (OR-5)" in text
    assert "merged into OR-5" in text
    assert text.count("companies/") == 1 and "organisations/" not in text
