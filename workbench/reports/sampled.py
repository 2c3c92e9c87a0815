"""A sample as somebody goes through it before signing: field by field, then record by record, the gravest first."""

from __future__ import annotations

import pandas as pd

from workbench.reports.differences import UNEXPLAINED, record_called
from workbench.show import bars, escape, html_table, together

__all__ = ["sample_diff"]

CLASSES = ("wrong", "lossy", "intended")
MEANING = (
    "Intended: the same value in another writing. Lossy: what the destination cannot hold, as declared. "
    "Wrong: nothing explains it, and nobody should sign."
)
MOST = 20
"""Fields that are drawn; those with fewer differences are counted."""


def sample_diff(summary: pd.DataFrame, differences: pd.DataFrame, *, records: pd.DataFrame) -> str:
    """The two lists as HTML.

    `summary` has one row a field (feed, field, equal, intended, lossy, wrong), `differences` one a difference (feed, key,
    field, expected, actual, class, reason), `records` one a record of the sample: key, name, row.
    """
    return together(f'<p class="wb wb-note">{escape(MEANING)}</p>', _by_field(summary), _by_record(differences, records))


def _by_field(summary: pd.DataFrame) -> str:
    """A bar for each field that differs somewhere, the gravest first."""
    differs = summary[summary[list(CLASSES)].sum(axis="columns") > 0]
    grave = differs.sort_values(list(CLASSES), ascending=False, kind="stable")
    shown = grave.head(MOST).assign(field=grave["feed"] + " · " + grave["field"].str.removesuffix("__c").str.replace("_", " "))
    same, more = len(summary) - len(differs), len(differs) - len(shown)
    words = [f"{same} {_plural('field', same)} arrived as sent, in every record of the sample."] if same else []
    words += [f"{more} more {_plural('field', more)} differ in fewer values; the list of records names them."] if more else []
    caption = "Field by field"
    drawn = bars(shown, label="field", parts=(*CLASSES, "equal"), caption=caption, unit="values") if len(shown) else ""
    return drawn + "".join(f'<p class="wb wb-note">{escape(each)}</p>' for each in words)


def _by_record(differences: pd.DataFrame, records: pd.DataFrame) -> str:
    """A line for each record that differs somewhere: how often of each class, and in what."""
    known = records.drop_duplicates("key").set_index("key")
    made = [_line(str(key), group, known) for key, group in differences.groupby("key", sort=False)]
    frame = pd.DataFrame(made, columns=["what", "record", "from", *CLASSES, "what differs"])
    frame = frame.sort_values(list(CLASSES), ascending=False, kind="stable")
    frame = frame.drop(columns=[name for name in CLASSES[1:] if not frame[name].any()])
    as_sent = max(len(known) - len(frame), 0)
    caption = f"Record by record: {len(frame)} of {len(known)} differ somewhere, {as_sent} arrived value for value"
    if frame.empty:
        return f'<p class="wb wb-note">{escape(caption)}.</p>'
    return html_table(frame, caption=caption, limit=2000)


def _line(key: str, group: pd.DataFrame, known: pd.DataFrame) -> list[object]:
    kind = group["class"].where(~group["class"].isin(UNEXPLAINED), "wrong")
    counts = [int((kind == name).sum()) for name in CLASSES]
    order = group.assign(_class=pd.Categorical(kind, CLASSES, ordered=True)).sort_values("_class", kind="stable")
    words = "; ".join(_words(row) for row in order.to_dict("records"))
    name, row = (str(known.at[key, each]) if key in known.index else "" for each in ("name", "row"))
    file, _, line = row.rpartition(":")
    return [group["feed"].iloc[0], record_called(key, name), f"{file} line {line}" if file else "", *counts, words]


def _words(row: dict[object, object] | dict[str, object]) -> str:
    said = {str(name): value for name, value in row.items()}
    if said["class"] in ("missing", "surplus"):
        return "the record is not there" if said["class"] == "missing" else "nobody sent this record"
    field = str(said["field"]).removesuffix("__c").replace("_", " ")
    why = f" ({said['reason']})" if said["reason"] and said["class"] != "intended" else ""  # that stands by field already
    return f"{field}: {_shown(said['expected'])} → {_shown(said['actual'])}{why}"


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    nothing = value is None or value is pd.NA or value != value or str(value) == ""
    return "nothing" if nothing else f"“{value}”"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
