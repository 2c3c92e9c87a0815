"""Frames as small tables that are safe to print, in a notebook, in a report, and as plain text.

Everything that reaches HTML passes through `escape` here, so that a hostile cell stays a cell.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import pandas as pd

__all__ = ["bars", "escape", "heading", "html_table", "text_table"]

STYLE = (
    "<style>.wb{border-collapse:collapse;font-variant-numeric:tabular-nums}.wb caption{caption-side:top;text-align:left;"
    "font-weight:600;padding:.3em 0}.wb th,.wb td{padding:.25em .6em;text-align:left;border-bottom:1px solid #8884;"
    "vertical-align:top}.wb td.n,.wb th.n{text-align:right}.wb-bar{display:inline-block;height:.7em;border-radius:2px}"
    ".wb-more{opacity:.7}</style>"
)
COLOURS: Mapping[str, str] = {
    "loaded": "#2e7d32",
    "merged": "#1565c0",
    "excluded": "#757575",
    "rejected": "#c62828",
    "held": "#ef6c00",
    "failed": "#6a1b9a",
}


def escape(value: object) -> str:
    """The value as text that HTML shows and never obeys; missing values are empty."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(part) for part in value)
    return html.escape(str(value), quote=True)


def html_table(frame: pd.DataFrame, *, caption: str = "", limit: int = 50) -> str:
    """The first `limit` rows as an HTML table, numbers to the right, and a line for the rows left out."""
    numeric = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes]
    head = "".join(
        f'<th scope="col"{_right(right)}>{escape(name)}</th>' for name, right in zip(frame.columns, numeric, strict=True)
    )
    shown = frame.head(limit)
    body = "".join(
        "<tr>" + "".join(f"<td{_right(r)}>{escape(v)}</td>" for v, r in zip(row, numeric, strict=True)) + "</tr>"
        for row in shown.itertuples(index=False, name=None)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{STYLE}<table class="wb">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_more(frame, limit)}'


def text_table(frame: pd.DataFrame, *, caption: str = "", limit: int = 50) -> str:
    """The same table as plain text, for terminals and for front ends without HTML."""
    table = frame.head(limit).astype(object).map(lambda value: html.unescape(escape(value)))
    lines = [caption] if caption else []
    lines.append(table.to_string(index=False) if len(table) else "(no rows)")
    if len(frame) > limit:
        lines.append(f"… and {len(frame) - limit} more rows")
    return "\n".join(lines)


def bars(counts: pd.DataFrame, *, label: str, parts: Sequence[str], caption: str = "") -> str:
    """One bar a row, divided by `parts` in their colours and as long as the row's sum is against the largest."""
    largest = max(int(counts[list(parts)].sum(axis=1).max()), 1) if len(counts) else 1
    rows = []
    for _, row in counts.iterrows():
        pieces = "".join(
            f'<span class="wb-bar" role="img" aria-label="{escape(part)} {int(row[part])}"'
            f' title="{escape(part)} {int(row[part])}" style="width:{max(int(row[part]) / largest * 24, 0.15):.2f}em;background:{COLOURS.get(part, "#455a64")}"></span>'
            for part in parts
            if int(row[part])
        )
        total = int(row[list(parts)].sum())
        rows.append(f'<tr><td>{escape(row[label])}</td><td>{pieces}</td><td class="n">{total}</td></tr>')
    legend = " ".join(
        f'<span class="wb-bar" style="width:.7em;background:{COLOURS.get(part, "#455a64")}"></span> {escape(part)}'
        for part in parts
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{STYLE}<table class="wb">{title}<tbody>{"".join(rows)}</tbody></table><div class="wb-more">{legend}</div>'


def heading(text: str, *, good: bool | None = None) -> str:
    """A line that says how something ended: a tick, a cross, or neither."""
    mark = {True: "✓ ", False: "✗ ", None: ""}[good]
    colour = {True: "#2e7d32", False: "#c62828", None: "inherit"}[good]
    return f'<p style="font-weight:600;color:{colour}">{mark}{escape(text)}</p>'


def _right(right: bool) -> str:
    return ' class="n"' if right else ""


def _more(frame: pd.DataFrame, limit: int) -> str:
    return f'<div class="wb-more">… and {len(frame) - limit} more rows</div>' if len(frame) > limit else ""
