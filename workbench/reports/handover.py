"""What the customer has to do by hand: what stays behind, which automations to rebuild, how to prepare the destination."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten

import pandas as pd

from workbench.reports.pages import About, plain_text, rows_of, table_of, write_page
from workbench.reports.workbooks import Sheet, write_workbook

__all__ = [
    "Automations",
    "Inventory",
    "Provisioning",
    "Step",
    "render_automations",
    "render_inventory",
    "render_provisioning",
]

SHOWN = 12
"""Things of one kind that the page lists; the workbook beside it has all of them."""

LONGEST = 160
"""Letters of a cell that the page shows."""

TODO_OF: Mapping[str, str] = {
    "call recording": "Download the audio of the recordings that are to be kept; only the link moves along.",
    "landing page": "Rebuild the page elsewhere, then point its address to the new place.",
    "ad account": "Keep the login, and connect the account to the new tools; no credential was ever exported.",
    "automation": "Rebuild it by hand; automations.html describes each one.",
}
SAID = ("type", "automation")
"""What the page says of all its cards already."""

NOT_DELIVERED = "None of them was delivered: look for them in the account before it is closed."


@dataclass(frozen=True)
class Inventory:
    """What cannot be moved by anybody: it is counted and listed instead."""

    about: About
    items: pd.DataFrame  # kind (call recording, landing page, …), name, and whatever else is known, column by column
    recordings: pd.DataFrame = field(default_factory=pd.DataFrame)  # record, url, and whatever else is known
    todo: Mapping[str, str] = field(default_factory=dict)  # kind → what to do; laid over the usual advice
    words: Mapping[str, str] = field(default_factory=dict)  # kind → what is to be known of it, where nothing is to be done
    counts: Mapping[str, int] = field(default_factory=dict)  # kind → how many, where one line stands for several
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind → its columns, as they should be read
    lists: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # name of a file → rows as they came, for other programs
    usual: tuple[str, ...] = ()  # kinds that such a source has, whether or not any of them was delivered


@dataclass(frozen=True)
class Automations:
    """The automations that have to be rebuilt: name, trigger, conditions, actions, status, notes; missing columns stay open."""

    about: About
    items: pd.DataFrame


@dataclass(frozen=True)
class Step:
    """One thing to do in the destination: what, why, the single clicks, and how to see that it is done."""

    title: str
    why: str = ""
    actions: tuple[str, ...] = ()
    done_when: str = ""


@dataclass(frozen=True)
class Provisioning:
    """The way to a destination that is ready: steps in order, and the fields that have to be there."""

    about: About
    steps: tuple[Step, ...]
    fields: pd.DataFrame = field(default_factory=pd.DataFrame)  # object, label, type, choices, state (there, to be made, …)


def render_inventory(inputs: Inventory, folder: Path) -> list[Path]:
    """Write not-portable.html and not-portable.xlsx: per kind what there is, how much of it, and what to do.

    Beside them each list stands whole as inventory/<name>.csv, UTF-8, for whatever reads it next.
    """
    advice = {**TODO_OF, **inputs.todo}
    kinds = _kinds(inputs)
    sections = [
        {
            "kind": kind,
            "many": plural(kind),
            "count": inputs.counts.get(kind, len(frame)),
            "todo": advice.get(kind, ""),
            "words": inputs.words.get(kind, ""),
            "table": table_of(_in_short(frame), limit=SHOWN),
        }
        for kind, frame in kinds.items()
    ]
    page = write_page(
        folder / "not-portable.html",
        "inventory.html.j2",
        about=inputs.about,
        title="What stays behind",
        values={"sections": sections, "unseen": [plural(kind) for kind in _unseen(inputs, kinds)]},
    )
    advised = {kind: advice.get(kind, "") or inputs.words.get(kind, "") for kind in kinds}
    rows = [[kind, inputs.counts.get(kind, len(frame)), advised[kind]] for kind, frame in kinds.items()]
    rows += [[kind, 0, NOT_DELIVERED] for kind in _unseen(inputs, kinds)]
    overview = pd.DataFrame(rows, columns=["kind", "count", "what to do"])
    sheets = [Sheet("Overview", overview, about="What could not be moved, and what to do about it.", wide=("what to do",))]
    sheets += [Sheet(plural(kind).capitalize(), frame) for kind, frame in kinds.items()]
    book = write_workbook(folder / "not-portable.xlsx", sheets, title="What stays behind")
    return [page, book, *(_list(folder / "inventory" / f"{name}.csv", rows) for name, rows in inputs.lists.items())]


def _in_short(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows with long texts cut where a line ends; the workbook has them whole."""
    shown = frame.head(SHOWN).map(plain_text).map(lambda text: shorten(text, LONGEST, placeholder=" …"))
    return pd.concat([shown, frame.iloc[SHOWN:]], ignore_index=True)


def _list(path: Path, rows: pd.DataFrame) -> Path:
    """A list whole and exactly as it came, texts with line breaks quoted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
    return path


def render_automations(inputs: Automations, folder: Path) -> list[Path]:
    """Write automations.html: a card per automation with what is known of it, and room for who rebuilds it."""
    cards = [_card(row) for row in rows_of(inputs.items)]
    title = "Automations to rebuild"
    return [
        write_page(folder / "automations.html", "automations.html.j2", about=inputs.about, title=title, values={"cards": cards})
    ]


def render_provisioning(inputs: Provisioning, folder: Path) -> list[Path]:
    """Write provisioning.html: a checklist that an administrator of the destination works through, pen in hand."""
    values = {"steps": inputs.steps, "fields": table_of(inputs.fields), "objects": _fields_by_object(inputs.fields)}
    title = f"Preparing {inputs.about.destination}"
    return [write_page(folder / "provisioning.html", "provisioning.html.j2", about=inputs.about, title=title, values=values)]


def plural(kind: str) -> str:
    """`call recording` → `call recordings`, `category` → `categories`; what ends in s stays as it is."""
    if kind.endswith("y") and kind[-2:-1] not in "aeiou":
        return kind[:-1] + "ies"
    return kind if kind.endswith("s") else kind + "s"


def _unseen(inputs: Inventory, kinds: Iterable[str]) -> list[str]:
    """Kinds that such a source has, and of which nothing was delivered."""
    seen = {kind.casefold().removesuffix(" (listed)") for kind in kinds}
    return [kind for kind in inputs.usual if kind.casefold() not in seen]


def _kinds(inputs: Inventory) -> dict[str, pd.DataFrame]:
    """The items of each kind, without columns that say nothing, the recordings of records first."""
    kinds: dict[str, pd.DataFrame] = {}
    if len(inputs.recordings):
        kinds["call recording"] = inputs.recordings.reset_index(drop=True)
    for kind, frame in inputs.items.groupby("kind", sort=False):
        order = [column for column in inputs.orders.get(str(kind), tuple(frame.columns)) if column != "kind"]
        own = frame[order].reset_index(drop=True)
        own = own.loc[:, [bool((own[name].map(plain_text) != "").any()) for name in own.columns]]
        name = str(kind)
        kinds[f"{name} (listed)" if name in kinds else name] = own
    return kinds


def _card(row: Mapping[str, str]) -> dict[str, object]:
    known = {name.casefold(): text for name, text in row.items()}
    wanted = ("trigger", "conditions", "actions")
    parts = [(name.capitalize(), known.get(name, "")) for name in wanted]
    shown = {name: text for name, text in row.items() if text and name.casefold() not in {*wanted, "name", "kind"}}
    rest = [(_written(name), text) for name, text in shown.items() if (name.casefold(), text.casefold()) != SAID]
    return {"name": known.get("name", "") or "(no name)", "parts": parts, "rest": rest}


def _written(name: str) -> str:
    """A column's name as it is usually written: `url or id` as `URL or ID`."""
    return re.sub(r"\b(url|id)\b", lambda found: found[0].upper(), name)


def _fields_by_object(fields: pd.DataFrame) -> Sequence[tuple[str, object]]:
    if fields.empty:
        return []
    return [
        (str(name), table_of(part.drop(columns=["object"]).assign(type=part["type"].str.replace("_", " ")), limit=300))
        for name, part in fields.groupby("object", sort=False)
    ]
