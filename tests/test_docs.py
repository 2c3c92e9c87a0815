"""What the pages promise: commands, options, files, tests, layers and words are as the pages say."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import typer

import workbench as wb
from tests.test_architecture import LAYERS
from workbench.cli import app
from workbench.decisions.decision import ACCEPTABLE, KINDS
from workbench.engagement.phases import PHASES
from workbench.frames.closure import BUCKETS
from workbench.frames.transform import Staged

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = sorted(
    [
        README,
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "sample_exports" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
FENCED = re.compile(r"```(\w*)\n(.*?)```\n", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FOLDERS = ("workbench/", "tests/", "docs/", "templates/", "sample_exports/", "notebooks/")
FIRST_SCREEN = 60

page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    return FENCED.sub("", _text(page))


def _shell(page: Path) -> list[str]:
    """The commands of a page's blocks, continued lines joined and `&&` taken apart."""
    blocks = [body.replace("\\\n", " ") for kind, body in FENCED.findall(_text(page)) if kind != "python"]
    lines = [part.strip() for body in blocks for line in body.splitlines() for part in line.split(" # ")[0].split("&&")]
    return [line for line in lines if line.startswith(("workbench ", "make "))]


@cache
def _program() -> typer.core.TyperGroup:
    """The commands, made once of what is written about them."""
    return typer.main.get_group(app)


def _command(name: str) -> typer.core.TyperCommand:
    commands = _program().commands
    assert name in commands, f"there is no command {name!r}; there are {', '.join(commands)}"
    found = commands[name]
    assert isinstance(found, typer.core.TyperCommand)
    return found


def _options(name: str) -> set[str]:
    return {"--help", *(option for parameter in _command(name).params for option in parameter.opts)}


# ---------------------------------------------------------------- commands


def test_the_readme_shows_each_command_that_an_engagement_needs() -> None:
    shown = {line.split()[1] for line in _shell(README) if line.startswith("workbench ")}
    engaged = {"new", "open", "receive", "decide", "probe", "run", "forecast", "second-pass", "status", "package", "verify"}
    assert shown == engaged | {"rehearse", "rollback"}


@page_by_page
def test_every_command_line_of_a_page_is_one_that_the_program_understands(page: Path) -> None:
    for line in _shell(page):
        program, name, *arguments = shlex.split(line)
        if program == "workbench":
            with _command(name).make_context(name, arguments) as context:
                assert context.params, line


@page_by_page
def test_every_command_and_option_named_in_prose_exists(page: Path) -> None:
    for said in CODE.findall(_prose(page)):
        words = said.split()
        if words[0] == "workbench" and len(words) > 1:
            unknown = {word for word in words[2:] if word.startswith("--")} - _options(words[1])
            assert not unknown, said
        elif words[0].startswith("--"):
            assert any(words[0] in _options(name) for name in _program().commands), said


@page_by_page
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text(ROOT / "Makefile"), re.MULTILINE))
    named = [said.split()[1] for said in [*CODE.findall(_prose(page)), *_shell(page)] if re.match(r"make [a-z-]+", said)]
    assert set(named) <= targets


def test_the_first_screen_of_the_readme_says_what_it_is_for_and_how_to_begin() -> None:
    lines = _text(README).splitlines()
    assert "## By hand" in lines[:FIRST_SCREEN]
    assert lines.index("## What you get") <= FIRST_SCREEN
    assert [f"make {name}" in "\n".join(lines[:FIRST_SCREEN]) for name in ("demo", "test", "venv")] == [True] * 3


# ---------------------------------------------------------------- files and tests


@page_by_page
def test_every_link_of_a_page_leads_to_a_file_that_is_there(page: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(_prose(page)) if "://" not in target]
    assert not [target for target in targets if target and not (page.parent / target).exists()]


@page_by_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = {said for said in CODE.findall(_prose(page)) if said.startswith(FOLDERS) and not set(said) & set(" <>*…{")}
    named |= {
        word for line in _shell(page) for word in line.split() if word.startswith(FOLDERS) and line.startswith("workbench")
    }
    assert not [path for path in named if not (ROOT / path).exists()]


@page_by_page
def test_every_test_that_a_page_names_exists_where_it_says(page: Path) -> None:
    found = {
        path: set(re.findall(r"^def (test_\w+)", _text(path), re.MULTILINE)) for path in (ROOT / "tests").rglob("test_*.py")
    }
    everywhere = set().union(*found.values())
    waiting: list[str] = []
    for said in CODE.findall(_prose(page)):
        if re.fullmatch(r"test_\w+", said):
            assert said in everywhere
            waiting.append(said)
        elif re.fullmatch(r"tests/test_\w+\.py", said):
            assert set(waiting) <= found[ROOT / said], said
            waiting = []


@page_by_page
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not [mark for mark in ("/wo" + "rk/", "/ho" + "me/", "/tm" + "p/", "TO" + "DO") if mark in _text(page)]


# ---------------------------------------------------------------- architecture


def test_the_page_lists_the_layers_as_they_are_enforced() -> None:
    section = _text(ARCHITECTURE).partition("## Layers")[2].partition("\n## ")[0]
    told = [line.partition(". ")[2] for line in section.splitlines() if re.match(r"\d+\. ", line)]
    assert told == [" · ".join(_unit(*unit) for unit in layer.items()) for layer in reversed(LAYERS)]


def _unit(name: str, modules: tuple[str, ...]) -> str:
    """A unit, and its modules where they bear other names than its own."""
    others = [module for module in modules if module not in ("", name, f"{name}.*")]
    return f"`{name}`: {' '.join(f'`{module}`' for module in modules)}" if others else f"`{name}`"


def test_the_tree_shows_every_module_and_every_folder() -> None:
    tree = FENCED.findall(_text(ARCHITECTURE))[0][1]
    package = ROOT / "workbench"
    there = {path.name for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    shown = set(re.findall(r"[\w.]+", tree))
    assert there - {"__init__.py"} <= shown
    assert {path.stem for path in (package / "stages").glob("*.py")} - {"__init__"} <= shown


def test_the_page_names_every_kind_of_decision() -> None:
    text = " ".join(_text(ARCHITECTURE).split())
    assert f"Kinds: `{' '.join(KINDS)}`" in text
    assert f"those that a confidence may settle are {', '.join(ACCEPTABLE[:-1])} and {ACCEPTABLE[-1]}" in text


def test_decision_records_are_numbered_short_and_say_why() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    for record in RECORDS:
        text = _text(record)
        assert text.startswith(f"# {int(record.name[:4])} · "), record.name
        assert len(text.splitlines()) <= 45, record.name
        for part in ("**Decided.**", "**Why.**", "**Where.**", "Shown by"):
            assert part in text, f"{record.name}: {part}"


# ---------------------------------------------------------------- words


def test_the_glossary_gives_each_word_one_meaning() -> None:
    words = [w.strip() for row in _rows(GLOSSARY) for w in row[0].split(",")]
    assert len(words) == len(set(words))
    assert all(len(row) == 2 and row[1] for row in _rows(GLOSSARY))


def test_the_glossary_names_the_nine_phases_in_order() -> None:
    (phase,) = [row[1] for row in _rows(GLOSSARY) if row[0] == "phase"]
    assert ", ".join(PHASES) in phase


def test_the_glossary_explains_each_bucket_of_the_accounting() -> None:
    assert set(BUCKETS) <= {row[0] for row in _rows(GLOSSARY)}


def _rows(page: Path) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in _text(page).splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] != "word"]


# ---------------------------------------------------------------- promises of the README that no other file shows


def _transformed(table: pd.DataFrame, feed: str, *, owners: dict[str, str], parents: dict[str, Staged] | None = None) -> Staged:
    route = wb.specs.load_route("promio_to_freshsales")
    source, destination = wb.specs.load_source(route.source), wb.specs.load_destination(route.destination)
    plan = wb.plan_feed(route, source, destination, route.feed(feed), answers={}, values={}, owners=owners, merges={})
    return wb.transform(table, plan, parents=parents)


def _read(file: str, *, sheet: str | None = None) -> pd.DataFrame:
    table = wb.read_export(ROOT / "sample_exports" / "promio" / "main" / file, sheet=sheet).frame
    table.insert(0, "_row", [f"{file}:{line}" for line in table.index])
    return table


def test_a_row_without_an_owner_or_without_its_parent_is_held_and_never_loaded() -> None:
    customers, campaigns = _read("customers.csv"), _read("campaigns.xlsx", sheet="Campaigns")
    known = "sam.whitfield@brightroof.example"
    nobody = _transformed(customers, "accounts", owners={})
    assert nobody.records.empty
    assert set(nobody.verdicts["bucket"]) == {"excluded", "held"}

    one = _transformed(customers, "accounts", owners={known: known})
    assert len(one.records)
    assert set(one.records["owner"]) == {known}
    held = one.verdicts[one.verdicts["reason"] == "owner_unresolved"].set_index("row")
    assert not customers.set_index("_row").loc[held.index, "Owner"].eq(known).any()

    owners = dict.fromkeys([*customers["Owner"].dropna(), *campaigns["Owner"].dropna(), "(blank)"], known)
    accounts = _transformed(customers.head(30), "accounts", owners=owners)
    contacts = _transformed(customers.head(30), "contacts", owners=owners, parents={"accounts": accounts})
    parents = {"accounts": accounts, "contacts": contacts}
    deals = _transformed(campaigns, "deals", owners=owners, parents=parents)
    assert set(deals.records["contacts"]) <= set(contacts.records["key"])
    orphans = deals.verdicts["reason"] == "parent_missing"
    assert orphans.any()
    assert set(deals.verdicts.loc[orphans, "bucket"]) == {"held"}


def test_only_a_field_that_both_sides_changed_is_a_conflict() -> None:
    values = ["same", "changed"]
    cases = [(base, theirs, ours) for base in values[:1] for theirs in [*values, "otherwise"] for ours in [*values, "elsewise"]]
    keys = [f"{theirs}/{ours}" for _, theirs, ours in cases]
    sides = [pd.DataFrame({"key": keys, "city": [case[side] for case in cases]}) for side in range(3)]
    merged = wb.merge(*sides)
    verdicts = merged.frame.set_index("key")["verdict"].to_dict()
    assert verdicts == {
        "same/changed": "keep",
        "same/elsewise": "keep",
        "changed/same": "take",
        "otherwise/same": "take",
        "changed/changed": "same",
        "changed/elsewise": "conflict",
        "otherwise/changed": "conflict",
        "otherwise/elsewise": "conflict",
    }
    assert list(merged.conflicts["key"]) == ["changed/elsewise", "otherwise/changed", "otherwise/elsewise"]
