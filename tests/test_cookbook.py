"""Every recipe of the cookbook runs alone, says what stands below it, and says it again when it is run again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COOKBOOK = ROOT / "docs" / "cookbook.md"
BLOCK = re.compile(r"```(\w*)\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    title: str
    prose: str
    code: str
    printed: str


def _recipes() -> list[Recipe]:
    """Title, prose, code and promised output of each section."""
    found = []
    for section in COOKBOOK.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        blocks = BLOCK.findall(body)
        assert [kind for kind, _ in blocks] == ["python", "text"], f"{title}: one block of Python, and what it prints"
        found.append(Recipe(title, BLOCK.sub("", body), blocks[0][1], blocks[1][1]))
    return found


def _run(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> str:
    exec(compile(recipe.code, f"cookbook: {recipe.title}", "exec"), {"__name__": "cookbook"})
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    return f"{printed}\n"


@pytest.mark.parametrize("recipe", _recipes(), ids=lambda recipe: recipe.title)
def test_a_recipe_prints_what_stands_below_it_and_again(
    recipe: Recipe, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("WORKBENCH_ENGAGEMENT", raising=False)
    monkeypatch.delenv("WORKBENCH_KEY", raising=False)
    assert _run(recipe, capsys) == recipe.printed
    assert _run(recipe, capsys) == recipe.printed


def test_the_cookbook_has_a_recipe_for_each_helper_that_works_alone() -> None:
    import workbench

    told = "\n".join(recipe.code for recipe in _recipes())
    elsewhere = {"errors", "match_companies", "open_engagement", "stages", "widgets"}  # of an engagement, or as match_records
    assert {name for name in workbench.__all__ if f"wb.{name}" not in told} == elsewhere


def test_no_recipe_writes_into_the_repository_or_leaves_loopback() -> None:
    for recipe in _recipes():
        assert "https://" not in recipe.code, recipe.title
        assert ("write_text" not in recipe.code) or ("TemporaryDirectory" in recipe.code), recipe.title
