"""Check every staged record against what its fields may hold, before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import feed_plans, needed_fields
from workbench.frames.plan import FeedPlan, native_field
from workbench.frames.rules import PATTERNS, Checked, Rule, check
from workbench.plain import Shown
from workbench.reports.pages import About, rows_of, table_of, write_page
from workbench.show import heading, html_table, labelled, together
from workbench.specs import CustomField, DestinationSpec, Feed

__all__ = ["Validation", "field_rules", "rules_of", "run"]

TEXT_TYPES = frozenset({"text", "long_text", "identifier", "postal_code", "phone", "email", "url"})
CODE_TYPES = frozenset({"identifier", "postal_code", "phone"})
"""Texts that look like numbers, and lose their zeros where somebody takes them for numbers."""

OWN_COLUMNS = frozenset({"key", "marker", "row", "owner"})
LONGEST_MARKER = 60
MOMENTS = frozenset({"moment", "zoned_moment"})
"""Recipes that keep the time of day."""
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"


@dataclass(frozen=True, repr=False)
class Validation(Shown):
    """The rules of every object, and what they found."""

    frame: pd.DataFrame  # object, column, words, checked, empty, broken, passed, examples
    failing: pd.DataFrame  # object, key, column, words, value: every cell that breaks a rule
    pages: tuple[Path, ...] = field(repr=False)  # one HTML page an object, with a JSON file of the same name beside it
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)  # object → how the customer calls it

    @property
    def passed(self) -> bool:
        """True where no record breaks a rule."""
        return bool(self.frame["passed"].all())

    def _repr_html_(self) -> str:
        frame = labelled(self.frame, self.labels, column="object")
        broken = frame[~frame["passed"].astype(bool)]
        found = f"{len(broken)} broken in {len(self.failing):,} cells" if len(broken) else "none broken"
        said = f"{len(frame)} rules, {found}"
        counts = frame.groupby("what", sort=False).agg(
            rules=("words", "size"), checked=("checked", "sum"), broken=("broken", "sum")
        )
        parts = [heading(said, good=self.passed), html_table(counts.reset_index(), caption="Rules, list by list")]
        if len(broken):
            told = broken[["what", "column", "words", "broken", "examples"]].rename(columns={"words": "every value"})
            parts.append(html_table(told, caption="Broken rules"))
        return together(*parts)


def run(engagement: Engagement, delivery: str = "main") -> Validation:
    """Check the staged records of every feed, and write a page and a JSON file per object under artifacts/validation."""
    plans = {name: plan for name, plan in feed_plans(engagement).items() if plan.feed.kind == "record"}
    records = {name: engagement.load(f"records/{name}", delivery=delivery) for name in plans}
    own = {name: tuple(frame["key"].dropna().astype("str")) for name, frame in records.items()}
    # A row that was merged into a record of another feed leads to that one.
    into = {name: [name, *(match.feed for match in plan.feed.merge)] for name, plan in plans.items()}
    keys = {name: tuple(key for feed in dict.fromkeys(feeds) for key in own.get(feed, ())) for name, feeds in into.items()}
    declared = needed_fields(engagement)
    checked = {}
    for name, plan in plans.items():
        made = rules_of(plan, engagement.destination, declared=declared, keys=keys, columns=list(records[name].columns))
        checked[name] = check(_singly(records[name], plan, keys), made, name=name)
    folder = engagement.artifacts / "validation"
    folder = folder if delivery == "main" else folder / delivery
    about = _about(engagement)
    pages = tuple(write_result(each, folder, about=about, label=plans[name].feed.label) for name, each in checked.items())
    return Validation(
        frame=_named({name: each.frame for name, each in checked.items()}),
        failing=_named({name: each.failing for name, each in checked.items()}),
        pages=pages,
        labels={name: plan.feed.label for name, plan in plans.items()},
    )


def rules_of(
    plan: FeedPlan,
    destination: DestinationSpec,
    *,
    declared: Sequence[CustomField],
    keys: Mapping[str, Collection[str]],
    columns: Sequence[str],
) -> tuple[Rule, ...]:
    """The rules of one feed's records: `columns` are those of its frame, `keys` the staged record keys of every feed."""
    feed = plan.feed
    made = [
        Rule("filled", "key", "names its record"),
        Rule("unique", "key", "names one record only"),
        Rule("filled", "marker", "is there, so that the record can be found again"),
        Rule("unique", "marker", "marks one record only"),
        Rule("at_most", "marker", f"has at most {LONGEST_MARKER} characters", limit=LONGEST_MARKER),
    ]
    if feed.owner:
        users = tuple(sorted({user for user in plan.owners.values() if user}))
        made += [Rule("filled", "owner", "is there"), Rule("one_of", "owner", "is a user that was decided on", values=users)]
    lookups = {lookup.to for lookup in feed.lookups}
    for name, feeds in _leading(feed).items():
        staged = tuple(sorted({key for each in feeds for key in keys.get(each, ())}))
        made.append(Rule("one_of", name, f"is a record of {' or '.join(feeds)} that is staged too", values=staged))
        needed = any(lookup.required and lookup.when is None for lookup in feed.lookups if lookup.to == name)
        made += [Rule("filled", name, "is there")] * needed
    if feed.unique:
        made.append(Rule("unique", feed.unique, "stands on one record only"))
    required = {each.field for each in plan.fields if each.required}
    moments = {each.field for each in plan.fields if each.recipe in MOMENTS}
    for column in columns:
        if column not in OWN_COLUMNS | lookups:
            needs = column in required
            made += field_rules(
                destination,
                feed.object,
                column,
                declared=declared,
                required=needs,
                moment=column in moments,
                options=_decided(plan, column),
            )
    absent = [name for name in sorted(required) if name not in columns]
    return (*made, *(Rule("filled", name, "is filled") for name in absent))


def _singly(records: pd.DataFrame, plan: FeedPlan, keys: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """The records with one parent in the place of several: the first that is not staged, where there is one."""
    made = {}
    for name, feeds in _leading(plan.feed).items():
        if name not in records or not any(isinstance(cell, list) for cell in records[name]):
            continue
        staged = {key for feed in feeds for key in keys.get(feed, ())}
        made[name] = pd.Series([_worst(cell, staged) for cell in records[name]], index=records.index, dtype="object")
    return records.assign(**made)


def _leading(feed: Feed) -> dict[str, tuple[str, ...]]:
    """Field → the feeds to whose records it may lead, by whatever way."""
    found: dict[str, dict[str, None]] = {}
    for lookup in feed.lookups:
        found.setdefault(lookup.to, {}).update(dict.fromkeys(lookup.leads_to()))
    return {name: tuple(feeds) for name, feeds in found.items()}


def _worst(cell: object, staged: set[str]) -> object:
    if not isinstance(cell, list):
        return cell
    return next((each for each in cell if each not in staged), cell[0] if cell else pd.NA)


def field_rules(
    destination: DestinationSpec,
    object_: str,
    name: str,
    *,
    declared: Sequence[CustomField],
    required: bool = False,
    moment: bool = False,
    options: Sequence[str] = (),
) -> list[Rule]:
    """What one field of an object may hold; `options` are the decided ones, used where its field declares none.

    `moment` says that a day is loaded with its time.
    """
    native = native_field(destination, object_, name)
    custom = next((f for f in declared if f.name == name and f.object == object_), None)
    custom = custom or next((f for f in declared if f.name == name), None)
    type_ = native.type if native else custom.type if custom else "text"
    limit = native.max_length if native else _limit(destination, type_)
    made = []
    if required or (native is not None and native.required):
        made.append(Rule("filled", name, "is filled"))
    if type_ in TEXT_TYPES:
        because = ", so that no leading zero is lost" if type_ in CODE_TYPES else ""
        made.append(Rule("text", name, f"is held as text{because}"))
    if type_ in PATTERNS:
        made.append(Rule("pattern", name, PATTERNS[type_][1], pattern=PATTERNS[type_][0]))
    if moment:
        made.append(Rule("pattern", name, "is a moment with its time zone", pattern=MOMENT))
    elif type_ in ("date", "datetime"):
        made.append(Rule("day", name, "is a day of the calendar, as YYYY-MM-DD"))
    if limit:
        made.append(Rule("at_most", name, f"has at most {limit:,} characters", limit=limit))
    choices = custom.choices if custom and custom.choices and not native else tuple(options)
    if type_ in ("picklist", "multi_picklist") and choices:
        made.append(_choice(name, type_, choices))
    return made


def write_result(checked: Checked, folder: Path, *, about: About, label: str) -> Path:
    """Write the page and the JSON file of one object; the page asks for nothing when it is opened."""
    values = {
        "passed": checked.passed,
        "records": checked.records,
        "rules": rows_of(checked.frame),
        "broken": rows_of(checked.frame[~checked.frame["passed"].astype(bool)]),
        "checked": int(checked.frame["checked"].sum()),
        "failing": table_of(checked.failing.rename(columns={"words": "rule"}), limit=200),
        "version": checked.results["great_expectations"],
    }
    page = write_page(
        folder / f"{checked.name}.html", "validation.html.j2", about=about, title=f"Validation: {label}", values=values
    )
    page.with_suffix(".json").write_text(json.dumps(checked.results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return page


def _choice(name: str, type_: str, choices: Sequence[str]) -> Rule:
    words = "is one of the options: " if type_ == "picklist" else "names only options of: "
    shown = ", ".join(choices[:8]) + (f", … ({len(choices)} in all)" if len(choices) > 8 else "")
    return Rule("one_of" if type_ == "picklist" else "each_of", name, words + shown, values=tuple(choices))


def _limit(destination: DestinationSpec, type_: str) -> int:
    """Characters that a custom field holds: those of its type at the destination, where that is a text."""
    types = destination.types
    limits = {types.get("long_text"): destination.long_text_limit, types.get("text"): destination.text_limit}
    return limits.get(types.get(type_, ""), 0)


def _decided(plan: FeedPlan, column: str) -> tuple[str, ...]:
    """The options that were decided on for the values of a field."""
    chosen: dict[str, None] = {}
    for each in plan.fields:
        mapping = each.options.get("mapping") if each.field == column else None
        if isinstance(mapping, Mapping):
            chosen |= dict.fromkeys(str(option) for option in mapping.values() if option)
    return tuple(chosen)


def _about(engagement: Engagement) -> About:
    settings = engagement.settings
    return About(
        customer=settings.customer,
        source=engagement.source.label,
        destination=engagement.destination.label,
        route=engagement.route.title,
        engagement=settings.engagement_id,
    )


def _named(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All frames under each other, with the object in front."""
    whole = pd.concat([frame.assign(object=name) for name, frame in frames.items()], ignore_index=True)
    return whole.loc[:, ["object", *[column for column in whole.columns if column != "object"]]]
