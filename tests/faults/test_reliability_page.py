"""The page about reliability: each promise and each fault is on it, with tests that pytest really collects."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
ROW = re.compile(r"^\| ([IF]\d+) \|(.*)\|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
PROMISES = [f"I{number}" for number in range(1, 22)]
FAULTS = [f"F{number}" for number in range(1, 26)]


def rows() -> dict[str, list[tuple[str, str]]]:
    """Promise or fault → file and name of its tests."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) == len({name for name, _ in found})
    return {name: NAMED.findall(rest) for name, rest in found}


@cache
def collected() -> frozenset[tuple[str, str]]:
    """File below tests/ and name of every test that pytest finds in the files that the page names."""
    files = sorted({f"tests/{file}" for tests in rows().values() for file, _ in tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert told.returncode == 0, told.stdout[-2000:]
    return frozenset(re.findall(r"^tests/([\w/]+\.py)::(test_\w+)", told.stdout, re.MULTILINE))


@pytest.mark.parametrize("name", [*PROMISES, *FAULTS])
def test_each_promise_and_each_fault_has_tests_that_are_there(name: str) -> None:
    tests = rows().get(name)
    assert tests, f"{name} has no test on the page"
    assert set(tests) <= collected()


def test_the_page_names_no_other_promise_or_fault() -> None:
    assert set(rows()) == {*PROMISES, *FAULTS}


def test_a_fault_that_is_tried_in_this_folder_has_one_of_these_tests_on_the_page() -> None:
    named = {each for tests in rows().values() for each in tests}
    tried: dict[str, set[tuple[str, str]]] = {}
    for file, name in collected():
        if file.startswith("faults/") and re.match(r"test_f\d\d_", name):
            tried.setdefault(f"F{int(name[6:8])}", set()).add((file, name))
    assert tried
    assert not [fault for fault, tests in tried.items() if not tests & named]


def test_the_page_stays_short() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 200
