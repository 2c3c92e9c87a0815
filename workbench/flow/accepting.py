"""Limits that come with an answer of the scope, and whether the customer has accepted each of them in writing."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.engagement import Engagement
from workbench.flow.planning import answered

__all__ = ["Acceptance", "acceptances", "unaccepted"]


@dataclass(frozen=True)
class Acceptance:
    """A limit, and the words in which somebody accepted it; these are empty where nobody has."""

    subject: str  # question/answer, the subject of the decision (kind waiver)
    question: str
    limit: str
    words: str = ""
    by: str = ""
    at: str = ""


def acceptances(engagement: Engagement) -> tuple[Acceptance, ...]:
    """Every limit that the answers of the scope bring with them, in the order of the questions."""
    said = answered(engagement)
    decided = {str(row.subject): row for row in engagement.decisions.current("waiver").itertuples(index=False)}
    found = []
    for question in engagement.route.scope:
        for answer, limit in question.accept.items():
            subject = f"{question.name}/{answer}"
            if said[question.name].strip().casefold() != answer.casefold():
                continue
            row = decided.get(subject)
            told = (str(row.value).strip(), str(row.by), str(row.at)) if row is not None else ("", "", "")
            found.append(Acceptance(subject, question.question, limit, *told))
    return tuple(found)


def unaccepted(engagement: Engagement) -> list[str]:
    """What keeps the mapping closed: each limit that nobody has accepted in writing, after its subject."""
    return [
        f"{each.subject}: nobody has accepted in writing: {each.limit}" for each in acceptances(engagement) if not each.words
    ]
