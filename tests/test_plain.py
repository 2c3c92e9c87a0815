"""Whatever is shown as HTML says the same in plain text, for those who see no HTML."""

from __future__ import annotations

import ast
import html
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench
from workbench.plain import Shown, plain
from workbench.show import bars, heading, html_table, together

ROOT = Path(workbench.__file__).parent
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)


def test_a_table_is_told_in_columns_with_numbers_to_the_right() -> None:
    frame = pd.DataFrame({"what": ["calls", "a & b"], "rows": [7, 12000]})
    assert plain(together(heading("all is well", good=True), html_table(frame, caption="Rows"))).splitlines() == [
        "✓ all is well",
        "Rows",
        "  what     rows",
        "  calls       7",
        "  a & b  12,000",
    ]


def test_what_is_folded_is_told_to_be_there_and_what_is_drawn_is_left_out() -> None:
    long = html_table(pd.DataFrame({"n": range(40)}))
    assert plain(long).splitlines()[-1] == "30 more rows"
    drawn = bars(pd.DataFrame({"what": ["calls"], "loaded": [3], "held": [1]}), label="what", parts=["loaded", "held"])
    assert plain(drawn).split() == ["what", "of", "all", "rows", "rows", "loaded", "held", "calls", "4", "3", "1"]


def test_a_long_text_is_told_by_its_beginning() -> None:
    told = plain(html_table(pd.DataFrame({"why": ["word " * 100]})))
    assert told.splitlines()[1].strip().startswith("word word") and told.endswith("…")
    assert len(told.splitlines()[1]) < 110


@settings(max_examples=60)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12), min_size=1, max_size=6
    )
)
def test_every_word_of_a_cell_is_told_as_it_is(cells: list[str]) -> None:
    told = plain(html_table(pd.DataFrame({"cell": pd.Series(cells, dtype="str")})))
    lines = [line.strip() for line in told.splitlines()[1:]]
    assert lines == [cell.strip() for cell in cells]


def test_nothing_of_it_is_markup() -> None:
    hostile = "<script>alert(1)</script>"
    assert plain(html_table(pd.DataFrame({"x": [hostile]}))).splitlines()[1].strip() == hostile
    assert plain(f"<p>{html.escape(hostile)}</p>") == hostile


def _shows(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(getattr(each, "name", "") == "_repr_html_" for each in node.body)


def _shown() -> list[tuple[str, str, ast.AST]]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text if "_repr_html_" in text else "")  # each process that collects tests comes by here
        found += [
            (path.relative_to(ROOT).as_posix(), getattr(node, "name", ""), node) for node in ast.walk(tree) if _shows(node)
        ]
    return found


@pytest.mark.parametrize(("module", "name", "node"), _shown(), ids=lambda value: value if isinstance(value, str) else "")
def test_whatever_has_html_has_text_beside_it(module: str, name: str, node: ast.ClassDef) -> None:
    """The `repr` that a dataclass is given by itself spreads whole frames; ours are told as they are shown."""
    own = any(isinstance(each, ast.FunctionDef) and each.name == "__repr__" for each in node.body)
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    made = any("dataclass" in ast.unparse(each) and "repr=False" not in ast.unparse(each) for each in node.decorator_list)
    assert own or (bases and not made), f"{module}: {name} shows HTML, and its text is whatever a dataclass prints"


def test_a_result_is_told_in_the_words_in_which_it_is_shown() -> None:
    class Result(Shown):
        def _repr_html_(self) -> str:
            return heading("3 problems", good=False)

    assert repr(Result()) == "✗ 3 problems"
