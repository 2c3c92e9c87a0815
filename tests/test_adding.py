"""The two pages about adding are followed to the letter: their blocks are the files, and nothing else is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from workbench.additions import VARIABLE
from workbench.errors import SpecError
from workbench.specs import load_route, load_source, names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "workbench"
SOURCE, DESTINATION = (ROOT / "docs" / f"adding-a-{name}.md" for name in ("source", "destination"))
BLOCK = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPORTS, DECISIONS = "exports/", "decisions.jsonl"


@cache
def blocks(page: Path) -> dict[str, str]:
    """File → what stands in it, as a page has it."""
    return dict(BLOCK.findall(page.read_text(encoding="utf-8")))


def is_added(name: str) -> bool:
    """Whether a file belongs to the additions, and not to the engagement in which they are tried."""
    return not name.startswith((EXPORTS, DECISIONS))


def write(folder: Path, *pages: Path) -> Path:
    """The folder that a reader of these pages has made; the exports lie beside it."""
    for page in pages:
        for name, text in blocks(page).items():
            target = folder / name if is_added(name) else folder.parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return folder


def asked(additions: Path | None, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, which looks for what was added when it is started."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    told = {VARIABLE: str(additions)} if additions else {}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**env, **told},
        check=False,
    )


def walked(additions: Path, *arguments: str) -> Any:
    """What a walk over the files of a folder came to."""
    done = asked(additions, "-m", "tests.adding_walk", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def loaded(pages: tuple[Path, ...], route: str, vendor: str, folder: Path) -> dict[str, Any]:
    """A whole engagement over the exports of the page."""
    additions = write(folder / "additions", *pages)
    found: dict[str, Any] = walked(additions, "load", route, vendor, str(folder / EXPORTS), str(folder))
    return found


def holds(end: dict[str, Any]) -> None:
    """What a finished engagement promises, whatever the source and the destination."""
    assert end["valid"]
    assert end["passed"]
    assert all(row["closes"] for row in end["accounts"])
    assert not [row for row in end["unlike"] if row["class"] == "wrong"]
    assert end["certificate"] == "ledger ↔ destination one to one: 5 of 5, 0 twins, 0 missing"
    assert end["written again"] == []
    assert end["done"]
    assert end["after"] == end["before"]


def field(end: dict[str, Any], kind: str, name: str) -> set[str]:
    """All values of a field over there."""
    return {str(body.get(name)) for body in end["records"][kind].values()}


# ---------------------------------------------------------------- the source


def test_the_page_of_the_source_leads_from_files_to_a_loaded_account_and_back(tmp_path: Path) -> None:
    end = loaded((SOURCE,), "cardbox_to_freshsales", "freshsales", tmp_path)
    holds(end)
    assert end["ends"]["people"]["people.csv:5"] == ["excluded", "tried_out"]
    assert field(end, "sales_accounts", "zipcode") == {"04020", "4600"}
    assert field(end, "contacts", "mobile_number") == {"+43732123456", "+43724222222", "+436641234567"}
    assert {"Huber", "Brook", "Lang"} <= field(end, "contacts", "last_name")
    assert end["days"] == ["2019-04-03", "2024-11-17"]  # 17.11.2024 is no day of an American calendar
    assert end["aside"] == {"people.csv:4": ["not_a_date", "not_an_email"]}


def test_the_adapter_of_the_page_reads_the_same_lists_through_an_api_and_puts_spoilt_rows_aside(tmp_path: Path) -> None:
    additions = write(tmp_path / "additions", SOURCE)
    given = ("cardbox", "cardbox_to_freshsales", str(tmp_path), "", "corrupt_share=0.5,most_rows=1")
    whole, spoilt = walked(additions, "extract", *given)
    told = [(row["object"], row["distinct"], row["quarantined"]) for row in whole["told"]]
    assert told == [("companies", 2, 0), ("people", 3, 0)]
    assert whole["rows"] == {"companies": ["K-1", "K-2"], "people": ["P-1", "P-2", "P-4"]}
    assert all(row["closes"] for row in spoilt["told"])
    quarantined = sum(row["quarantined"] for row in spoilt["told"])
    assert quarantined > 0
    assert sum(row["distinct"] for row in spoilt["told"]) + quarantined == 5
    assert sum(map(len, spoilt["rows"].values())) == 5 - quarantined


# ---------------------------------------------------------------- the destination


def test_the_page_of_the_destination_leads_from_files_to_a_loaded_account_and_back(tmp_path: Path) -> None:
    end = loaded((SOURCE, DESTINATION), "cardbox_to_pocket", "pocket", tmp_path)
    holds(end)
    assert field(end, "companies", "name") == {"Brook & Söhne", "Huber Dach GmbH"}
    assert field(end, "people", "phone") == {"+43732123456", "+43724222222", "+436641234567"}
    by_name = {body["name"]: body for body in end["records"]["people"].values()}
    home = end["records"]["companies"][str(by_name["Anna Brook"]["company_id"])]
    assert home["name"] == "Brook & Söhne"
    assert home["postcode"] == "04020"
    assert "Customer" in by_name["Anna Brook"]["custom"].values()


def test_what_every_destination_owes_is_owed_by_one_of_ones_own_too(tmp_path: Path) -> None:
    """The command of the page; each of the shared tests has to be among those that ran."""
    shared = (ROOT / "tests" / "test_destination_contract.py").read_text("utf-8")
    command = re.search(r"^pytest (.+)$", DESTINATION.read_text("utf-8"), re.MULTILINE)
    assert command is not None
    additions = write(tmp_path / "additions", SOURCE, DESTINATION)
    done = asked(additions, "-m", "pytest", "-q", "-p", "no:cacheprovider", *command[1].split())
    assert done.returncode == 0, done.stdout
    assert f"{len(re.findall(r'^def test_', shared, re.MULTILINE))} passed" in done.stdout


# ---------------------------------------------------------------- where the files may stand


def test_what_the_pages_add_keeps_the_rules_of_the_house_inside_the_package_and_replaces_nothing(tmp_path: Path) -> None:
    """As whoever has a checkout adds them: beside ours, and the architecture is asked of the whole."""
    package = tmp_path / "workbench"
    shutil.copytree(PACKAGE, package)  # with what Python has made of it, which takes seconds to make again
    for page in (SOURCE, DESTINATION):
        for name, text in blocks(page).items():
            if is_added(name):
                target = package / name
                assert not target.exists(), f"{name} is there already"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
    rules = shutil.copyfile(ROOT / "tests" / "test_architecture.py", tmp_path / "test_architecture.py")
    done = asked(None, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), str(rules), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    known = asked(None, "-c", NAMED, cwd=tmp_path)
    assert known.stdout.split() == ["True", str(package)], known.stderr


NAMED = """
import workbench
from workbench.specs import names
there = [("sources", "cardbox"), ("destinations", "pocket"), ("routes", "cardbox_to_pocket")]
print(all(name in names(kind) for kind, name in there), workbench.__path__[0])
"""


@pytest.mark.parametrize("page", [SOURCE, DESTINATION], ids=["source", "destination"])
def test_the_code_of_a_page_is_written_as_ours_is(page: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "additions", page)
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    ours = ("--config", 'lint.isort.known-first-party=["workbench"]')
    for command in (("check", *settings, *ours), ("format", "--check", *settings)):
        done = asked(None, "-m", "ruff", *command, str(folder))
        assert done.returncode == 0, done.stdout


def test_the_pages_name_every_file_once_and_all_of_it_is_used() -> None:
    both = [*blocks(SOURCE), *blocks(DESTINATION)]
    assert len(both) == len(set(both))
    fenced = [
        len(re.findall(r"^```(?:toml|python|csv|json)$", page.read_text("utf-8"), re.MULTILINE))
        for page in (SOURCE, DESTINATION)
    ]
    assert fenced == [len(blocks(SOURCE)), len(blocks(DESTINATION))]


# ---------------------------------------------------------------- what may be wrong with a folder


def test_a_folder_that_is_not_there_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for said in (str(tmp_path / "nothing"), "additions"):
        monkeypatch.setenv(VARIABLE, said)
        with pytest.raises(SpecError, match=re.escape(VARIABLE)) as told:
            names("routes")
        assert told.value.found == said


def test_a_name_that_stands_in_two_places_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "routes" / "promio_to_freshsales.toml"
    target.parent.mkdir()
    shutil.copyfile(PACKAGE / "routes" / target.name, target)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(SpecError, match="promio_to_freshsales") as told:
        load_route("promio_to_freshsales")
    assert str(tmp_path) in told.value.found
    assert load_source("promio").name == "promio"


def test_a_name_that_stands_nowhere_is_told_with_the_place_in_which_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write(tmp_path / "additions", SOURCE)
    monkeypatch.setenv(VARIABLE, f"{tmp_path}{os.pathsep}{own}")
    with pytest.raises(SpecError, match="no_such_route") as told:
        load_route("no_such_route")
    assert "cardbox_to_freshsales" in told.value.expected
    assert VARIABLE in told.value.todo
    assert load_source("cardbox").label == "Cardbox"
