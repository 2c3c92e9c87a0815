"""What was agreed on: put together from the route, the answers to its questions, the confirmed map, and the rows that came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from workbench import reports
from workbench.engagement import Engagement
from workbench.flow.accepting import acceptances
from workbench.flow.labels import feed_labels, field_labels
from workbench.flow.planning import answered, answers, feed_plans
from workbench.frames.plan import FeedPlan
from workbench.reports.fates import DOCUMENTED, repeated
from workbench.reports.reasons import reason
from workbench.show import day, name_of
from workbench.specs import Feed, Scope
from workbench.specs.feeds import holds_column

__all__ = ["limits", "losses", "scope_document"]

SIGNOFF = "signoff"
NEXT_FIGURE = re.compile(r"; (?=\d)")
"""Between two figures of one answer; the words of a rule have semicolons of their own."""


def scope_document(engagement: Engagement, about: reports.About) -> reports.Scope:
    """The scope document as things stand: the recorded answers, or the usual ones where nobody has given any."""
    plans = feed_plans(engagement)
    moving = [plan for plan in plans.values() if plan.active and plan.feed.kind != "document"]
    listed = [plan.feed for plan in plans.values() if plan.active and plan.feed.kind == "document"]
    return reports.Scope(
        about=about,
        summary=engagement.route.about,
        answers=tuple(_settled(engagement)),
        moving=tuple(_becoming(engagement, plan) for plan in moving),
        documented=tuple(reports.Becoming(feed.label.partition(" → ")[0], feed.about) for feed in listed),
        otherwise=tuple(f"{plan.feed.label}. {plan.feed.about}" for plan in plans.values() if not plan.active),
        rules=_left_out(engagement),
        columns=_left_behind(engagement),
        losses=losses(engagement),
        limits=limits(engagement),
        signed=tuple(_signed(engagement)),
    )


def losses(engagement: Engagement) -> pd.DataFrame:
    """What the destination cannot hold, and where it is instead."""
    return pd.DataFrame([[loss.what, loss.where] for loss in engagement.route.losses], columns=["what", "where"])


def limits(engagement: Engagement) -> pd.DataFrame:
    """The limits that come with the answers, and the words in which the customer accepted each."""
    return pd.DataFrame(
        [[each.limit, each.words, name_of(each.by), day(each.at)] for each in acceptances(engagement)],
        columns=["what is not kept", "accepted in these words", "recorded by", "on"],
    )


def _settled(engagement: Engagement) -> Iterator[reports.Answer]:
    """Every question of the scope with its answer, what that means, and what it brings."""
    said, decided = answered(engagement), engagement.decisions.current("scope").set_index("subject")
    shown = engagement.decisions.proposals("scope").set_index("subject")["shown"]
    for question in engagement.route.scope:
        answer = said[question.name]
        row = decided.loc[question.name] if question.name in decided.index else None
        yield reports.Answer(
            question=question.question,
            answer=_spoken(answer),
            meaning=meaning(question, answer),
            brings=_brought(shown.get(question.name, ()), question, answer),
            by=name_of(str(row["by"])) if row is not None else "",
            at=day(str(row["at"])) if row is not None else "",
        )


def meaning(question: Scope, answer: str) -> str:
    """What the question says of one answer; all that it says where it tells the answers not apart."""
    starts = sorted((at, name) for name in question.options if (at := _beginning(question.about, name)) >= 0)
    for (at, name), end in zip(starts, [*(at for at, _ in starts[1:]), len(question.about)], strict=False):
        if name == answer:
            return question.about[at + len(name) + 2 : end].strip()
    return question.about


def _beginning(about: str, name: str) -> int:
    """Where a sentence on one answer begins, such as `leave_out: they stay`; -1 where there is none."""
    if about.startswith(f"{name}: "):
        return 0
    at = about.find(f". {name}: ")
    return at + 2 if at >= 0 else -1


def _brought(shown: object, question: Scope, answer: str) -> tuple[str, ...]:
    """The figures of one answer, or those that hold for every one; a rule that several lines name is told with the first."""
    told = [str(line) for line in shown] if isinstance(shown, list | tuple) else []
    own = [line.removeprefix(f"{answer}: ") for line in told if line.startswith(f"{answer}: ")]
    others = tuple(f"{option}: " for option in question.options)
    lines, said = own or [line for line in told if not line.startswith(others)], set[str]()
    parts = []
    for part in (each.removesuffix(".") for line in lines for each in NEXT_FIGURE.split(line)):
        figure, _, rule = part.partition(": ")
        parts.append(figure if rule in said else part)
        said.add(rule)
    return tuple(parts)


def _spoken(answer: str) -> str:
    return answer.replace("_", " ")


def _becoming(engagement: Engagement, plan: FeedPlan) -> reports.Becoming:
    """One feed with its confirmed columns, fields as the destination shows them; a file is itself, and has none to show."""
    labels = field_labels(engagement)
    rows = [[each.column, labels.get((plan.feed.name, each.field), each.field)] for each in plan.fields if not plan.of_files]
    return reports.Becoming(plan.feed.label, plan.feed.about, pd.DataFrame(rows, columns=["column", "field"]))


def _left_out(engagement: Engagement) -> pd.DataFrame:
    """Rows of the main delivery that a rule leaves out, each under one kind of record; those of documents stand apart."""
    columns, labels = ["what", "rule", "rows"], feed_labels(engagement)
    parts = [
        engagement.load(f"{kind}/{feed.name}")
        for feed in engagement.route.feeds
        if (kind := "final" if engagement.has(f"final/{feed.name}") else "verdicts") and engagement.has(f"{kind}/{feed.name}")
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    verdicts = pd.concat(parts, ignore_index=True)
    out = verdicts[(verdicts["bucket"] == "excluded") & (verdicts["reason"] != DOCUMENTED) & ~repeated(verdicts)]
    counts = out.groupby(["feed", "reason"], sort=False).size().reset_index(name="rows").astype({"rows": "int64"})
    rows = [
        [labels.get(str(row["feed"]), str(row["feed"])), _rule(engagement, str(row["feed"]), str(row["reason"])), row["rows"]]
        for row in counts.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=columns)


def _rule(engagement: Engagement, feed: str, code: str) -> str:
    """A rule in the words of the route, or of its reason."""
    named = {each.rule: each.about for each in engagement.route.feed(feed).exclude}
    words = named.get(code) or reason(code).words
    return words[:1].upper() + words[1:].removesuffix(".")


def _left_behind(engagement: Engagement) -> pd.DataFrame:
    """Columns that nothing is made of, by decision, table by table; no keys, owners, links or parts of texts."""
    empty = {subject for subject, answer in answers(engagement).items() if not (answer.target or answer.new_label)}
    left: dict[str, dict[str, None]] = {}
    used = {feed.table: set[str]() for feed in engagement.route.feeds}
    for plan in feed_plans(engagement).values():
        used[plan.feed.table] |= {*plan.table.key, *(field.column for field in plan.fields)}
    for subject in sorted(empty):
        name, column = subject.split("/", 1)
        feed = engagement.route.feed(name)
        if column not in used[feed.table] and not any(_speaks_of(each, column) for each in _of(engagement, feed.table)):
            left.setdefault(feed.table, {})[column] = None
    return pd.DataFrame([[table, ", ".join(columns)] for table, columns in left.items()], columns=["table", "columns"])


def _of(engagement: Engagement, table: str) -> list[Feed]:
    return [feed for feed in engagement.route.feeds if feed.table == table]


def _speaks_of(feed: Feed, column: str) -> bool:
    """Whether anything but a rule for the column itself asks for it: an owner, a link, a condition, a composed text."""
    said = feed.model_copy(update={"fields": tuple(rule.model_copy(update={"column": ""}) for rule in feed.fields)})
    told = any(rule.compose and holds_column(rule.compose, column) for rule in feed.fields)
    return told or f'"{column}"' in said.model_dump_json()


def _signed(engagement: Engagement) -> Iterator[str]:
    """The sign-offs that were recorded in the course of the migration."""
    said: Mapping[str, Any] = engagement.decisions.mapping(SIGNOFF)
    for row in engagement.decisions.current(SIGNOFF).astype({"by": "str", "at": "str"}).to_dict("records"):
        told = said[str(row["subject"])]
        role = f", {told['role']}," if told.get("role") else ""
        yield f"{told.get('name') or name_of(row['by'])}{role} signed off the {row['subject']} on {day(row['at'])}."
