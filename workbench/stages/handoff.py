"""Write what the customer keeps: the proof that everything arrived, and what has to be rebuilt by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench import reports
from workbench.clock import now
from workbench.decisions.survivors import emptied_of, into_of, taken_of
from workbench.engagement import PHASES, Engagement
from workbench.engagement.glance import ASKS
from workbench.errors import on_disk
from workbench.flow.certifying import certificate, letter
from workbench.flow.documented import Documented, documented, files_left
from workbench.flow.history import history, standing_count
from workbench.flow.labels import feed_labels, field_labels
from workbench.flow.planning import feed_plans, prepared
from workbench.flow.reconciling import cells_closed, links_and_money
from workbench.flow.scoping import limits, losses, scope_document
from workbench.flow.timeline import runs
from workbench.flow.transfer import in_order
from workbench.frames.select import filled
from workbench.plain import Shown
from workbench.reports.fates import fates_of, told_once
from workbench.reports.reasons import SPREADSHEET_DAMAGE
from workbench.show import heading, html_table, percent, together

__all__ = ["Handoff", "run"]

BACK = '\n<nav><a href="../index.html">← All documents</a></nav>'
NEXT_STEPS = (
    "Look at the rows that need your attention: the reconciliation report says of each why, and what can be done.",
    "Save whatever is listed under what stays behind and is to be kept, before the old account is closed.",
    "Rebuild the automations from their document, then switch workflows, sequences and notification e-mails on again.",
    "Keep this package, and its fingerprint apart from it: together they show that nothing in it was changed.",
)
"""What is left to the customer once everything has moved."""

LEFT_OVER = "left-over file"
UPLOAD = "Upload by hand what is wanted; the last column says why each of them was not uploaded."


@dataclass(frozen=True, repr=False)
class Handoff(Shown):
    """The documents of the package, and whether what they have to say is good."""

    frame: pd.DataFrame  # document, about
    statements: pd.DataFrame  # holds, statement
    good: bool

    def _repr_html_(self) -> str:
        said = "the documents are written" if self.good else "the documents are written, and not everything holds"
        return together(
            heading(said, good=self.good),
            html_table(self.statements, caption="What has to be true"),
            html_table(self.frame, caption="Documents", first=30),
        )


@on_disk("the documents")
def run(engagement: Engagement) -> Handoff:
    """Write every document of the package; the phase passes when each of them is there and every statement holds."""
    folder = engagement.root / "package" / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    about = _about(engagement)
    reconciliation = _reconciliation(engagement, about)
    rows, entries = [], []
    for title, words, paths in _documents(engagement, about, reconciliation, folder):
        written = [path.relative_to(folder).as_posix() for path in paths]
        rows += [[name, words] for name in written]
        pages, books = ([n for n in written if n.endswith(end)] for end in (".html", ".xlsx"))
        entries.append(reports.Entry(title=title, path=pages[0], about=words, workbook=books[0] if books else ""))
    checked = [["validation/" + page.name, "rules that the staged records keep"] for page in _validation(engagement, folder)]
    labels = feed_labels(engagement)
    entries += [
        reports.Entry(
            labels.get(Path(path).stem, Path(path).stem), path, "rules for the staged records, each checked", "Evidence"
        )
        for path, _ in checked
    ]
    decided = _decisions(engagement, folder)
    entries += [reports.Entry("Decisions", path, words, group="Evidence") for path, words in decided if path.endswith(".xlsx")]
    entries += _notebooks()
    index = reports.Index(
        about=about,
        statements=_statements(engagement, reconciliation),
        rows=reconciliation.told,
        entries=tuple(entries),
        next_steps=NEXT_STEPS,
        labels=labels,
        fates=reconciliation.fates,
        standing={feed.label: standing_count(engagement, feed.name) for feed in in_order(engagement)},
        later=_later(engagement),
    )
    first = [[path.relative_to(folder).as_posix(), "start here"] for path in reports.render_index(index, folder)]
    return _finished(engagement, reconciliation, [*first, *rows, *checked, *decided])


def _later(engagement: Engagement) -> dict[str, pd.DataFrame]:
    """The row accounting of every later delivery, of the feeds of which it brought rows; each row where it counts."""
    closed = {
        name: told_once(engagement.load("accounting", delivery=name), _ended(engagement, name))
        for name in _later_ones(engagement)
    }
    return {name: frame[frame["rows"] > 0].reset_index(drop=True) for name, frame in closed.items()}


def _ended(engagement: Engagement, delivery: str) -> pd.DataFrame:
    """Where every row of a delivery ended, over all feeds."""
    parts = [engagement.load(f"final/{feed.name}", delivery=delivery) for feed in engagement.route.feeds]
    return pd.concat(parts, ignore_index=True)


def _later_ones(engagement: Engagement) -> list[str]:
    return [n for n in engagement.deliveries() if n != "main" and engagement.has("accounting", delivery=n)]


def _statements(engagement: Engagement, reconciliation: reports.Reconciliation) -> tuple[tuple[bool, str], ...]:
    """What has to be true of the main delivery, and of the ones that came later."""
    later = []
    for name in _later_ones(engagement):
        closed, rows = engagement.load("accounting", delivery=name), fates_of(_ended(engagement, name)).rows
        words = f"All {rows:,} rows of the later delivery “{name}” ended in exactly one place"
        later.append((bool(closed["closes"].all()), words))
    return (*reconciliation.statements, *later)


def _notebooks() -> list[reports.Entry]:
    """The nine notebooks as they will lie in the package."""
    return [
        reports.Entry(
            f"{position} · {phase.capitalize()}",
            f"{reports.NOTEBOOKS}{position:02d}_{phase}.html",
            ASKS[phase],
            group="Notebooks",
        )
        for position, phase in enumerate(PHASES, start=1)
    ]


def _finished(engagement: Engagement, reconciliation: reports.Reconciliation, rows: list[list[str]]) -> Handoff:
    """Close the phase with what the reconciliation has to say."""
    statements = pd.DataFrame(list(_statements(engagement, reconciliation)), columns=["holds", "statement"])
    good = bool(statements["holds"].all())
    broken = list(statements.loc[~statements["holds"].astype(bool), "statement"])
    engagement.finish("handoff", passed=good, reasons=broken, summary={"documents": len(rows)})
    return Handoff(frame=pd.DataFrame(rows, columns=["document", "about"]), statements=statements, good=good)


def _documents(
    engagement: Engagement, about: reports.About, reconciliation: reports.Reconciliation, folder: Path
) -> Iterator[tuple[str, str, list[Path]]]:
    """Write the reports one after the other: title, what it is about, and its files."""
    about_history = "what the destination can hold of dates, authors and owners"
    written = reports.render_reconciliation(reconciliation, folder)
    yield "Reconciliation report", "where every row ended, and how it reads over there", written
    written = reports.render_scope(scope_document(engagement, about), folder)
    yield "Scope of the migration", "what was agreed: what becomes what, and what stays behind; to be signed", written
    yield "Data quality", "what was found in the exports", reports.render_quality(_quality(engagement, about), folder)
    written = reports.render_inventory(_inventory(engagement, about), folder)
    yield "What stays behind", "recordings, pages, accounts, automations, and where they are", written
    written = reports.render_automations(_automations(engagement, about), folder)
    yield "Automations to rebuild", "triggers, conditions and actions", written
    yield "What is kept of the history", about_history, reports.render_fidelity(_fidelity(engagement, about), folder)
    yield "Owners", "who owns what over there, and who decided it", reports.render_owners(_owners(engagement, about), folder)
    written = reports.render_provisioning(_provisioning(engagement, about), folder)
    yield f"Preparing {about.destination}", "what was made at the destination", written
    written = reports.render_gap_letter(letter(engagement, about), folder)
    yield "Completeness of the delivery", "what was asked for, and what came", written
    written = reports.render_certificate(certificate(engagement, about), folder)
    yield "Certificate of intake, gates and waivers", "which phases passed, and what somebody let pass and why", written


def _about(engagement: Engagement) -> reports.About:
    settings = engagement.settings
    return reports.About(
        customer=settings.customer or "the customer",
        source=engagement.source.label,
        destination=engagement.destination.label,
        route=engagement.route.title,
        engagement=settings.engagement_id,
        date=now()[:10],
    )


# ---------------------------------------------------------------- the proof


def _reconciliation(engagement: Engagement, about: reports.About) -> reports.Reconciliation:
    aside = pd.concat([engagement.load(f"cells/{feed.name}") for feed in engagement.route.feeds], ignore_index=True)
    links, money = links_and_money(engagement)
    return reports.Reconciliation(
        about=about,
        rows=engagement.load("accounting"),
        verdicts=_ended(engagement, "main"),
        compared=engagement.load("comparison").rename(columns={"feed": "object"}),
        differences=engagement.load("differences").rename(columns={"feed": "object"}),
        links=links,
        cells=cells_closed(engagement),
        money=money,
        aside=aside,
        second_pass=_second_pass(engagement),
        gone=_gone(engagement),
        labels=feed_labels(engagement),
        fields=field_labels(engagement),
        runs=runs(engagement),
    )


def _second_pass(engagement: Engagement) -> reports.SecondPass | None:
    """What a second run would have done, where somebody looked after the last load."""
    if not engagement.has("second_pass"):
        return None
    row = engagement.load("second_pass").iloc[0]
    if int(row.get("newest", -1)) != engagement.ledger().operations.newest():
        return None
    records, create, change = (int(row[name]) for name in ("records", "would_create", "would_change"))
    return reports.SecondPass(records=records, would_create=create, would_change=change, writes=0)


def _gone(engagement: Engagement) -> pd.DataFrame:
    """Records of which a later delivery, that brought everything, has left out the row."""
    later = [name for name in engagement.deliveries() if engagement.has("gone", delivery=name)]
    return engagement.load("gone", delivery=later[-1]) if later else pd.DataFrame()


# ---------------------------------------------------------------- what stays behind


def _quality(engagement: Engagement, about: reports.About) -> reports.Quality:
    duplicates = engagement.decisions.proposals("duplicate")[["subject", "confidence", "reasons", "shown"]]
    decided = engagement.decisions.mapping("duplicate")
    duplicates = duplicates.assign(
        decided=[_merged(decided.get(subject)) for subject in duplicates["subject"]],
        confidence=[percent(float(sure)) for sure in duplicates["confidence"]],
    )
    found = engagement.load("findings")
    damaged = found["code"].isin(SPREADSHEET_DAMAGE)
    return reports.Quality(
        about=about,
        findings=found[~damaged],
        damage=found[damaged],
        duplicates=duplicates.astype("str"),
        orphans=engagement.load("orphans"),
        rows=int(engagement.load("intake")[["rows", "rejected"]].to_numpy().sum()),
        labels=feed_labels(engagement),
    )


def _merged(value: object) -> str:
    into, taken, emptied = into_of(value), taken_of(value), emptied_of(value)
    word = f", with its own word in {' and '.join(taken)}" if taken else ""
    nothing = f", with {' and '.join(emptied)} left empty" if emptied else ""
    return f"merged into {into}{word}{nothing}" if into else "kept separate"


def _inventory(engagement: Engagement, about: reports.About) -> reports.Inventory:
    """Everything that ends in a document, and the files that stay; a table with a column Type says itself what a row is."""
    found, left = documented(engagement), files_left(engagement)
    items = [_named(each) for each in found]
    items.append(_left(left))
    return reports.Inventory(
        about=about,
        items=pd.concat(items, ignore_index=True),
        recordings=_recordings(engagement),
        todo={LEFT_OVER: UPLOAD},
        words={each.kind: engagement.route.feed(each.feed).about for each in found},
        counts={each.kind: int(each.frame["rows"].sum()) for each in found if each.way == "count"},
        orders={str(kind): tuple(part.columns) for each in items for kind, part in each.groupby("kind")},
        lists={each.feed: each.listed() for each in found},
        usual=engagement.source.not_portable,
    )


def _left(files: pd.DataFrame) -> pd.DataFrame:
    """The files that stay, the reason last; digests, and where the files lie with us, are nothing to the customer."""
    named = files.drop(columns=["kind", "why", "sha256", "file"], errors="ignore")
    return named.assign(what=files["kind"], why=files["why"], kind=LEFT_OVER)


def _named(each: Documented) -> pd.DataFrame:
    shown = each.shown()
    if "Type" in shown:
        return shown.rename(columns={"Type": "kind", "Name": "name"})
    return shown.rename(columns={"kind": f"kind of {each.kind}"}).assign(kind=each.kind)


def _recordings(engagement: Engagement) -> pd.DataFrame:
    links = []
    for plan in feed_plans(engagement).values():
        table = prepared(engagement, plan, delivery="main")
        for field in (f for f in plan.fields if f.field == "call_recording_url__c" and f.column in table):
            said = reports.located(table[filled(table[field.column])], row="_row")
            named = said[plan.table.key[0]] if plan.table.key else said["_row"]
            links.append(pd.DataFrame({"row": named, "file": said["file"], "line": said["line"], "url": said[field.column]}))
    return pd.concat(links, ignore_index=True) if links else pd.DataFrame(columns=["row", "file", "line", "url"])


def _automations(engagement: Engagement, about: reports.About) -> reports.Automations:
    """What the route says is to be rebuilt, and rows of a table that call themselves automations."""
    parts = []
    for each in documented(engagement):
        shown = each.shown()
        itself = shown["Type"].str.casefold() == "automation" if "Type" in shown else pd.Series(False, index=shown.index)
        chosen = shown if each.way == "rebuild" else shown[itself]
        parts.append(chosen.rename(columns=str.lower))
    items = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return reports.Automations(about=about, items=items)


def _fidelity(engagement: Engagement, about: reports.About) -> reports.Fidelity:
    """What the destination keeps of who and when, object by object, with the records that it concerns."""
    return reports.Fidelity(about=about, objects=history(engagement), losses=losses(engagement), limits=limits(engagement))


def _owners(engagement: Engagement, about: reports.About) -> reports.Owners:
    return reports.Owners(about=about, owners=engagement.load("owners"))


def _provisioning(engagement: Engagement, about: reports.About) -> reports.Provisioning:
    steps = tuple(reports.Step(title=text) for text in engagement.route.checklist)
    fields, spec = engagement.load("provisioning"), engagement.destination
    named = {"object": fields["object"].map(spec.object_label), "type": fields["type"].map(spec.type_label)}
    return reports.Provisioning(about=about, steps=steps, fields=fields.drop(columns=["field"]).assign(**named))


def _validation(engagement: Engagement, folder: Path) -> list[Path]:
    """Copies of the validation pages, which stand alone; here they lead back to the first page, too."""
    target = folder / "validation"
    target.mkdir(exist_ok=True)
    pages = sorted((engagement.artifacts / "validation").glob("*.html"))
    for page in pages:
        (target / page.name).write_text(page.read_text("utf-8").replace("<header>", f"<header>{BACK}", 1), encoding="utf-8")
    return pages


def _decisions(engagement: Engagement, folder: Path) -> list[list[str]]:
    """Every decision with who, when and why, and the workbook in which the customer can answer them."""
    engagement.decisions.write_jsonl(folder / "decisions.jsonl")
    engagement.decisions.to_workbook(folder / "decisions.xlsx")
    return [["decisions.jsonl", "every decision, oldest first"], ["decisions.xlsx", "the decisions as they stand, for reading"]]
