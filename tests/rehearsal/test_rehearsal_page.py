"""What docs/rehearsal.md says of faults, switches, plans, tenants and clients is so, and its Python runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from workbench.rehearsal import TENANTS, switches
from workbench.rehearsal.engine.faults import FAULTS, GRAMMAR, wish
from workbench.rehearsal.freshsales.tenant import HOURLY
from workbench.rehearsal.pipedrive.limits import BY_GRANT, BY_KEY, DAILY, SEARCHES, TOKENS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`")
VENDORS = ("freshsales", "pipedrive")


def _section(title: str) -> str:
    return TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def _rows(title: str) -> list[list[str]]:
    lines = [line for line in _section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def _switches(vendor: str) -> set[str]:
    return set(switches(vendor)["name"])


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {"__name__": "page"}
    exec(compile(code, "docs/rehearsal.md", "exec"), names)
    names["http"].close()  # type: ignore[attr-defined]  # a reader's process ends here


def test_the_page_is_two_pages() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 150


def test_every_kind_of_fault_stands_in_its_row_of_the_table() -> None:
    told: dict[str, str] = {}
    for rows, kinds in _rows("Faults"):
        named = CODE.findall(kinds)
        if "500_before" in named:
            named += [f"{status}_{side}" for status in re.findall(r"50[234]", kinds) for side in ("before", "after")]
        told |= dict.fromkeys((kind for kind in named if kind in FAULTS), rows)
    assert set(told) == set(FAULTS)
    for kind, rows in told.items():
        assert set(FAULTS[kind].rows) <= set(re.findall(r"F\d+", rows)), kind


def test_the_grammar_and_the_examples_of_faults_are_the_programs_own() -> None:
    assert f"`--fault {GRAMMAR}`" in _section("Faults")
    examples = CODE.findall(_section("Faults").partition("For instance")[2])
    assert len(examples) == 4
    assert [wish(spec).kind for spec in examples] == ["429", "late", "500_after", "job_rows"]


def test_every_switch_of_the_page_is_one() -> None:
    for _, *cells in _rows("What is not known"):
        for vendor, cell in zip(VENDORS, cells, strict=True):
            assert set(CODE.findall(cell)) <= _switches(vendor)
            assert CODE.findall(cell)
    elsewhere = set(re.findall(r"`(?:--switch )?(v1_removed|limits)=\w+`", TEXT))
    assert elsewhere == {"v1_removed", "limits"}
    assert elsewhere | {"skew_seconds", "blocked_seconds", "field_type_numbers"} <= set.union(*map(_switches, VENDORS))
    lagging = {"index_lag_seconds", "list_lag_seconds", "oauth_seconds", "oauth_rotation"}
    assert lagging <= _switches("pipedrive") & set(CODE.findall(_section("Faults")))


def test_the_limits_of_each_plan_are_as_told() -> None:
    section = " ".join(_section("Limits and time").split())
    for number, plans in re.findall(r"([\d,]+) \(([a-z, ]+)\)", section.partition("**Pipedrive**")[0]):
        assert {HOURLY[plan] for plan in plans.split(", ")} == {int(number.replace(",", ""))}
    assert sum(plan in section for plan in HOURLY) == len(HOURLY)
    assert "400 a minute" in section
    assert "400" in set(switches("freshsales").query("name == 'minute_cap'")["default"])
    assert f"{TOKENS:,} a seat × " + ", ".join(f"{times} ({plan})" for plan, times in DAILY.items()) in section
    assert f"two seconds: {', '.join(map(str, BY_KEY.values()))}, by OAuth four times as many; ten searches" in section
    assert ([4 * most for most in BY_KEY.values()], SEARCHES) == (list(BY_GRANT.values()), 10)


def test_the_parts_of_a_recipe_that_the_page_names_are_those_of_the_tenants() -> None:
    section = _section("Shaping a tenant")
    both, freshsales, pipedrive = (
        set(re.findall(r"`\[+(\w+)\]+`", line)) for line in section.partition("By hand")[2].split("\n- ")[1:]
    )
    optional = {"fields", "switches", "modules", "labels", "oauth"}
    for vendor, own in (("freshsales", freshsales), ("pipedrive", pipedrive)):
        for file in TENANTS.glob(f"{vendor}_*.toml"):
            assert set(tomllib.loads(file.read_text(encoding="utf-8"))) == (both | own) - optional, file.name


def test_the_clients_of_the_page_are_those_of_the_locks() -> None:
    section = " ".join(_section("What is faithful").split())
    for client, name, version in (
        ("freshworks/requirements.in", "python-freshworks-crm", "1.1.2"),
        ("airbyte/bare.in", "source-freshsales", "1.0.14"),
        ("airbyte/requirements.in", "CDK", "7.39"),
        ("tap/requirements.in", "tap-pipedrive", "2.1.0"),
        ("pipedrive/package.json", "npm pipedrive", "33.7.0"),
    ):
        assert version in (ROOT / "tests" / "clients" / client).read_text(encoding="utf-8")
        assert f"{name} {version}" in section
