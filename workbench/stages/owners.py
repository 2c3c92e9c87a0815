"""Find out who owns what at the destination, and let nothing pass whose owner is unresolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import connected, delivered, feed_plans, with_joins
from workbench.frames.overlay import overlay
from workbench.frames.plan import BLANK, FeedPlan, native_field
from workbench.frames.select import ROW, filled
from workbench.matching.owners import match_owners
from workbench.plain import Shown
from workbench.recipes import convert
from workbench.show import Meter, heading, html_table, name_of, together

__all__ = ["Owners", "propose", "run"]

KIND = "owner"
DEAL = "deal"
"""The object whose money says what an owner weighs; both destinations call it so."""
FIRST_GUESS = 0.0
"""Confidence of a fallback: a machine never chooses who gets what belongs to nobody."""


@dataclass(frozen=True, repr=False)
class Owners(Shown):
    """Every owner of the exports, with what hangs on them and whom they become."""

    frame: pd.DataFrame  # owner, rows, value, user, by, why, found
    unresolved: int

    def _repr_html_(self) -> str:
        said = "every owner is resolved" if not self.unresolved else f"{self.unresolved} owners are unresolved"
        most = max(int(self.frame["rows"].max()), 1) if len(self.frame) else 1
        shown = pd.DataFrame(
            {
                "owner in the export": self.frame["owner"],
                "rows": [Meter(rows / most, f"{rows:,}") for rows in self.frame["rows"]],
                "in deals": [Decimal(str(round(float(value), 2))) for value in self.frame["value"].fillna(0)],
                "user": self.frame["user"],
                "decided by": self.frame["by"].map(name_of),
                "why": self.frame["why"],
            }
        )
        if self.unresolved:
            shown.insert(4, "state", self.frame["state"])
        caption = "Who becomes whom, and what hangs on it"
        return together(heading(said, good=not self.unresolved), html_table(shown, caption=caption, first=20))


def propose(engagement: Engagement) -> pd.DataFrame:
    """Propose a user for every distinct owner: subject, value (the user's e-mail), confidence, reasons, shown."""
    weights = weigh(engagement)
    users = connected(engagement).metadata().users_frame()
    named = weights[weights["owner"] != BLANK]
    looks_like_mail = named["owner"].str.contains("@")
    asked = pd.DataFrame(
        {
            "name": named["name"].where(named["name"].notna(), named["owner"].where(~looks_like_mail)),
            "email": named["owner"].where(looks_like_mail),
            "records": named["rows"],
        }
    )
    found = match_owners(asked, users).frame
    mail = users.set_index("id")["email"]
    proposals = pd.DataFrame(
        {
            "subject": named["owner"].to_numpy(),
            "value": found["user_id"].map(mail).fillna("").to_numpy(),
            # A shared mailbox is surely nobody's; who gets its records is still a person's to say.
            "confidence": found["confidence"].where(found["user_id"].notna(), FIRST_GUESS).to_numpy(),
            "reasons": found["reasons"].to_numpy(),
        }
    )
    blank = pd.DataFrame([{"subject": BLANK, "value": "", "confidence": FIRST_GUESS, "reasons": "somebody has to be named"}])
    proposals = pd.concat([proposals, blank[[BLANK in set(weights["owner"])]]], ignore_index=True)
    shown = weights.set_index("owner")
    weighed = shown.loc[proposals["subject"], ["rows", "value"]].to_numpy()
    proposals["shown"] = [_weight(int(rows), float(value)) for rows, value in weighed]
    active = sorted(users.loc[users["active"], "email"])
    proposals["alternatives"] = [active] * len(proposals)
    engagement.decisions.propose(KIND, proposals)
    return proposals


def run(engagement: Engagement) -> Owners:
    """Check that every owner has a user that is active; DecisionMissing lists the ones that nobody decided on."""
    decided = engagement.decisions.require(KIND, where="04_owners").set_index("subject")
    weights, proposed = weigh(engagement), engagement.decisions.proposals(KIND).set_index("subject")
    users = connected(engagement).metadata().users_frame()
    active = set(users.loc[users["active"], "email"].str.casefold())
    frame = weights[["owner", "rows", "value"]].copy()
    frame["user"] = frame["owner"].map(decided["value"]).fillna("")
    frame["by"] = frame["owner"].map(decided["by"]).fillna("")
    frame["why"] = frame["owner"].map(decided["why"]).fillna("")
    frame["found"] = [_found(owner, user, proposed) for owner, user in zip(frame["owner"], frame["user"], strict=True)]
    lost = ~frame["user"].astype("str").str.casefold().isin(active)
    frame["state"] = lost.map({True: "unresolved", False: "resolved"})
    engagement.save("owners", frame.reset_index(drop=True).astype({"value": "float64"}))
    reasons = [f"{row['owner']}: {row['user'] or 'nobody'} is no active user" for row in frame[lost].to_dict("records")]
    engagement.finish(
        "owners", passed=not lost.any(), reasons=reasons, summary={"owners": len(frame), "unresolved": int(lost.sum())}
    )
    return Owners(frame=frame.reset_index(drop=True), unresolved=int(lost.sum()))


def _found(owner: str, user: str, proposed: pd.DataFrame) -> str:
    """How an owner came to a user: what the proposal rests on, or that a person has chosen, and for want of what."""
    if owner not in proposed.index:
        return "a person’s choice"
    value, reasons = (str(proposed.loc[owner, name]) for name in ("value", "reasons"))
    return reasons if value and value.casefold() == user.casefold() else f"a person’s choice: {reasons}"


def _weight(rows: int, value: float) -> str:
    """What hangs on an owner, in words; no deals, no word of them."""
    return f"{rows:,} row{'s' * (rows != 1)}" + (f", {value:,.2f} in deals" if value else "")


def weigh(engagement: Engagement) -> pd.DataFrame:
    """Owner as it stands, a name where one is known, the rows of the exports behind it, and the money of its deals.

    A row counts once, however many kinds of record it may give; an amount counts as the load would read it, and one that
    it would not take counts as nothing.
    """
    parts = [part for plan in feed_plans(engagement).values() if plan.active for part in _named(engagement, plan)]
    everyone = pd.concat(parts, ignore_index=True)
    everyone = everyone[everyone["owner"].notna()]
    everyone["owner"] = everyone["owner"].str.strip()
    grouped = everyone.groupby("owner", sort=True)
    frame = grouped.agg(name=("name", "first"), rows=("row", "nunique"), value=("value", "sum")).reset_index()
    return frame.sort_values(["rows", "owner"], ascending=[False, True]).reset_index(drop=True)


def _named(engagement: Engagement, plan: FeedPlan) -> Iterator[pd.DataFrame]:
    """The owners that one feed names: owner, name, row and value, a line each time."""
    feed = plan.feed
    if feed.owner and plan.records:
        made = [f"{feed.name}/{position}" for position in range(len(plan.records))]
        yield pd.DataFrame({"owner": [each.owner for each in plan.records], "name": pd.NA, "row": made})
    if feed.kind == "match":
        table = delivered(engagement, feed.table)
        called = next((table[name] for name in table.columns if name.casefold() == "name"), pd.NA)
        yield pd.DataFrame({"owner": table[plan.table.key[0]], "name": called, "row": pd.NA})
    elif feed.kind == "record" and feed.owner and (feed.main or feed.duplicates == ""):
        table = _newest(engagement, plan)
        owner = table[feed.owner].astype("str").str.strip().where(filled(table[feed.owner]), BLANK)
        yield pd.DataFrame({"owner": owner, "name": pd.NA, "row": table[ROW], "value": _money(engagement, plan, table)})


def _newest(engagement: Engagement, plan: FeedPlan) -> pd.DataFrame:
    """The table of a feed as its deliveries leave it: a row that a later one names again is one row, in its later words."""
    name = f"tables/{plan.feed.table}"
    table = engagement.load(name)
    for delivery in engagement.deliveries():
        if delivery != "main" and engagement.has(name, delivery=delivery):
            table = overlay(table, engagement.load(name, delivery=delivery), plan.table)
    return with_joins(engagement, plan, table)


def _money(engagement: Engagement, plan: FeedPlan, table: pd.DataFrame) -> pd.Series:
    """What the deals of a feed are worth, row by row; nothing where they are no deals."""
    for field in plan.fields if plan.feed.object == DEAL else ():
        native = native_field(engagement.destination, plan.feed.object, field.field)
        if native is not None and native.type == "money" and field.column in table:
            read = convert(table[field.column], field.recipe, options=dict(field.options)).values
            return pd.to_numeric(read, errors="coerce").astype("float64")
    return pd.Series(0.0, index=table.index)
