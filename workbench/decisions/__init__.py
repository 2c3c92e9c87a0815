"""What the machine proposed and what people decided, as separate records; the newest decision of a subject counts."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, insert, select, update

from workbench import store as tables
from workbench.clock import now
from workbench.decisions.answers import Merged, Question, Sent, choices, merge, read_answers, text_of
from workbench.decisions.contested import asked_in_words
from workbench.decisions.decision import (
    ACCEPTABLE,
    KINDS,
    Decision,
    check,
    json_or_none,
    known,
    line_of,
    overtaken,
    read_line,
    says_again,
    to_json,
    value_json,
)
from workbench.decisions.proposing import proposed
from workbench.errors import DecisionMissing, EditError
from workbench.journal import Journal
from workbench.store import writing

__all__ = ["ACCEPTABLE", "KINDS", "Decisions"]

PROPOSAL = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
HISTORY = ["kind", "subject", "value", "previous", "by", "at", "why", "shown", "withdrawn"]
MERGED = ["kind", "subject", "verdict", "sent", "answer", "now", "comment", "words"]


class Decisions:
    """The proposals and decisions of one engagement.

    Proposing never touches a decision. Deciding appends; saying the same again appends nothing. Several people may
    write at once. What is decided is noted in the journal, where one is given.
    """

    def __init__(self, store: Engine, *, engagement_id: str = "", journal: Journal | None = None) -> None:
        self._store = store
        self._id = engagement_id
        self._journal = journal

    # ------------------------------------------------------------ proposals

    def propose(self, kind: str, frame: pd.DataFrame, *, within: str = "") -> None:
        """Take this frame as all that is proposed for the kind, or for its subjects that begin with `within`.

        Columns: subject, value (missing where the machine has no answer), and where known confidence (0 to 1),
        reasons, alternatives (values, or mappings with a value), shown (what a person has to see to judge).
        """
        known(kind)
        rows = proposed(kind, frame)
        t = tables.proposals
        live = and_(self._mine(t, kind), t.c.retired.is_(None), t.c.subject.startswith(within, autoescape=True))
        with writing(self._store) as connection:
            before = connection.execute(select(*(t.c[name] for name in PROPOSAL)).where(live).order_by(t.c.id)).mappings()
            if [dict(row) for row in before] == rows:
                return
            at = now()
            connection.execute(update(t).where(live).values(retired=at))
            if rows:
                connection.execute(insert(t), [{**row, "engagement": self._id, "kind": kind, "at": at} for row in rows])

    def proposals(self, kind: str) -> pd.DataFrame:
        """One row a proposed subject, in the order of proposing: subject, value, confidence, reasons, alternatives, shown."""
        known(kind)
        t = tables.proposals
        with self._store.connect() as connection:
            query = select(t).where(self._mine(t, kind), t.c.retired.is_(None)).order_by(t.c.id)
            rows = connection.execute(query).mappings().all()
        texts = PROPOSAL[1:2] + PROPOSAL[3:]
        found = [{**row, **{name: json.loads(row[name]) for name in texts}} for row in rows]
        return _frame(found, PROPOSAL, numbers=("confidence",))

    # ------------------------------------------------------------ deciding

    def confirm(self, kind: str, subject: str, value: Any, *, by: str, why: str = "", shown: Any = None) -> None:
        """Record what a named person decided; `shown` is what they saw when they did."""
        self._decide([Decision(kind, subject, value_json(value), by, why, to_json(shown))])

    def confirm_many(
        self, kind: str, frame: pd.DataFrame, *, by: str, why: str = "", before: Mapping[str, Any] | None = None
    ) -> list[str]:
        """Record a frame of subject, value and, where present, shown: all of it or, on an error, nothing.

        `before` is what was decided when the person looked, by subject. A subject that somebody has decided otherwise
        since stays as it is, and is returned.
        """
        rows = frame.to_dict("records")
        told = [Decision(kind, r["subject"], value_json(r["value"]), by, why, to_json(r.get("shown"))) for r in rows]
        return self._decide(told, before=before)[1]

    def withdraw(self, kind: str, subject: str, *, by: str, why: str = "") -> None:
        """Take a decision back, so that the question is open again; history keeps both."""
        self._decide([Decision(kind, subject, None, by, why)])

    def withdraw_many(self, kind: str, before: Mapping[str, Any], *, by: str, why: str = "") -> list[str]:
        """Take these decisions back; `before` and what is returned are as in `confirm_many`."""
        return self._decide([Decision(kind, subject, None, by, why) for subject in before], before=before)[1]

    def accept(self, threshold: float, *, by: str, kinds: Sequence[str] = ACCEPTABLE) -> pd.DataFrame:
        """Confirm what was proposed with at least this confidence and nobody has decided, in a person's name.

        Returns what it confirmed: kind, subject, value, confidence.
        """
        chosen = [found for kind in kinds for found in self._acceptable(kind, threshold)]
        why = f"accepted with every proposal of confidence {threshold:g} and above"
        told = [Decision(kind, r["subject"], value_json(r["value"]), by, why, to_json(r)) for kind, r in chosen]
        stay = self._decide(told, before={})[1]  # somebody was quicker
        chosen = [(kind, row) for kind, row in chosen if row["subject"] not in stay]
        return _frame([{"kind": kind, **row} for kind, row in chosen], ["kind", *PROPOSAL[:3]], numbers=("confidence",))

    # ------------------------------------------------------------ asking

    def current(self, kind: str) -> pd.DataFrame:
        """What is decided, one row a subject: subject, value, by, at, why."""
        rows = [row for row in self._newest(kind).values() if row["value"] is not None]
        return _frame([{**row, "value": json.loads(row["value"])} for row in rows], ["subject", "value", "by", "at", "why"])

    def value(self, kind: str, subject: str) -> Any:
        """What is decided about one subject, None where nothing is."""
        row = self._newest(kind, subject).get(subject)
        return None if row is None or row["value"] is None else json.loads(row["value"])

    def mapping(self, kind: str) -> dict[str, Any]:
        """Every decided subject of the kind with its value."""
        found = self._newest(kind).items()
        return {subject: json.loads(row["value"]) for subject, row in found if row["value"] is not None}

    def missing(self, kind: str) -> list[str]:
        """Subjects that are proposed and not decided, in the order of proposing."""
        decided = self.mapping(kind)
        return [subject for subject in self.proposals(kind)["subject"] if subject not in decided]

    def require(self, kind: str, *, where: str) -> pd.DataFrame:
        """What is decided, or DecisionMissing with everything that is not; `where` names the step that asks."""
        missing = self.missing(kind)
        if missing:
            noun = kind.replace("_", " ")
            raise DecisionMissing(f"{len(missing)} {noun} decisions are missing", missing=missing, where=where)
        return self.current(kind)

    def history(self, kind: str | None = None, subject: str | None = None) -> pd.DataFrame:
        """Every decision ever made, oldest first: kind, subject, value, previous, by, at, why, shown, withdrawn."""
        with self._store.connect() as connection:
            rows = self._rows(connection, kind, subject)
        texts = ("value", "previous", "shown")
        found = [
            {**row, **{name: json.loads(row[name] or "null") for name in texts}, "withdrawn": row["value"] is None}
            for row in rows
        ]
        return _frame(found, HISTORY)

    def digest(self, *kinds: str) -> str:
        """SHA-256 of what is decided now, whoever decided it and when; all kinds but sign-offs where none is named."""
        chosen = kinds or tuple(kind for kind in KINDS if kind != "signoff")
        state = {kind: self.mapping(kind) for kind in sorted(chosen)}
        return hashlib.sha256(to_json(state).encode()).hexdigest()

    # ------------------------------------------------------------ files

    def write_jsonl(self, path: Path) -> Path:
        """Write the whole history, one decision a line, so that it replays elsewhere."""
        with self._store.connect() as connection:
            lines = [line_of(dict(row)) for row in self._rows(connection, None, None)]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def read_jsonl(self, path: Path, *, by: str = "") -> int:
        """Add the decisions of a file and return how many were new; all or, where a line is wrong, none.

        A line needs kind, subject and value; `by` stands in where it names nobody. A line with a time keeps it, so
        that an older decision does not win over a newer one that is here already.
        """
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as broken:
            todo = "name a file that `workbench export-decisions` wrote"
            raise EditError("the file of decisions cannot be read", found=str(broken), where=str(path), todo=todo) from None
        read = [read_line(line, f"{path.name}: line {n}", by) for n, line in enumerate(lines, start=1) if line.strip()]
        return self._decide(read, source=path.name)[0]

    def to_workbook(
        self, path: Path, *, kinds: Sequence[str] = ACCEPTABLE, options: Mapping[str, Sequence[Any]] | None = None
    ) -> Path:
        """Write the questions of these kinds as a workbook for the customer, and remember what was sent.

        `options` gives for a kind every answer there is, in full; without it a question offers its proposal, its
        alternatives, and to leave it empty.
        """
        from workbench.decisions.questions import write_questions  # spreadsheets are much to load, and seldom written

        sent = uuid.uuid4().hex
        questions, rows = [], []
        for kind in kinds:
            decided, more = self.mapping(kind), (options or {}).get(kind, ())
            for proposal in self.proposals(kind).to_dict("records"):
                before = decided.get(proposal["subject"])
                offered = choices(kind, proposal["value"], proposal["alternatives"], [*more, before])
                question = _question(kind, proposal, before, tuple(offered))
                questions.append(question)
                kept = {
                    "workbook": sent,
                    "row": len(questions),
                    "decided": json_or_none(before),
                    "options": json.dumps(offered, ensure_ascii=False),
                }
                rows.append({**kept, "kind": kind, "subject": question.subject, "answer": question.answer})
        write_questions(path, questions, workbook=sent)
        at = now()
        with writing(self._store) as connection:
            for row in rows:
                connection.execute(insert(tables.sendings), {**row, "engagement": self._id, "at": at})
        return path

    def merge_workbook(self, path: Path, *, by: str) -> pd.DataFrame:
        """Take over what a returned workbook answers, and say for every row that was sent what became of it.

        Columns: kind, subject, verdict, sent, answer, now, comment, words. Verdicts: accepted (as it was sent),
        changed, conflicting (decided otherwise meanwhile: the decision stays), impossible (not among the options, or
        not sent), open (no answer). Only accepted and changed rows are decided by it.
        """
        returned = read_answers(path)
        with writing(self._store) as connection:
            sent = self._sent(connection, returned.workbook)
            if not sent:
                raise EditError(
                    "this workbook was not sent from this engagement",
                    where=path.name,
                    todo="merge it into the engagement that wrote it",
                )
            live = {
                (kind, subject): json.loads(newest["value"] or "null")
                for kind in {row.kind for row in sent}
                for subject, newest in self._newest_in(connection, kind).items()
            }
            merged = merge(sent, returned.answers, live)
            decided = [_answered(row, by, path.name) for row in merged if row.value is not None]
            for decision in decided:
                check(decision)
            recorded = self._append(connection, decided)
        self._note(recorded, path.name)
        return _frame([vars(row) for row in merged], MERGED)

    # ------------------------------------------------------------ inside

    def _mine(self, table: Any, kind: str) -> ColumnElement[bool]:
        return and_(table.c.engagement == self._id, table.c.kind == kind)

    def _rows(self, connection: Connection, kind: str | None, subject: str | None) -> Sequence[RowMapping]:
        t = tables.decisions
        query = select(t).where(t.c.engagement == self._id).order_by(t.c.at, t.c.id)
        if kind is not None:
            query = query.where(t.c.kind == known(kind))
        if subject is not None:
            query = query.where(t.c.subject == subject)
        return connection.execute(query).mappings().all()

    def _newest(self, kind: str, subject: str | None = None) -> dict[str, RowMapping]:
        with self._store.connect() as connection:
            return self._newest_in(connection, kind, subject)

    def _newest_in(self, connection: Connection, kind: str, subject: str | None = None) -> dict[str, RowMapping]:
        return {row["subject"]: row for row in self._rows(connection, kind, subject)}

    def _acceptable(self, kind: str, threshold: float) -> list[tuple[str, dict[str, Any]]]:
        decided = self.mapping(kind)
        rows = self.proposals(kind)[["subject", "value", "confidence", "reasons"]].to_dict("records")
        return [
            (kind, {str(name): part for name, part in row.items()})
            for row in rows
            if row["value"] is not None and row["confidence"] >= threshold and row["subject"] not in decided
        ]

    def _decide(
        self, decided: Sequence[Decision], *, source: str = "", before: Mapping[str, Any] | None = None
    ) -> tuple[int, list[str]]:
        """How many said something new, and which subjects stay since they no longer stand as they did `before`."""
        for decision in decided:
            check(decision)
        with writing(self._store) as connection:  # looking and writing under one lock
            kinds = {d.kind for d in decided} if before is not None else ()
            newest = {kind: self._newest_in(connection, kind) for kind in kinds}
            stay = [d.subject for d in decided if before is not None and overtaken(d, newest[d.kind], before)]
            recorded = self._append(connection, [d for d in decided if d.subject not in stay])
        self._note(recorded, source)
        return len(recorded), stay

    def _append(self, connection: Connection, decided: Sequence[Decision]) -> list[Decision]:
        """Insert what says something new; a decision is never dated before the one it takes the place of."""
        only = decided[0].subject if len(decided) == 1 else None
        before = [row for kind in {d.kind for d in decided} for row in self._rows(connection, kind, only)]
        seen = {(row["kind"], row["subject"], row["value"], row["by"], row["at"]) for row in before}
        newest: dict[tuple[str, str], Mapping[str, Any]] = {(row["kind"], row["subject"]): dict(row) for row in before}
        rows, recorded = [], []
        for decision in decided:
            last = newest.get((decision.kind, decision.subject))
            same = (decision.kind, decision.subject, decision.value, decision.by, decision.at)
            if same in seen or (not decision.at and says_again(decision, last)):
                continue
            at = decision.at or max(now(), last["at"] if last else "")
            row = {**vars(decision), "at": at, "engagement": self._id, "previous": last["value"] if last else None}
            if last is None or at >= last["at"]:
                newest[decision.kind, decision.subject] = row
            rows.append(row)
            recorded.append(decision)
        if rows:
            connection.execute(insert(tables.decisions), rows)
        return recorded

    def _note(self, recorded: Sequence[Decision], source: str) -> None:
        if self._journal is None or not recorded:
            return
        said = [[d.kind, d.subject, d.value, d.by] for d in recorded]
        people, kinds = sorted({d.by for d in recorded}), sorted({d.kind for d in recorded})
        detail: dict[str, Any] = {
            "count": len(recorded),
            "kinds": kinds,
            "sha256": hashlib.sha256(to_json(said).encode()).hexdigest(),
        }
        subject = f"{recorded[0].kind} {recorded[0].subject}" if len(recorded) == 1 else ""
        self._journal.append(
            "decided", subject=subject, detail={**detail, **({"file": source} if source else {})}, who="; ".join(people)
        )

    def _sent(self, connection: Connection, workbook: str) -> list[Sent]:
        t = tables.sendings
        query = select(t).where(t.c.engagement == self._id, t.c.workbook == workbook).order_by(t.c.row)
        return [
            Sent(
                row["row"],
                row["kind"],
                row["subject"],
                row["answer"],
                json.loads(row["decided"] or "null"),
                json.loads(row["options"]),
            )
            for row in connection.execute(query).mappings()
        ]


def _question(kind: str, proposal: Mapping[Any, Any], decided: Any, options: tuple[str, ...]) -> Question:
    proposed = text_of(kind, proposal["value"])
    title, shown = asked_in_words(kind, proposal["subject"], proposal["shown"])
    return Question(
        kind,
        proposal["subject"],
        shown or _words(proposal["shown"]),
        proposed,
        proposal["confidence"],
        _words(proposal["reasons"]),
        proposed if decided is None else text_of(kind, decided),
        options,
        title,
    )


def _answered(row: Merged, by: str, file: str) -> Decision:
    shown = {"file": file, "sent": row.sent, "answer": row.answer}
    return Decision(row.kind, row.subject, to_json(row.value), by, row.comment, to_json(shown))


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Texts as text, and whatever is JSON as objects, also where there is no row."""
    anything = {"value", "previous", "shown", "reasons", "alternatives"}
    kinds = {**dict.fromkeys(numbers, "float64"), **dict.fromkeys(anything, "object"), "withdrawn": "bool"}
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=kinds.get(name, "str")) for name in columns})


def _words(shown: Any) -> str:
    if isinstance(shown, Mapping):
        return "; ".join(f"{name}: {_words(part)}" for name, part in shown.items())
    if isinstance(shown, list):
        return "; ".join(_words(part) for part in shown)
    return "" if shown is None else str(shown)
