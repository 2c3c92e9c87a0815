"""Bring over what changed meanwhile: a three-way merge of what was loaded, the new export, and the destination now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

import pandas as pd

from workbench.decisions.contested import Contested, contested
from workbench.destinations import Draft, Metadata
from workbench.engagement import Engagement
from workbench.engagement.phases import problem_of
from workbench.errors import GateClosed, listed
from workbench.flow.accounting import close_accounts
from workbench.flow.delta import BUCKETS, EDITS, Called, Cutover, Difference, no_rows
from workbench.flow.forecasting import foretold
from workbench.flow.labels import feed_labels, field_labels
from workbench.flow.planning import kept_as
from workbench.flow.running import Board
from workbench.flow.sides import DELIVERY, Desk, called, desk_of, gone_rows, left_out, sides
from workbench.flow.tally import Tally
from workbench.flow.transfer import in_order, narrowed, outgoing, transfer
from workbench.frames.merge import Merge
from workbench.frames.transform import marker_of
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.knowing import EDITED
from workbench.ledger.loading import Progress, load
from workbench.reports.pages import plain_text
from workbench.specs import Feed

__all__ = ["Cutover", "Difference", "plan", "run"]

COUNTS = ["feed", "new", "changed", "fields", "refused", "edited", "gone"]
OnProgress = Callable[[str, Progress], None]


def plan(engagement: Engagement) -> Difference:
    """Compare the three sides and put every conflict up as a question. Changes nothing; empty without a delta."""
    parts, records, questions = [], [], []
    delivered, labels = DELIVERY in engagement.deliveries(), field_labels(engagement)
    gone, partial = gone_rows(engagement) if delivered else (no_rows(), ())
    for feed, merged in _merged(engagement) if delivered else ():
        parts.append(merged.frame.assign(feed=feed.name))
        taken = merged.frame.loc[merged.frame["verdict"] == "take", "key"].nunique()
        records.append([feed.name, len(merged.new), taken, int((gone["feed"] == feed.name).sum())])
        names = called(engagement, feed, set(merged.conflicts["key"]))
        questions += [_question(feed, row, names=names, labels=labels) for row in merged.conflicts.itertuples()]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    engagement.decisions.propose("conflict", pd.DataFrame(questions, columns=columns))
    shape = ["feed", "key", "field", "base", "theirs", "ours", "verdict"]
    frame = pd.concat(parts, ignore_index=True)[shape] if parts else pd.DataFrame(columns=shape)
    counts = pd.DataFrame(records, columns=["feed", "new", "changed", "gone"])
    frame = frame.reset_index(drop=True)
    return Difference(frame=frame, records=counts, gone=gone, partial=partial, called=_called(engagement, frame))


def _called(engagement: Engagement, told: pd.DataFrame) -> Called:
    """How people call what is told of; `told` has feed and key, which is the one over there."""
    keys = told.groupby("feed", sort=False)["key"].agg(set)
    named = [called(engagement, engagement.route.feed(str(feed)), each) for feed, each in keys.items()]
    names = {key: name for each in named for key, name in each.items()}
    objects = {name: spec.label for name, spec in engagement.destination.objects.items()}
    return Called(feed_labels(engagement), objects, field_labels(engagement), names)


def _merged(engagement: Engagement) -> Iterator[tuple[Feed, Merge]]:
    desk = desk_of(engagement)
    for feed in in_order(engagement):
        yield feed, sides(desk, feed, everything=True)


def run(engagement: Engagement, *, on_progress: OnProgress | None = None) -> Cutover:
    """Send new records and changed fields only; DecisionMissing where a conflict is open.

    What an interrupted run has sent counts as written, and is neither sent again nor taken for somebody's edit. Rows
    that the export does not bring any more are listed, and their records stay. A field that somebody has edited since it
    was compared stays, too, and is listed: the next comparison shows it. Each object is laid beside the ledger at the end.
    """
    engagement.gate("cutover")
    _whole(engagement)
    answers = engagement.decisions.require("conflict", where="08_cutover")
    decided = dict(zip(answers["subject"], answers["value"], strict=True))
    if DELIVERY not in engagement.deliveries():
        engagement.finish("cutover", passed=True, summary={"delta": "none was delivered"})
        empty = pd.DataFrame(columns=COUNTS)
        return Cutover(frame=empty, accounting=pd.DataFrame(columns=["feed", "rows", *BUCKETS, "closes"]), passed=True)
    foretold(engagement, delivery=DELIVERY)
    gone, partial = gone_rows(engagement)
    order = in_order(engagement)
    certificates: dict[str, Certificate] = {}
    last = {feed.object: feed.name for feed in order}
    with engagement.lock():
        desk, tally, counts, edits, moved = desk_of(engagement), Tally(), [], [], []
        for feed in order:  # parents first: a changed link may lead to a new one
            with tally.of(desk.destination, feed.label):
                became, refused = _become(desk, feed, on_progress)
                changed, left = _change(desk, feed, decided, became=became, refused=refused, on_progress=on_progress)
            tally.keep(engagement, delivery=DELIVERY)
            counts.append([*changed, int((gone["feed"] == feed.name).sum())])
            edits.append(left)
            sent = transfer(
                engagement,
                delivery=DELIVERY,
                on_progress=on_progress,
                keep=_loaded(engagement),
                feeds=[feed],
                certify=last[feed.object] == feed.name,
                met=(desk.destination, desk.account),
            )
            moved.append(sent.frame)
            certificates |= sent.certificates
    closed = close_accounts(engagement, pd.concat(moved, ignore_index=True), delivery=DELIVERY)
    frame, certificate = pd.DataFrame(counts, columns=COUNTS), _certified(certificates)
    passed = _passed(frame, closed.frame) and bool(certificate["holds"].all())
    listed = pd.concat(edits, ignore_index=True)
    words = _called(engagement, listed)
    return _finished(engagement, Cutover(frame, closed.frame, passed, gone, partial, listed, certificate, words))


def _whole(engagement: Engagement) -> None:
    """GateClosed while the delivery has a problem that nobody has waived: what a file lacks would be missed by nobody."""
    found = engagement.load("problems", delivery=DELIVERY)["problem"] if engagement.has("problems", delivery=DELIVERY) else ()
    waivers, told = engagement.waivers(), [*found, *left_out(engagement)]
    standing = [f"{DELIVERY}/{each}" for each in told if not any(one.lets(each, delivery=DELIVERY) for one in waivers)]
    if not standing:
        return
    engagement.finish("cutover", passed=False, reasons=standing)
    raise GateClosed(
        "the delta is not whole, and nothing of it was sent",
        expected="the files that its letter names, with the columns of the first delivery, or a waiver of each problem",
        found=listed(standing),
        where=f"exports/{DELIVERY}",
        todo="have it sent again; or have it waived by name, role and reason: widgets.waivers(engagement) in a notebook, or "
        f"workbench waive DIR {problem_of(standing[0])}",
    )


def _passed(frame: pd.DataFrame, accounting: pd.DataFrame) -> bool:
    return bool(accounting["closes"].all()) and not int(frame[["refused", "edited"]].to_numpy().sum())


def _certified(found: Mapping[str, Certificate]) -> pd.DataFrame:
    """One row an object. A stranger is nobody of ours, as after production: whoever meets it holds it."""
    rows = [[name, each.told(), not (each.count("missing") or each.count("twin"))] for name, each in found.items()]
    return pd.DataFrame(rows, columns=["object", "told", "holds"]).astype({"holds": "bool"})


def _finished(engagement: Engagement, result: Cutover) -> Cutover:
    """Keep what the delta brought, and close the phase."""
    engagement.save("accounting", result.accounting, delivery=DELIVERY)
    engagement.save("cutover", result.frame, delivery=DELIVERY)
    engagement.save("gone", result.gone, delivery=DELIVERY)
    engagement.save("edits", result.edits, delivery=DELIVERY)
    engagement.save("certificate", result.certificate, delivery=DELIVERY)
    reasons = [] if result.passed else ["the rows of the delta do not add up, or a change was refused"]
    if int(result.frame["edited"].sum()):
        reasons.append("people edited fields after they were compared: compare again, and look at the decisions")
    unlike = result.certificate[~result.certificate["holds"]]
    reasons += [f"ledger and destination are not one to one: {row.object}: {row.told}" for row in unlike.itertuples()]
    summary = {"new": int(result.frame["new"].sum()), "changed": int(result.frame["changed"].sum())}
    more = {"gone": len(result.gone)} if len(result.gone) else {}
    engagement.finish("cutover", passed=result.passed, reasons=reasons, summary={**summary, **more})
    return result


def _become(desk: Desk, feed: Feed, on_progress: OnProgress | None) -> tuple[int, int]:
    """Records that stand over there for a row which the new export counts to a record of this feed: a lead that signed.

    The record stays and takes on what the other one holds, and its key, so that nobody stands there twice. What it
    held because it was a lead is emptied. Returns how many there are, and how many the destination refused.
    """
    engagement = desk.engagement
    there = engagement.ledger().ids(feed.object)
    others = [other for other in engagement.route.feeds if any(match.feed == feed.name for match in other.merge)]
    others = [other for other in others if kept_as(engagement, other.object) == kept_as(engagement, feed.object)]
    found = [(other, _moved(engagement, other, engagement.ledger().ids(other.object))) for other in others]
    if not any(moved for _, moved in found):
        return 0, 0
    records = outgoing(engagement, feed, delivery=DELIVERY, account=desk.account)
    rows = {str(row["_record"]): row for row in records.to_dict("records")}
    drafts: dict[str, Draft] = {}
    for other, moved in found:
        ids, emptied = engagement.ledger().ids(other.object), _because_of(engagement, other, feed, desk.account)
        for source, record in moved:
            key = str(rows[record]["key"]) if record in rows else ""
            if key and key not in there and key not in drafts:
                drafts[key] = _turned(engagement, feed, rows[record], number=ids[source], emptied=emptied)
    outcomes = _sent_all(desk, feed, list(drafts.values()), on_progress)
    refused = int((outcomes["state"] != "done").sum())
    return len(outcomes) - refused, refused


def _sent_all(desk: Desk, feed: Feed, drafts: list[Draft], on_progress: OnProgress | None) -> pd.DataFrame:
    """Load changes as anything else is loaded: in lanes, to be stopped and gone on with, lost answers looked for.

    Returns key, state, id and words.
    """
    if not drafts:
        return pd.DataFrame(columns=["key", "state", "id", "words"])
    board, label = Board(desk.engagement.root), f"Changes: {feed.label}"

    def tell(progress: Progress) -> None:
        board.tell(label, progress)
        if on_progress is not None:
            on_progress(label, progress)

    try:
        return load([drafts], desk.destination, feed.object, total=len(drafts), on_progress=tell).frame
    finally:
        board.close()


def _turned(engagement: Engagement, feed: Feed, record: Mapping[Any, Any], *, number: str, emptied: Set[str]) -> Draft:
    """The change that makes one record of the destination the given one."""
    marker, key = engagement.destination.objects[kept_as(engagement, feed.object)].marker, str(record["key"])
    said = {str(name): _sent(value) for name, value in record.items() if name not in ("key", "_record", "_waits")}
    values = {**dict.fromkeys(emptied), **{name: value for name, value in said.items() if value is not None}}
    return Draft(key=key, values={**values, marker: key}, id=number)


def _because_of(engagement: Engagement, feed: Feed, target: Feed, account: Metadata) -> set[str]:
    """Lists that records of a feed hold because of their kind: shorter ones, and those that the destination filled itself.

    What it fills in records of the target, too, says nothing of the kind.
    """
    filled, sent = _filled(engagement, feed)
    return narrowed(engagement, feed, account) | (filled - sent - _filled(engagement, target)[0])


def _filled(engagement: Engagement, feed: Feed) -> tuple[set[str], set[str]]:
    """Lists that the destination filled by itself in records of a feed, and the fields that we sent."""
    home = engagement.destination.objects[kept_as(engagement, feed.object)]
    lists = {field.name for field in home.fields if field.selector and field.type == "picklist"}
    mark = marker_of(engagement.source.name, f"{feed.name}/")
    filled: set[str] = set()
    sent: set[str] = set()
    for row in engagement.ledger().made(feed.object):
        if row.state == "done" and row.key.startswith(mark):
            filled |= {name for name in lists if (row.post or {}).get(name) and row.payload.get(name) is None}
            sent |= set(row.payload)
    return filled, sent


def _moved(engagement: Engagement, feed: Feed, there: Mapping[str, str]) -> list[tuple[str, str]]:
    """Markers of a feed's records over there, with the record of another feed in which their row ends now."""
    ends = engagement.load(f"ends/{feed.name}", delivery=DELIVERY).dropna()
    ends = ends[~ends["record"].str.startswith(f"{feed.name}/")]
    markers = [marker_of(engagement.source.name, f"{feed.name}/{natural}") for natural in ends["natural"]]
    return [(marker, record) for marker, record in zip(markers, ends["record"], strict=True) if marker in there]


def _change(
    desk: Desk, feed: Feed, decided: dict[str, Any], *, became: int = 0, refused: int, on_progress: OnProgress | None = None
) -> tuple[list[Any], pd.DataFrame]:
    """Send the changed fields of records that are over there: theirs where only they changed, or where that was decided.

    A field that somebody edited after its conflict was shown is not what was decided about, and stays. So does a record of
    which a field to be sent was edited after this comparison. Returns the counts, and the fields left alone for that;
    records that have just become ones of this feed are new to it.
    """
    merged = sides(desk, feed, everything=False)
    frame, shown = merged.frame, _shown(desk.engagement)
    conflicts = frame["verdict"] == "conflict"
    asked = [(_subject(feed, str(row.key), str(row.field)), _values(row)) for row in frame.itertuples()]
    told = [(decided.get(subject) == "theirs", shown.get(subject, values) != values) for subject, values in asked]
    theirs, since = (pd.Series([each[side] for each in told], index=frame.index, dtype="bool") for side in (0, 1))
    edited = conflicts & theirs & since
    sends = (frame["verdict"] == "take") | (conflicts & theirs & ~since)
    ids = desk.engagement.ledger().ids(feed.object)
    drafts = [
        Draft(
            key=str(key),
            values=dict(zip(rows["field"], map(_sent, rows["theirs"]), strict=True)),
            id=ids[str(key)],
            expected=dict(zip(rows["field"], map(_sent, rows["ours"]), strict=True)),
        )
        for key, rows in frame[sends].groupby("key", sort=False)
    ]
    outcomes = _sent_all(desk, feed, drafts, on_progress)
    late = outcomes["words"] == EDITED
    refused += int(((outcomes["state"] != "done") & ~late).sum())
    kept = set(outcomes.loc[late, "key"])
    alone = sends & frame["key"].isin(kept)
    edited, sends = edited | alone, sends & ~alone
    left = frame.loc[edited, ["key", "field"]].assign(feed=feed.name)[EDITS].astype("str")
    done = set(outcomes.loc[outcomes["state"] == "done", "key"])  # what was refused has changed nothing
    fields = int((sends & frame["key"].isin(done)).sum())
    return [feed.name, len(merged.new) + became, len(done), fields, refused, int(edited.sum())], left


def _shown(engagement: Engagement) -> dict[str, str]:
    """Subject of a conflict → the three values that people were shown, where it was put up as a question."""
    asked = engagement.decisions.proposals("conflict")
    return {str(subject): contested(shown).values for subject, shown in zip(asked["subject"], asked["shown"], strict=True)}


def _loaded(engagement: Engagement) -> frozenset[str]:
    """Markers of records that stand over there: the delta changes them, and never makes them anew."""
    return frozenset(key for feed in in_order(engagement) for key in engagement.ledger().ids(feed.object))


def _values(row: Any) -> str:
    return f"loaded {_said(row.base)}; source now {_said(row.theirs)}; destination now {_said(row.ours)}"


def _question(feed: Feed, row: Any, *, names: Mapping[str, str], labels: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    label = labels.get((feed.name, str(row.field)), str(row.field))
    return {
        "subject": _subject(feed, row.key, row.field),
        "value": "ours",
        "confidence": 0.0,  # both sides changed it: only a person knows which one holds
        "reasons": "changed in the source and in the destination",
        "alternatives": ["ours", "theirs"],
        "shown": Contested(_values(row), names.get(str(row.key), ""), label).shown(),
    }


def _said(value: object) -> str:
    text = plain_text(value)
    return f"“{text}”" if text else "nothing"


def _subject(feed: Feed, key: str, field: str) -> str:
    return f"{feed.name}/{key}.{field}"


def _sent(value: Any) -> Any:
    """A value that the source has emptied is sent as nothing."""
    return value if isinstance(value, list) or not pd.isna(value) else None
