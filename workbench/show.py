"""Frames as small tables that are safe to print, in a notebook, in a report, and as plain text.

Everything that reaches HTML passes through `escape` here, so that a hostile cell stays a cell. Colours and lines hold in
a light and in a dark theme, and without the style sheet every table is still a table.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number

import pandas as pd

__all__ = [
    "BOX",
    "Meter",
    "bars",
    "day",
    "duration",
    "escape",
    "facts",
    "heading",
    "html_table",
    "labelled",
    "name_of",
    "percent",
    "text_table",
    "together",
]

FIRST, SPARED = 10, 5
"""Rows that are seen at once, and how many more it takes before the others are folded away."""

LONG, SEEN, WIDEST = 150, 90, 56
"""Characters: from when on a cell is folded, how much of it is seen, and how wide a column of a folded table may be."""

ROOMY, MODEST = 72.0, 10.0
"""Widths in em: of a folded table on a page, and of a column that need not give way."""

# Lab sets cells of its own tables to the right and stripes them; three classes outweigh its rules.
STYLE = (
    "<style>:root{--wb-good:#2e7d32;--wb-bad:#b3261e;--wb-warn:#8f5400}"
    "[data-jp-theme-light=false],.vscode-dark{--wb-good:#81c784;--wb-bad:#ff9a92;--wb-warn:#f0b264}"
    ".wb{overflow-x:auto;max-width:100%;margin:.4em 0 .9em;font-variant-numeric:tabular-nums}"
    ".wb.wb.wb table{border-collapse:collapse;border:0;margin:0;table-layout:auto;font-size:.92em}"
    ".wb.wb.wb table.wb-set{table-layout:fixed}.wb.wb.wb table.wb-set td{overflow-wrap:anywhere}"
    ".wb.wb.wb caption{caption-side:top;text-align:left;font-weight:600;padding:.3em 0;color:inherit}"
    ".wb.wb.wb :is(th,td){padding:.3em .75em;text-align:left;vertical-align:top;border:0;border-bottom:1px solid #8885;"
    "line-height:1.4;white-space:normal;overflow-wrap:break-word;max-width:32em}"
    ".wb.wb.wb td.t{min-width:13em}"
    ".wb.wb.wb thead th{font-weight:600;background:#8882;vertical-align:bottom}"
    ".wb.wb.wb tbody th{font-weight:400;opacity:.78;white-space:nowrap}"
    ".wb.wb.wb tbody tr{background:none}.wb.wb.wb :is(td,th).n{text-align:right;white-space:nowrap}"
    ".wb :is(.wb-good,.wb-bad){font-weight:600}.wb .wb-good{color:var(--wb-good)}.wb .wb-bad{color:var(--wb-bad)}"
    ".wb .wb-warn{color:var(--wb-warn)}"
    ".wb-more,.wb-note{opacity:.78;font-size:.9em}.wb-note{margin:.2em 0}.wb details>summary{cursor:pointer;width:fit-content}"
    ".wb details.wb-rest>summary{padding:.35em .75em;font-size:.9em;font-weight:600}"
    ".wb-bar{display:flex;gap:1px;min-width:11em;height:.85em;margin-top:.25em}.wb-bar i{border-radius:2px;min-width:2px}"
    ".wb-meter{display:inline-block;width:5em;height:.6em;margin-right:.6em;border-radius:2px;background:#8884;overflow:hidden}"
    ".wb-meter i{display:block;height:100%;border-radius:2px;background:#3d82c4}"
    ".wb-key{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin:0 .35em 0 .9em}"
    "@media print{.wb{overflow:visible}.wb-bar i,.wb-meter i,.wb-key{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".wb details::details-content{content-visibility:visible;display:block}}</style>"
)
BOX = "wb tex2jax_ignore mathjax_ignore"
"""The classes of every piece: Lab would typeset what stands between two dollar signs, such as two sums of money."""

COLOURS: Mapping[str, str] = {
    "loaded": "#3f9a4b",
    "load": "#3f9a4b",
    "merged": "#3d82c4",
    "excluded": "#858e99",
    "rejected": "#cf4a43",
    "held": "#c77d12",
    "failed": "#9763c0",
    "equal": "#3f9a4b",
    "intended": "#3d82c4",
    "lossy": "#c77d12",
    "wrong": "#cf4a43",
}
"""Bright enough on black and dark enough on white."""

VERDICTS = frozenset({"closes", "holds", "passed", "adds up"})
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
DATED = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
PERSON = re.compile(r"\s*([^<>]*[^<>\s])\s*<[^<>]*>\s*")


@dataclass(frozen=True)
class Meter:
    """A cell that is a length and a word: `share` of the longest there is, from 0 to 1."""

    share: float
    text: str

    def __str__(self) -> str:
        return self.text


def escape(value: object) -> str:
    """The value as text that HTML shows and never obeys; missing values are empty."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(part) for part in value)
    return html.escape(str(value), quote=True)


def percent(share: float) -> str:
    """A share in percent that says 100 % and 0 % only where it is all or nothing."""
    near = f"{share:.0%}"
    if near == "100%" and share < 1:
        return "> 99%"
    return "< 1%" if near == "0%" and share > 0 else near


def duration(seconds: float) -> str:
    """A length of time with one decimal, in the unit in which one thinks of it."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def day(moment: object) -> str:
    """The day of a moment in ISO form; anything else as it is."""
    found = MOMENT.fullmatch(str(moment))
    return found[1] if found else str(moment)


def name_of(person: object) -> str:
    """`Kim Larsen` of `Kim Larsen <kim@…>`; anything else as it is."""
    found = PERSON.fullmatch(str(person))
    return found[1] if found else str(person)


def html_table(frame: pd.DataFrame, *, caption: str = "", limit: int = 1000, first: int = FIRST) -> str:
    """A frame as an HTML table: numbers to the right, columns in which nothing stands left out, long texts folded.

    The `first` rows are seen at once, the others up to `limit` when somebody opens them, and a line counts the rest.
    """
    shown = frame.head(limit)
    # By place, as two columns may have one name.
    full = [place for place in range(shown.shape[1]) if not len(shown) or not _empty(shown.iloc[:, place])]
    columns = [_Column(str(shown.columns[place]), shown.iloc[:, place]) for place in full]
    seen = first if len(shown) > first + SPARED else len(shown)
    widths = _widths(columns) if seen < len(shown) else ""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    table = _table(columns, range(seen), title=title, widths=widths)
    if seen < len(shown):
        rest = _table(columns, range(seen, len(shown)), title="", widths=widths)
        table += f'<details class="wb-rest"><summary>{len(shown) - seen:,} more rows</summary>{rest}</details>'
    return f'{STYLE}<div class="{BOX}">{table}{_more(frame, limit)}</div>'


def text_table(frame: pd.DataFrame, *, caption: str = "", limit: int = 50) -> str:
    """The same table as plain text, for terminals and for front ends without HTML."""
    shown = frame.head(limit)
    lines = [caption] if caption else []
    lines += (
        _padded([_Column(str(name), shown.iloc[:, at]) for at, name in enumerate(shown.columns)])
        if len(shown)
        else ["(no rows)"]
    )
    if len(frame) > limit:
        lines.append(f"… and {len(frame) - limit} more rows")
    return "\n".join(lines)


def _padded(columns: Sequence[_Column]) -> list[str]:
    """The lines of a table: words begin under their title, numbers end under it."""
    cells = [[column.name, *(html.unescape(escape(value)) for value in column.values)] for column in columns]
    widths = [max(map(len, each)) for each in cells]
    aligned = [
        [cell.rjust(width) if column.numeric else cell.ljust(width) for cell in each]
        for column, each, width in zip(columns, cells, widths, strict=True)
    ]
    return ["  ".join(line).rstrip() for line in zip(*aligned, strict=True)]


def bars(
    counts: pd.DataFrame, *, label: str, parts: Sequence[str], caption: str = "", closes: str = "", unit: str = "rows"
) -> str:
    """One bar a row, the whole of it divided by `parts` in their colours, with the counts beside it.

    `closes` names a column of flags that ends each row with a tick or a cross; `unit` is what is counted.
    """
    named = [part for part in parts if len(counts) and int(counts[part].sum())]
    whole = f'<th scope="col">of all {escape(unit)}</th><th scope="col" class="n">{escape(unit)}</th>'
    head = f'<th scope="col">{escape(label)}</th>{whole}'
    head += "".join(f'<th scope="col" class="n">{escape(part)}</th>' for part in named)
    head += '<th scope="col">adds up</th>' if closes else ""
    body = "".join(_bar_row(row, label, named, closes) for row in counts.to_dict("records"))
    legend = "".join(f'<span class="wb-key" style="background:{_colour(part)}"></span>{escape(part)}' for part in named)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    table = f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'{STYLE}<div class="{BOX}">{table}<div class="wb-more" aria-hidden="true">{legend}</div></div>'


def heading(text: str, *, good: bool | None = None) -> str:
    """A line that says how something ended: a tick, a cross, or neither."""
    mark = {True: "✓ ", False: "✗ ", None: ""}[good]
    colour = {True: "var(--wb-good,#2e7d32)", False: "var(--wb-bad,#b3261e)", None: "inherit"}[good]
    return f'<p class="{BOX}" style="font-weight:600;color:{colour}">{mark}{escape(text)}</p>'


def facts(pairs: Sequence[tuple[str, str]], *, caption: str = "") -> str:
    """What is known in pairs of name and value, one line each."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in pairs)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'{STYLE}<div class="{BOX}"><table>{title}<tbody>{body}</tbody></table></div>'


def labelled(frame: pd.DataFrame, labels: Mapping[str, str], *, column: str = "feed") -> pd.DataFrame:
    """The frame with what a column names by its code as people call it, under the title `what`."""
    names = [labels.get(str(code), str(code)) for code in frame[column]]
    return frame.assign(**{column: names}).rename(columns={column: "what"})


def together(*parts: str) -> str:
    """Several pieces one under the other, with their common style sheet once."""
    return STYLE + "".join(parts).replace(STYLE, "")


class _Column:
    """One column on its way into a table: how its cells read, and how wide they are."""

    def __init__(self, name: str, values: pd.Series) -> None:
        self.name = name
        self.title = name.replace("_", " ")
        self.values = values.tolist()
        present = [value for value in self.values if not _missing(value)]
        self.numeric = bool(present) and all(isinstance(v, (Number, Decimal)) and not isinstance(v, bool) for v in present)
        if not present:
            self.numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
        whole = all(float(value).is_integer() for value in present) if self.numeric else True
        money = self.numeric and any(isinstance(value, Decimal) for value in present)
        largest = max((abs(float(value)) for value in present), default=0.0) if self.numeric else 0.0
        # A column of sentences stays as wide as half a dozen words, however narrow the page is.
        self.style = "" if self.numeric or self.width() < 24 else ' class="t"'
        self.places = 2 if money else 0 if whole else 2 if largest >= 0.1 else 3

    def cell(self, at: int) -> str:
        value = self.values[at]
        if _missing(value):
            return f"<td{_right(self.numeric)}></td>"
        if self.numeric:
            return f'<td class="n">{value:,.{self.places}f}</td>'
        if isinstance(value, Meter):
            length = f"{max(0.0, min(value.share, 1.0)):.0%}"
            drawn = f'<span class="wb-meter" aria-hidden="true"><i style="width:{length}"></i></span>'
            return f'<td style="white-space:nowrap">{drawn}{escape(value.text)}</td>'
        if pd.api.types.is_bool(value):
            return f"<td{_verdict(bool(value))}" if self.name in VERDICTS else f"<td>{'yes' if value else 'no'}</td>"
        if DATED.fullmatch(str(value)):  # a day broken at its hyphens reads like three numbers
            return f'<td style="white-space:nowrap">{_text(escape(value))}</td>'
        return f"<td{self.style}>{_text(escape(value))}</td>"

    def width(self) -> int:
        """The width in characters at which most cells stand on one line."""
        longest = max((_length(value) for value in self.values), default=0)
        return max(min(longest, WIDEST), len(self.title) + 1, 4)


def _table(columns: Sequence[_Column], rows: range, *, title: str, widths: str) -> str:
    head = "".join(f'<th scope="col"{_right(column.numeric)}>{escape(column.title)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(column.cell(at) for column in columns)}</tr>" for at in rows)
    opening = '<table class="wb-set" ' + widths if widths else "<table>"
    return f"{opening}{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _widths(columns: Sequence[_Column]) -> str:
    """Fixed widths, so that the rows seen at once and the folded ones stand under each other.

    Where the table would be wider than a page, its wide columns give way together.
    """
    ems = [0.58 * column.width() + 1.7 for column in columns]
    while sum(ems) > ROOMY + 0.1 and any(width > MODEST for width in ems):
        wide = sum(width for width in ems if width > MODEST)
        share = (ROOMY - sum(ems) + wide) / wide  # below 1; a column that it would make too narrow leaves more to the others
        ems = [max(width * share, MODEST) if width > MODEST else width for width in ems]
    group = "".join(f'<col style="width:{width:.1f}em">' for width in ems)
    return f'style="width:{sum(ems):.1f}em"><colgroup>{group}</colgroup>'


def _bar_row(row: Mapping[object, object], label: str, parts: Sequence[str], closes: str) -> str:
    counts = {part: int(str(row[part])) for part in parts}
    told = ", ".join(f"{part} {count:,}" for part, count in counts.items() if count) or "no rows"
    pieces = "".join(
        f'<i title="{escape(part)} {count:,}" style="flex:{count} 1 0;background:{_colour(part)}"></i>'
        for part, count in counts.items()
        if count
    )
    numbers = "".join(f'<td class="n">{f"{count:,}" if count else "·"}</td>' for count in counts.values())
    end = f"<td{_verdict(bool(row[closes]))}" if closes else ""
    bar = f'<td><div class="wb-bar" role="img" aria-label="{escape(told)}">{pieces}</div></td>'
    return f'<tr><td>{escape(row[label])}</td>{bar}<td class="n">{sum(counts.values()):,}</td>{numbers}{end}</tr>'


def _colour(part: str) -> str:
    return COLOURS.get(part, "#6d7f8c")


def _verdict(good: bool) -> str:
    return ' class="wb-good">✓</td>' if good else ' class="wb-bad">✗ no</td>'


def _text(escaped: str) -> str:
    """A text as it is, a moment by its day, and a long text by its beginning, which opens."""
    if moment := MOMENT.fullmatch(escaped):
        return f'<span title="{escaped}">{moment[1]}</span>'
    if len(escaped) <= LONG:
        return escaped
    plain = html.unescape(escaped)
    start = html.escape(plain[:SEEN].rsplit(" ", 1)[0] if " " in plain[:SEEN] else plain[:SEEN])
    return f"<details><summary>{start} …</summary>{escaped}</details>"


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _empty(column: pd.Series) -> bool:
    return all(_missing(value) or (isinstance(value, (str, list, tuple)) and not len(value)) for value in column.tolist())


def _length(value: object) -> int:
    if isinstance(value, Meter):
        return len(value.text) + 10
    return len(day(value) if isinstance(value, str) else escape(value))


def _right(right: bool) -> str:
    return ' class="n"' if right else ""


def _more(frame: pd.DataFrame, limit: int) -> str:
    return f'<div class="wb-more">… and {len(frame) - limit:,} more rows</div>' if len(frame) > limit else ""
