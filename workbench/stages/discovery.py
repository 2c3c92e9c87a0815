"""Say what is in the exports: columns, types, custom properties, people who stand twice, and links into nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.consequences import Consequence, consequences
from workbench.flow.countries import country_question
from workbench.flow.planning import feed_plans, with_joins
from workbench.flow.relinking import propose_links
from workbench.frames.groups import row_keys
from workbench.frames.overlay import overlay
from workbench.frames.places import read_at_home
from workbench.frames.plan import FeedPlan, native_field
from workbench.frames.profile import profile
from workbench.frames.select import PAGE, ROW, filled, holds
from workbench.matching.records import match_companies, match_records
from workbench.plain import Shown
from workbench.recipes import convert
from workbench.show import Meter, heading, html_table, percent, together
from workbench.specs import DestinationSpec

__all__ = ["Discovery", "propose", "run"]

SURE = 0.9
"""From here on a pair is proposed as one record; below, a person is asked whether the two are."""
SAME_NUMBER = 0.95
SEVERAL = re.compile(r"\s*[|;]\s*|,\s+")
"""Between the names of one cell that points at several rows."""


@dataclass(frozen=True, repr=False)
class Discovery(Shown):
    """What the exports hold."""

    frame: pd.DataFrame  # table, column, type, fill, distinct, samples, issues, known (standard or custom property)
    orphans: pd.DataFrame  # table, column, points_at, rows, values
    duplicates: pd.DataFrame  # subject, value, confidence, reasons, shown
    probes: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)  # what the account answered, where it was asked

    def _repr_html_(self) -> str:
        custom = self.frame["known"] == "custom property"
        tables = self.frame["table"].nunique()
        said = f"{len(self.frame)} columns in {tables} tables, {custom.sum()} of them custom properties"
        twice = f"{len(self.duplicates)} rows may stand twice" if len(self.duplicates) else "no row seems to stand twice"
        orphans = self.orphans.rename(columns={"points_at": "points at", "values": "for example"})
        parts = [heading(f"{said}; {twice}")]
        if custom.any():
            parts.append(html_table(_described(self.frame[custom]), caption="Custom properties, found in the headers"))
        parts.append(html_table(_described(self.frame), caption="All columns"))
        if len(orphans):
            parts.append(html_table(orphans, caption="Links that lead to no row of the delivery"))
        if len(self.probes):
            parts.append(
                html_table(self.probes[["setting", "value", "words"]], caption="What the account answered to our probes")
            )
        return together(*parts)


def _described(columns: pd.DataFrame) -> pd.DataFrame:
    """What a person wants to know of columns: how full, of what kind, how many different values, and what is odd."""
    odd = columns["issues"].fillna("").astype("str").str.replace("_", " ")
    return pd.DataFrame(
        {
            "table": columns["table"],
            "column": columns["column"],
            "kind": columns["type"].astype("str").str.replace("_", " "),
            "filled": [Meter(float(share), percent(float(share))) for share in columns["fill"]],
            "different": columns["distinct"],
            "for example": columns["samples"],
            "notable": odd,
        }
    )


def propose(engagement: Engagement, delivery: str = "main") -> pd.DataFrame:
    """Propose which rows are one record, for every feed whose rows may stand twice; and ask the scope questions.

    Of a later delivery only the rows with a number that the main one lacks are new questions.
    """
    _ask_scope(engagement)
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    if not engagement.has("rejects", delivery=delivery):
        return pd.DataFrame(columns=columns)  # nothing was delivered
    rows: list[dict[str, Any]] = []
    for plan in feed_plans(engagement).values():
        if plan.feed.kind == "record" and not plan.feed.group:
            rows += _repeated_numbers(engagement, plan, delivery)
        if plan.feed.duplicates:
            rows += _duplicates(engagement, plan, delivery)
    propose_links(engagement, delivery)
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    proposals = pd.DataFrame(rows, columns=columns).drop_duplicates("subject", keep="first").reset_index(drop=True)
    before = engagement.decisions.proposals("duplicate")[columns]
    others = before[~_is_of(before["subject"], delivery, engagement)]
    engagement.decisions.propose("duplicate", pd.concat([others, proposals], ignore_index=True))
    return proposals


def _ask_scope(engagement: Engagement) -> None:
    """Put up the questions of the scope; what each answer brings with it is counted in what the main delivery holds."""
    questions = engagement.route.scope
    found = consequences(engagement) if engagement.has("rejects") else ()
    scope = pd.DataFrame(
        {
            "subject": [question.name for question in questions],
            "value": [question.default for question in questions],
            "confidence": [0.9] * len(questions),
            "reasons": [question.about for question in questions],
            "alternatives": [list(question.options) for question in questions],
            "shown": [_brought([each for each in found if each.question == question.name]) for question in questions],
        }
    )
    asked = country_question(engagement, feed_plans(engagement)) if engagement.has("rejects") else None
    if asked is not None:
        scope = pd.concat([scope, pd.DataFrame([asked])], ignore_index=True)
    engagement.decisions.propose("scope", scope)


def _brought(found: Sequence[Consequence]) -> list[str]:
    """What the answers to one question bring, a line each; one line where all bring the same."""
    words = list(dict.fromkeys(each.words for each in found if each.words))
    if len(found) > 1 and len(words) == 1 and all(each.words for each in found):
        return [f"{words[0]}."]
    return [f"{each.answer}: {each.words}." for each in found if each.words]


def run(engagement: Engagement, delivery: str = "main") -> Discovery:
    """Profile every table, list custom properties and orphans, and count what may stand twice."""
    profiles, orphans = [], []
    tables = {name: engagement.load(f"tables/{name}", delivery=delivery) for name in engagement.source.tables}
    for name, table in tables.items():
        spec = engagement.source.tables[name]
        frame = profile(table[[c for c in table.columns if c not in (ROW, PAGE)]]).frame
        frame.insert(0, "table", name)
        frame["known"] = ["standard" if column in spec.column_names() else "custom property" for column in frame["column"]]
        profiles.append(frame)
        orphans += [_orphans(tables, name, column.name, column.to) for column in spec.columns if column.to]
    found = engagement.decisions.proposals("duplicate")
    result = Discovery(
        frame=pd.concat(profiles, ignore_index=True),
        orphans=pd.DataFrame([o for o in orphans if o["rows"]], columns=["table", "column", "points_at", "rows", "values"]),
        duplicates=found,
        probes=engagement.load("probes") if engagement.has("probes") else pd.DataFrame(),
    )
    engagement.save("profile", result.frame, delivery=delivery)
    engagement.save("orphans", result.orphans, delivery=delivery)
    if delivery == "main":
        engagement.finish("discovery", passed=True, summary={"columns": len(result.frame), "may stand twice": len(found)})
    return result


def _is_of(subjects: pd.Series, delivery: str, engagement: Engagement) -> pd.Series:
    """True for subjects whose row is one of the delivery's."""
    rows = subjects.astype("str").str.rsplit("@", n=1).str[-1]
    if delivery != "main":
        return rows.str.startswith(f"{delivery}/")
    later = tuple(f"{name}/" for name in engagement.deliveries() if name != "main")
    return ~rows.str.startswith(later) if later else pd.Series(True, index=subjects.index)


def _orphans(tables: dict[str, pd.DataFrame], name: str, column: str, to: str) -> dict[str, Any]:
    table, target = to.split(".", 1)
    spelt = tables[name][column].where(filled(tables[name][column])).dropna().astype("str").str.strip()
    said = spelt.str.casefold()
    known = set(tables[table][target].dropna().astype("str").str.strip().str.casefold())
    known |= {value.split("-", 1)[-1] for value in known}
    lost = said[~said.isin(known)]
    lost = lost[[any(part not in known for part in SEVERAL.split(text)) for text in lost]]
    values = ", ".join(spelt[lost.index].groupby(lost).first().sort_index().head(5))  # as they stand, each once
    return {"table": name, "column": column, "points_at": to, "rows": len(lost), "values": values}


def _open_rows(engagement: Engagement, plan: FeedPlan, delivery: str) -> pd.DataFrame:
    """Rows of a feed that are to become records, with their record key under ``_key``."""
    table = engagement.load(f"tables/{plan.feed.table}")
    if delivery != "main":
        table = overlay(table, engagement.load(f"tables/{plan.feed.table}", delivery=delivery), plan.table)
    table = with_joins(engagement, plan, table)
    keep = pd.Series(plan.active, index=table.index)
    for exclusion in plan.feed.exclude:
        keep &= ~holds(table, exclusion.when)
    if plan.feed.when is not None:
        keep &= holds(table, plan.feed.when)
    table = table.assign(_key=plan.feed.name + "/" + row_keys(table, plan.feed, plan.table))
    return table[keep & table["_key"].notna()]


def _asks(engagement: Engagement, plan: FeedPlan, table: pd.DataFrame, delivery: str) -> pd.Series:
    """True for the rows about which this delivery raises a question; what was decided by number stays decided."""
    if delivery == "main":
        return pd.Series(True, index=table.index)
    known = set(row_keys(engagement.load(f"tables/{plan.feed.table}"), plan.feed, plan.table).dropna())
    number = table["_key"].str.split("/", n=1).str[1]
    return table["_row"].astype("str").str.startswith(f"{delivery}/") & ~number.isin(known)


def _asks_again(engagement: Engagement, plan: FeedPlan, table: pd.DataFrame, delivery: str) -> pd.Series:
    """True for the rows of this delivery whose number stands more often than in the main one, for which it was decided."""
    if delivery == "main":
        return pd.Series(True, index=table.index)
    had = row_keys(engagement.load(f"tables/{plan.feed.table}"), plan.feed, plan.table).value_counts()
    number = table["_key"].str.split("/", n=1).str[1]
    more = table.groupby("_key").cumcount() >= number.map(had).fillna(0)
    return table["_row"].astype("str").str.startswith(f"{delivery}/") & more


def _repeated_numbers(engagement: Engagement, plan: FeedPlan, delivery: str) -> list[dict[str, Any]]:
    table = _open_rows(engagement, plan, delivery)
    later = table[table["_key"].duplicated(keep="first") & _asks_again(engagement, plan, table, delivery)]
    return [
        _proposal(
            plan,
            row["_key"],
            row["_row"],
            row["_key"],
            SAME_NUMBER,
            "the same number twice",
            f"{row['_row']} repeats {row['_key']}",
        )
        for _, row in later.iterrows()
    ]


def _duplicates(engagement: Engagement, plan: FeedPlan, delivery: str) -> list[dict[str, Any]]:
    table = _open_rows(engagement, plan, delivery).drop_duplicates("_key", keep="first").set_index("_row", drop=False)
    seen = pd.DataFrame({"row": table["_row"], **_identity(engagement.destination, plan, table)})
    if plan.feed.duplicates == "companies":
        found = match_companies(seen.set_index("row")["name"], domains=seen.set_index("row")["domain"])
    else:
        found = match_records(seen, key="row", email="email", phone="phone", name="name", threshold=0.6)
    key, name = table["_key"], seen.set_index("row")["name"]
    order = {row: place for place, row in enumerate(table["_row"])}
    asks = set(table.index[_asks(engagement, plan, table, delivery)])
    proposals = []
    for pair in found.frame.sort_values("confidence", ascending=False, kind="stable").to_dict("records"):
        first, later = sorted((pair["left"], pair["right"]), key=order.__getitem__)
        if later not in asks:
            continue
        sure, why = float(pair["confidence"]), str(pair["reasons"])
        into = key[first] if sure >= SURE else ""
        shown = f"{name[later]} ({key[later]}) ~ {name[first]} ({key[first]})"
        proposals.append(_proposal(plan, key[later], later, into, sure, why, shown, other=key[first]))
    return proposals


def _identity(destination: DestinationSpec, plan: FeedPlan, table: pd.DataFrame) -> dict[str, pd.Series]:
    """E-mail, telephone, name and domain of the rows, converted as they will be loaded; the first of several."""
    values: dict[str, pd.Series] = {}
    for field in plan.fields:
        native = native_field(destination, plan.feed.object, field.field)
        told = native.type if native and native.type in ("email", "phone") else field.field
        if field.column in table and told in ("email", "phone", "first_name", "last_name", "name", "website"):
            raw = table[field.column]
            for other in field.fallback:
                raw = raw.where(filled(raw), table[other])
            read = read_at_home(raw, field.recipe, options=dict(field.options), table=table)
            values.setdefault(told, read.values)
    nothing = pd.Series(pd.NA, index=table.index, dtype="object")
    whole = (
        values.get("first_name", nothing).fillna("").astype("str")
        + " "
        + values.get("last_name", nothing).fillna("").astype("str")
    )
    website = values.get("website", nothing)
    return {
        "email": values.get("email", nothing),
        "phone": values.get("phone", nothing),
        "name": values.get("name", whole.str.strip()),
        "domain": convert(website.astype("str"), "domain").values,
    }


def _proposal(
    plan: FeedPlan, key: str, row: str, into: str, confidence: float, reasons: str, shown: str, *, other: str = ""
) -> dict[str, Any]:
    sure = confidence if into else 1 - confidence  # below the line it is the separation that is proposed
    return {
        "subject": f"{key}@{row}",
        "value": {"into": into},
        "confidence": round(float(sure), 3),
        "reasons": reasons,
        "alternatives": [{"into": other or into}, {"into": ""}],
        "shown": shown,
    }
