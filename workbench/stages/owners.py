"""Find out who owns what at the destination, and let nothing pass whose owner is unresolved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import connected, delivered, feed_plans, prepared
from workbench.frames.plan import BLANK
from workbench.frames.select import filled
from workbench.matching.owners import match_owners
from workbench.plain import Shown
from workbench.show import Meter, heading, html_table, name_of, together

__all__ = ["Owners", "propose", "run"]

KIND = "owner"
FIRST_GUESS = 0.0
"""Confidence of a fallback: a machine never chooses who gets what belongs to nobody."""


@dataclass(frozen=True, repr=False)
class Owners(Shown):
    """Every owner of the exports, with what hangs on them and whom they become."""

    frame: pd.DataFrame  # owner, rows, value, user, by, why
    unresolved: int

    def _repr_html_(self) -> str:
        said = "every owner is resolved" if not self.unresolved else f"{self.unresolved} owners are unresolved"
        most = max(int(self.frame["rows"].max()), 1) if len(self.frame) else 1
        shown = pd.DataFrame(
            {
                "owner in the export": self.frame["owner"],
                "records": [Meter(rows / most, f"{rows:,}") for rows in self.frame["rows"]],
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
    weights = weigh(engagement)
    users = connected(engagement).metadata().users_frame()
    active = set(users.loc[users["active"], "email"].str.casefold())
    frame = weights[["owner", "rows", "value"]].copy()
    frame["user"] = frame["owner"].map(decided["value"]).fillna("")
    frame["by"] = frame["owner"].map(decided["by"]).fillna("")
    frame["why"] = frame["owner"].map(decided["why"]).fillna("")
    lost = ~frame["user"].astype("str").str.casefold().isin(active)
    frame["state"] = lost.map({True: "unresolved", False: "resolved"})
    engagement.save("owners", frame.reset_index(drop=True).astype({"value": "float64"}))
    reasons = [f"{row['owner']}: {row['user'] or 'nobody'} is no active user" for row in frame[lost].to_dict("records")]
    engagement.finish(
        "owners", passed=not lost.any(), reasons=reasons, summary={"owners": len(frame), "unresolved": int(lost.sum())}
    )
    return Owners(frame=frame.reset_index(drop=True), unresolved=int(lost.sum()))


def _weight(rows: int, value: float) -> str:
    """What hangs on an owner, in words; no deals, no word of them."""
    return f"{rows:,} records" + (f", {value:,.2f} in deals" if value else "")


def weigh(engagement: Engagement) -> pd.DataFrame:
    """Owner as it stands, a name where one is known, the rows behind it, and the money of its deals."""
    parts: list[pd.DataFrame] = []
    for plan in feed_plans(engagement).values():
        feed = plan.feed
        if not plan.active:
            continue
        parts += [pd.DataFrame({"owner": [each.owner], "name": pd.NA, "rows": 1}) for each in plan.records if feed.owner]
        if feed.kind == "match":
            table = delivered(engagement, feed.table)
            called = next((table[name] for name in table.columns if name.casefold() == "name"), pd.NA)
            parts.append(pd.DataFrame({"owner": table[plan.table.key[0]], "name": called, "rows": 0}))
        elif feed.kind == "record" and feed.owner and (feed.main or feed.duplicates == ""):
            table = prepared(engagement, plan)
            money = next((rule.column for rule in feed.fields if rule.recipe == "money" and rule.required), "")
            owner = table[feed.owner].astype("str").str.strip().where(filled(table[feed.owner]), BLANK)
            value = pd.to_numeric(table[money].str.replace(r"[$,]", "", regex=True), errors="coerce") if money else 0
            parts.append(pd.DataFrame({"owner": owner, "name": pd.NA, "rows": 1, "value": value}))
    everyone = pd.concat(parts, ignore_index=True)
    everyone = everyone[everyone["owner"].notna()]
    everyone["owner"] = everyone["owner"].str.strip()
    grouped = everyone.groupby("owner", sort=True)
    frame = grouped.agg(name=("name", "first"), rows=("rows", "sum"), value=("value", "sum")).reset_index()
    return frame.sort_values(["rows", "owner"], ascending=[False, True]).reset_index(drop=True)
