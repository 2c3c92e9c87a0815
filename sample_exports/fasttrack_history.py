"""What happened with whom at FastTrack: activities of five kinds, notes, files and custom events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sample_exports.fasttrack_rows import (
    KINDS,
    MAIN_NOW,
    NO_DATE,
    USERS,
    Draws,
    draw_owner,
    moments,
    stamp,
    there,
    unreadable,
)
from sample_exports.promio_rows import share
from sample_exports.tenant import File, Item, Json, Verdict, flat, line_of
from sample_exports.tenant_files import LIMIT

FEEDS = {"call": "calls", "email": "emails", "note": "activity_notes", "task": "tasks", "meeting": "meetings"}
WORDS = {
    "call": ("Called about the renewal", "Left a voicemail", "Introduced the new plan"),
    "email": ("Sent the quote", "Re: open questions", "Follow-up after the demo"),
    "note": ("Asked for a discount", "Budget is frozen until spring", "Wants a second site"),
    "task": ("Prepare the contract", "Check the invoice", "Book the room"),
    "meeting": ("Quarterly review", "Demo for the board", "Kick-off"),
}
TYPES_THERE = {"call": "Imported call", "email": "Imported e-mail"}
"""The type of the sales activity, which an administrator makes."""
MOJIBAKE = "ZÃ¼rich prÃ©fÃ¨re la facture par e-mail â€“ merci"
LONG = 101 * 1024
LINKS = {"accounts": "sales_account", "contacts": "contact", "leads": "lead", "deals": "deal"}
"""The field that leads to a parent, by the feed of the parent."""
MONTHLY_KEYS = ("channel", "page", "feature")


def link(record: str) -> dict[str, str]:
    """The field that leads to a record."""
    return {LINKS[record.partition("/")[0]]: record}


class Parents:
    """Records that something can hang on, by the kind of parent."""

    def __init__(self, draws: Draws, companies: Sequence[Item], contacts: Sequence[Item], deals: Sequence[Item]) -> None:
        self.draws = draws
        self.known = {
            "company": [(each.key, f"accounts/{each.key}") for each in companies if "accounts" in each.values],
            "contact": [(each.key, end.record) for each in contacts for end in each.verdicts.values() if end.record],
            "deal": [(each.key, each.verdicts["deals"].record) for each in deals],
        }
        ends = ((each.key, each.verdicts["leads"]) for each in contacts)
        self.merged = [("contact", key, end.record) for key, end in ends if end.reason == "same_email_as_contact"]

    def draw(self) -> tuple[str, str, str]:
        """The kind of a parent, its id, and the record that it ends in."""
        kind = self.draws.rng.choice(("contact", "contact", "company", "deal"))
        key, record = self.draws.rng.choice(self.known[kind])
        return kind, key, record


class Activities:
    """Calls, e-mails, notes, tasks and meetings; some of them FastTrack cannot read any more."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> list[Item]:
        """All of them, in the order in which they were made."""
        size, dirt = self.draws.size.activities, self.draws.size.dirt
        rare = ["unreadable"] * share(size, 120 / 38_200, least=2) + ["due_never"] * (2 * dirt) + ["parent_deleted"] * dirt
        rare += ["owner_empty"] * dirt + ["no_subject"] * dirt
        rare += ["on_a_merged_lead", "other_kind", "kind_blank", "call_due", "email_due", "own_column"] * dirt
        kinds = rare + [""] * (size - len(rare))
        self.draws.rng.shuffle(kinds)
        return [
            self._activity(n, at, kind)
            for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]

    def _activity(self, number: int, at: object, dirt: str) -> Item:
        rng, key = self.draws.rng, f"ac-{number:05d}"
        if dirt == "unreadable":
            return unreadable("activities", key, tuple(FEEDS.values()))
        kind = FORCED[dirt] if dirt in FORCED else rng.choice(KINDS)
        owner, user, notes = draw_owner(rng, blank=1.0 if dirt == "owner_empty" else 0.0)
        parent, parent_key, record = self.parents.draw()
        if dirt == "on_a_merged_lead":
            parent, parent_key, record = self.parents.merged[0]
        created = stamp(at)  # type: ignore[arg-type]
        due = stamp(at + timedelta(days=rng.randint(1, 40))) if kind in ("task", "meeting") or dirt.endswith("_due") else None  # type: ignore[operator]
        subject = None if dirt == "no_subject" else rng.choice(WORDS[kind])
        row: dict[str, Json] = {
            "id": key,
            "type": {"other_kind": "sms", "kind_blank": None}.get(dirt, kind),
            "subject": subject,
            "created_at": created,
            "due_at": NO_DATE if dirt == "due_never" else due,
            "owner_id": owner,
            "parent_type": parent,
            "parent_id": "ct-99999" if dirt == "parent_deleted" else parent_key,
            "body": f"<p>{rng.choice(WORDS[kind])}</p>" if rng.random() < 0.5 else None,
            "completed": rng.random() < 0.6,
        }
        if dirt == "parent_deleted":
            row["parent_type"] = "contact"
        if dirt == "own_column":
            row["properties"] = {"minutes": "25"}  # of this customer alone: how long it took
        return _ended(Item("activities", key, row, {}, dirt=(*notes, *((("", dirt),) if dirt else ()))), kind, record, user)


FORCED = {"due_never": "task", "call_due": "call", "email_due": "email", "own_column": "meeting"} | dict.fromkeys(
    ("other_kind", "kind_blank"), "note"
)
"""Dirt → the kind of activity that it befalls; what is of no kind that Freshsales has becomes a note."""
NAMES = {user.id: user.name for user in USERS}


def _told(item: Item, *lines: tuple[str, Json]) -> str:
    """Lines of a text with what they are called, then the body in plain words, then the columns of the customer's own."""
    said = "\n".join(
        f"{name}: {str(value).lower() if isinstance(value, bool) else value}" for name, value in lines if value is not None
    )
    words = str(item.row["body"] or "").removeprefix("<p>").removesuffix("</p>")
    own = f"properties.minutes: {flat(item.row)['properties.minutes']}" if "properties" in item.row else ""
    return (
        "\n\n".join(part for part in (said, words, own) if part) if words else "\n".join(part for part in (said, own) if part)
    )


def _as_note(item: Item) -> str:
    """An activity as the text of a note: day and author, kind, completion, subject, body."""
    row = item.row
    author = NAMES.get(str(row["owner_id"]), "")
    lines = [f"{row['created_at']}, {author}", *([f"Kind: {row['type']}"] * bool(row["type"]))]
    lines += [f"Completed: {str(row['completed']).lower()}", *([str(row["subject"])] * bool(row["subject"]))]
    return "\n".join([*(f"<p>{line}</p>" for line in lines), *([str(row["body"])] * bool(row["body"]))])


def _ended(item: Item, kind: str, record: str, user: str) -> Item:
    """The activity with its fate in all five feeds: it is a record of one of them."""
    feed, row = FEEDS[kind], item.row
    ends = {name: Verdict("excluded", "other_kind") for name in FEEDS.values()}
    ends[feed] = Verdict("loaded", "", f"{feed}/{item.key}")
    values = link(record)
    if kind != "note":
        values |= {"title": str(row["subject"] or kind)}
    if kind in ("call", "email"):
        moment = there(str(row["created_at"]))
        notes = _told(item, ("Due", row["due_at"]), ("Completed", row["completed"]))
        values |= {"type": TYPES_THERE[kind], "start_date": moment, "end_date": moment, "owner": user, "notes": notes}
    if kind == "task":
        due = row["created_at"] if ("", "due_never") in item.dirt else row["due_at"]
        text = _told(item, ("Created in FastTrack", row["created_at"]))
        values |= {"due_date": there(str(due)), "done": str(row["completed"]).lower(), "owner": user, "description": text}
    if kind == "meeting":
        moment = there(str(row["due_at"]))
        author = ("Owner in FastTrack", NAMES.get(str(row["owner_id"])))
        text = _told(item, ("Created in FastTrack", row["created_at"]), author, ("Completed", row["completed"]))
        values |= {"from_date": moment, "end_date": moment, "description": text}
    if kind == "note":
        values |= {"description": _as_note(item)}
    aside: tuple[tuple[str, str, str], ...] = ()
    if ("", "due_never") in item.dirt:
        aside = ((feed, "due_at", "placeholder"),)
    if ("", "parent_deleted") in item.dirt:
        ends[feed], values, aside = Verdict("held", "parent_missing"), {}, ()
    return replace(item, verdicts=ends, values={feed: values} if values else {}, aside=aside)


class Notes:
    """Notes on contacts, companies and deals; a block of them was read in the wrong encoding, one is over 100 KB."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> list[Item]:
        """All of them; one line is no UTF-8."""
        size, dirt = self.draws.size.notes, self.draws.size.dirt
        items = [self._note(n, stamp(at)) for n, at in enumerate(moments(self.draws.rng, size), 1)]
        for n in range(5, 5 + 3 * dirt):
            items[n] = self._with(items[n], f"<p>{MOJIBAKE}</p>", "mojibake")
        for n in range(share(size, 14 / 9100, least=1)):
            long = replace(items[-1 - n], aside=(("notes", "note", "cut_short_marked"),))
            items[-1 - n] = self._with(long, "<p>" + "minutes of the meeting, " * (LONG // 24) + "</p>", "over_100_kb")
        items[2] = self._with(items[2], '<p>Call <b>back</b><script>alert("x")</script></p>', "script_tag")
        broken = line_of(items[3]).replace(b"<p>", b"<p>\xff\xfe")
        items[3] = replace(
            items[3],
            raw=broken,
            values={},
            verdicts={"notes": Verdict("rejected", "unreadable_bytes")},
            dirt=(("body", "not_utf8"),),
        )
        return items

    def _note(self, number: int, at: str) -> Item:
        rng, key = self.draws.rng, f"nt-{number:05d}"
        parent, parent_key, record = self.parents.draw()
        author = rng.choice(USERS).id if rng.random() < 0.85 else None
        words = rng.choice((*WORDS["note"], *WORDS["call"]))
        row: dict[str, Json] = {
            "id": key,
            "parent_type": parent,
            "parent_id": parent_key,
            "body": f"<p>{words}</p>",
            "author_id": author,
            "created_at": at,
        }
        ends = {"notes": Verdict("loaded", "", f"notes/{key}")}
        text = {"description": f"<p>{at}, {NAMES[author]}</p>\n<p>{words}</p>"} if author else {}
        return Item(
            "notes", key, row, ends, {"notes": link(record) | text}, dirt=() if author else (("author_id", "author_missing"),)
        )

    def _with(self, item: Item, body: str, kind: str) -> Item:
        values = {name: text for name, text in item.values["notes"].items() if name != "description"}
        return replace(item, row={**item.row, "body": body}, values={"notes": values}, dirt=(*item.dirt, ("body", kind)))


class Files:
    """Files of contacts, companies and deals: empty ones, some that the source no longer gives, some over the limit."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> tuple[list[Item], list[File]]:
        """The rows that list the files, and the files."""
        size = self.draws.size.files
        rare = ["empty"] * share(size, 5 / 2480, least=1) + ["gone"] * share(size, 3 / 2480, least=1)
        rare += ["over_limit"] * share(size, 6 / 2480, least=2) + ["at_limit"]
        kinds = rare + [""] * (size - len(rare))
        self.draws.rng.shuffle(kinds)
        made = [self._file(number, kind) for number, kind in enumerate(kinds, 1)]
        return [item for item, _ in made], [file for _, file in made]

    def _file(self, number: int, kind: str) -> tuple[Item, File]:
        rng, key = self.draws.rng, f"fl-{number:05d}"
        stem, end, type_ = rng.choice(TYPES)
        size = {"empty": 0, "over_limit": LIMIT + 1 + number, "at_limit": LIMIT}.get(kind, rng.randint(400, 90_000))
        parent, parent_key, record = self.parents.draw()
        row: dict[str, Json] = {
            "id": key,
            "name": f"{stem} {number}.{end}",
            "bytes": size,
            "parent_type": parent,
            "parent_id": parent_key,
            "url": f"https://files.fasttrack.example/{key}",
        }
        ends = {
            "empty": Verdict("rejected", "file_empty"),
            "gone": Verdict("rejected", "file_missing"),
            "over_limit": Verdict("excluded", "file_linked"),
        }.get(kind, Verdict("loaded", "", f"files/{key}"))
        values = {"files": {"file_name": str(row["name"]), "bytes": str(size), **link(record)}} if ends.record else {}
        item = Item("files", key, row, {"files": ends}, values, dirt=((("bytes", kind),) if kind else ()))
        return item, File(key, str(row["name"]), size, type_, status=410 if kind == "gone" else 200)


def on_an_email(files: Sequence[Item], activities: Sequence[Item], count: int) -> list[Item]:
    """The files, some of which were attached to an e-mail: they go to the record on which that hangs."""
    mails = [each for each in activities if "emails" in each.values][:count]
    plain = [n for n, each in enumerate(files) if each.values and not each.dirt]
    made = list(files)
    for n, mail in zip(plain, mails, strict=False):
        values = {name: made[n].values["files"][name] for name in ("file_name", "bytes")}
        values |= {name: mail.values["emails"][name] for name in LINKS.values() if name in mail.values["emails"]}
        row = {**made[n].row, "parent_type": "email", "parent_id": mail.key}
        made[n] = replace(made[n], row=row, values={"files": values}, dirt=(("parent_type", "on_an_email"),))
    return made


TYPES = (
    ("Contract", "pdf", "application/pdf"),
    ("Übersicht", "xlsx", "application/vnd.ms-excel"),
    ("site photo", "jpg", "image/jpeg"),
    ("notes", "txt", "text/plain"),
)


def event_items(draws: Draws, contacts: Sequence[Item]) -> list[Item]:
    """The custom events: the keys of their data differ by plan and month, and the last line is cut in the middle."""
    made = []
    for number, at in enumerate(moments(draws.rng, draws.size.events, first=MAIN_NOW - timedelta(days=90)), 1):
        row: dict[str, Json] = {
            "event_id": f"ev-{number:06d}",
            "notification_type": draws.rng.choice(("login", "export", "upgrade_seen")),
            "user_id": draws.rng.choice(contacts).key,
            "timestamp": stamp(at),
            "origin": "app.lanternfield.example",
            "data": {MONTHLY_KEYS[at.month % 3]: "x", ("plan_a" if number % 2 else "plan_b"): str(number)},
        }
        made.append(Item("custom_events", str(row["event_id"]), row, {"events": Verdict("excluded", "documented")}))
    whole = line_of(made[-1])
    made[-1] = replace(
        made[-1],
        raw=whole[: len(whole) * 2 // 3],
        verdicts={"events": Verdict("rejected", "cut_line")},
        dirt=(("", "line_cut"),),
    )
    return made
