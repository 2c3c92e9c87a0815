"""HTML pages that stand alone: one file, no script, nothing from outside, every value escaped by the template engine."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from workbench.templates import templates_folder

__all__ = ["About", "Table", "plain_text", "write_page", "write_text"]

LONGEST_CELL = 600
"""Characters of one cell on a page; the workbook beside it holds the whole."""


@dataclass(frozen=True)
class About:
    """What stands above every document: whose migration this is, from where to where, and when."""

    customer: str
    source: str  # label of the source, e.g. Promio
    destination: str  # label of the destination
    route: str  # title of the route
    engagement: str = ""  # engagement id
    date: str = ""  # day on which the document was made, as text


@dataclass(frozen=True)
class Table:
    """A frame as a template shows it: titles, rows of text, which columns are numbers, and how many rows are left out."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    total: int

    @property
    def left_out(self) -> int:
        """Rows of the frame that the page does not show."""
        return self.total - len(self.rows)


def table_of(frame: pd.DataFrame, *, titles: Mapping[str, str] | None = None, limit: int = 500) -> Table:
    """The first `limit` rows of a frame, without columns in which nothing stands.

    `titles` renames columns and, where it is given, chooses them and their order.
    """
    chosen = [name for name in titles if name in frame.columns] if titles else [str(name) for name in frame.columns]
    chosen = [name for name in chosen if not len(frame) or any(plain_text(value) for value in frame[name])]
    shown = frame[chosen].head(limit)
    return Table(
        titles=tuple((titles or {}).get(name, name.replace("_", " ")) for name in chosen),
        rows=tuple(tuple(plain_text(value) for value in row) for row in shown.itertuples(index=False, name=None)),
        numeric=tuple(_numeric(frame[name]) for name in chosen),
        total=len(frame),
    )


def plain_text(value: object) -> str:
    """A cell as a page shows it: yes and no for flags, digits in groups, lists joined, control characters gone."""
    if isinstance(value, list | tuple | np.ndarray):
        return "; ".join(plain_text(part) for part in value)
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value == round(value, 2) else f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"
    return _tidy(str(value))


def write_page(path: Path, template: str, *, about: About, title: str, values: Mapping[str, object]) -> Path:
    """Render a template of `templates/documents` to `path`, whole or not at all."""
    page = _environment(autoescape=True).get_template(template)
    return _write(path, page.render(about=about, title=title, **values))


def write_text(path: Path, template: str, *, about: About, title: str, values: Mapping[str, object]) -> Path:
    """Render a template of plain text; control characters of values never reach the reader's terminal."""
    page = _environment(autoescape=False).get_template(template)
    return _write(path, "".join(c for c in page.render(about=about, title=title, **values) if c == "\n" or _printable(c)))


def _environment(*, autoescape: bool) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder() / "documents"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        extensions=["jinja2.ext.loopcontrols"],
    )
    made.globals["table_of"] = table_of
    made.filters["plain"] = plain_text
    return made


def _shown(value: object) -> object:
    """What every expression of a template passes: text without control characters; markup of our own as it is."""
    return _tidy(value) if type(value) is str else value


def _numeric(column: pd.Series) -> bool:
    """Whether everything that stands in a column is a number, whatever the column is kept as."""
    if pd.api.types.is_numeric_dtype(column):
        return not pd.api.types.is_bool_dtype(column)
    present = column.dropna()
    return bool(len(present)) and all(isinstance(v, Number | Decimal) and not isinstance(v, bool | np.bool_) for v in present)


def _tidy(text: str) -> str:
    clean = "".join(c if c == "\n" or _printable(c) else "�" for c in text)
    return clean if len(clean) <= LONGEST_CELL else clean[:LONGEST_CELL] + " …"


def _printable(character: str) -> bool:
    """Not a control character, and none that turns the direction of the text around it."""
    turns = 0x202A <= ord(character) <= 0x202E or 0x2066 <= ord(character) <= 0x2069
    return character == "\t" or (unicodedata.category(character) not in {"Cc", "Cs"} and not turns)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(text, encoding="utf-8", errors="backslashreplace")
    return half.replace(path)


def rows_of(frame: pd.DataFrame) -> Sequence[Mapping[str, str]]:
    """The rows as mappings of text, for templates that lay out each row by itself."""
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, map(plain_text, row), strict=True)) for row in frame.itertuples(index=False, name=None)]
