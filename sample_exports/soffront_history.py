"""Activities and attachments at Soffront, on parents of several kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sample_exports.promio_rows import share
from sample_exports.soffront_rows import HANDLES, Draws, draw_owner, moments, stamp, there
from sample_exports.soffront_tickets import GONE
from sample_exports.tenant import File, Item, Json, Verdict
from sample_exports.tenant_files import LIMIT

FEEDS: Mapping[str, tuple[str, ...]] = {
    "calls": ("call", "Dialed", "LVM", "Spoke", "Transferred"),
    "emails": ("email",),
    "meetings": ("meeting",),
    "tasks": ("task",),
}
"""Feed → words of the column Type; the note kinds of an old release are calls."""

WORDS = ("Service plan", "Offer for the new unit", "Inspection date", "Invoice question", "Spare part")
LINKS = {"contacts": "contact", "accounts": "sales_account", "deals": "deal", "tickets": "deal"}
"""The field that leads to a parent, by the object of the parent; a ticket is kept as a deal."""

THREAD = "<p>As said.</p>" + "<blockquote>Dear Sir, I refer to our talk of last week about the unit.</blockquote>" * 60


class Parents:
    """Records that something can hang on, by the object of the parent."""

    def __init__(self, draws: Draws, objects: Mapping[str, Sequence[Item]]) -> None:
        self.draws = draws
        self.known = {
            name: [(each.key, end.record) for each in items for end in each.verdicts.values() if end.record]
            for name, items in objects.items()
        }
        self.projects = [each.key for each in objects["projects"]]

    def draw(self) -> tuple[str, str, str]:
        """The object of a parent, its key, and the record that it ends in."""
        kind = self.draws.rng.choice(("contacts", "contacts", "deals", "tickets", "accounts"))
        key, record = self.draws.rng.choice(self.known[kind])
        return kind, key, record

    def link(self, kind: str, record: str) -> dict[str, str]:
        """The field that leads to it."""
        return {LINKS[kind]: record}


class Activities:
    """Calls, e-mails, meetings and tasks; some hang on projects, which have no place, some on nothing at all."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> list[Item]:
        """All of them."""
        size = self.draws.size.activities
        kinds = ["dangling"] * share(size, 0.01, least=2) + ["on_a_project"] * share(size, 0.03, least=3)
        kinds += ["old_note_kind"] * share(size, 0.05, least=4) + ["whole_thread"] * share(size, 0.02, least=2)
        kinds += ["no_date"] * self.draws.size.dirt + ["no_subject"] * share(size, 0.02, least=2)
        kinds += [""] * (size - len(kinds))
        self.draws.rng.shuffle(kinds)
        return [
            self._activity(n, at, kind)
            for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]

    def _activity(self, number: int, at: object, kind: str) -> Item:
        rng, key = self.draws.rng, str(600_000 + number)
        word = self._word(kind)
        feed = next(name for name, words in FEEDS.items() if word in words)
        owner, user, dirt = draw_owner(rng)
        parent, parent_key, record = self.parents.draw()
        if kind in ("dangling", "on_a_project"):
            parent, parent_key = (
                ("projects", rng.choice(self.parents.projects)) if kind == "on_a_project" else ("contacts", str(GONE))
            )
        start, ends, due = self._times(at, feed, kind)
        row: dict[str, Json] = {
            "ActivityID": int(key), "Type": word, "Subject": None if kind == "no_subject" else rng.choice(WORDS),
            "StartDate": start, "EndDate": ends, "DueDate": due,
            "Status": rng.choice(("Scheduled", "Completed", "Completed", "Cancelled")), "ParentObject": parent,
            "ParentID": int(parent_key), "AssignTo": owner,
            "Notes": THREAD if kind == "whole_thread" else f"<p>{rng.choice(WORDS)}</p>",
            "RepeatType": rng.choice(("Weekly", None, None, None)) if feed == "tasks" else None,
        }  # fmt: skip
        item = Item("activities", key, row, {}, dirt=(*dirt, *((("", kind),) if kind else ())))
        return self._ended(item, feed, kind, {**self.parents.link(parent, record), "owner": user} if parent in LINKS else {})

    def _word(self, kind: str) -> str:
        if kind == "old_note_kind":
            return self.draws.rng.choice(FEEDS["calls"][1:])
        return "call" if kind == "no_date" else self.draws.rng.choice(("call", "email", "meeting", "task"))

    def _times(self, at: object, feed: str, kind: str) -> tuple[str | None, str | None, str | None]:
        """Start, end and due: a task has the last one alone, a call may lack its end."""
        start = stamp(at)  # type: ignore[arg-type]
        if kind == "no_date":
            return None, None, None
        if feed == "tasks":
            return None, None, start
        ends = stamp(at + timedelta(minutes=30)) if feed == "meetings" or self.draws.rng.random() < 0.6 else None  # type: ignore[operator]
        return start, ends, None

    def _ended(self, item: Item, feed: str, kind: str, values: dict[str, str]) -> Item:
        row, ends = item.row, {name: Verdict("excluded", "other_kind") for name in FEEDS}
        ends[feed] = Verdict("loaded", "", f"{feed}/{item.key}")
        if feed == "tasks":
            values |= {"due_date": there(str(row["DueDate"])), "done": str(row["Status"] != "Scheduled").lower()}
        else:
            first = "from_date" if feed == "meetings" else "start_date"
            values |= {first: there(str(row["StartDate"])), "end_date": there(str(row["EndDate"] or row["StartDate"]))}
        if feed in ("calls", "emails"):
            values["type"] = "Imported call" if feed == "calls" else "Imported e-mail"
        if feed == "meetings":
            values.pop("owner", None)  # an appointment belongs to whoever made it
        values["title"] = str(row["Subject"] or row["Type"])
        fate = {
            "dangling": Verdict("held", "parent_missing"),
            "on_a_project": Verdict("excluded", "on_a_project"),
            "no_date": Verdict("rejected", "required_field_empty"),
        }.get(kind)
        if kind == "on_a_project":
            ends = {name: Verdict("excluded", "on_a_project") for name in FEEDS}
        elif fate:
            ends[feed] = fate
        return Item(item.table, item.key, row, ends, {} if fate else {feed: values}, dirt=item.dirt)


class Attachments:
    """Files on contacts, accounts, deals, tickets and projects: over the limit, of another size than stated, gone."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> tuple[list[Item], list[File]]:
        """The rows that list the files, and the files."""
        size = self.draws.size.attachments
        kinds = ["over_limit"] * share(size, 11 / 3120, least=2) + ["gone"] * share(size, 6 / 3120, least=1)
        kinds += ["size_differs"] * share(size, 0.005, least=1) + ["on_a_project"] * share(size, 0.03, least=1) + ["at_limit"]
        kinds += [""] * (size - len(kinds))
        self.draws.rng.shuffle(kinds)
        made = [
            self._file(n, at, kind) for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]
        return [item for item, _ in made], [file for _, file in made]

    def _file(self, number: int, at: object, kind: str) -> tuple[Item, File]:
        rng, key = self.draws.rng, str(800_000 + number)
        size = {"over_limit": LIMIT + 1 + number, "at_limit": LIMIT}.get(kind, rng.randint(300, 70_000))
        parent, parent_key, record = self.parents.draw()
        if kind == "on_a_project":
            parent, parent_key, record = "projects", rng.choice(self.parents.projects), ""
        row: dict[str, Json] = {
            "AttachmentID": int(key), "ParentObject": parent, "ParentID": int(parent_key),
            "FileName": f"{rng.choice(('offer', 'plan of the hall', 'photo'))}-{number}.{rng.choice(('pdf', 'png', 'docx'))}",
            "Bytes": size, "UploadedBy": rng.choice(HANDLES), "UploadedDate": stamp(at),  # type: ignore[arg-type]
        }  # fmt: skip
        end = {
            "over_limit": Verdict("excluded", "file_linked"),
            "gone": Verdict("rejected", "file_missing"),
            "size_differs": Verdict("rejected", "file_differs"),
            "on_a_project": Verdict("excluded", "on_a_project"),
        }.get(kind, Verdict("loaded", "", f"files/{key}"))
        values = (
            {"files": {"file_name": str(row["FileName"]), "bytes": str(size), **self.parents.link(parent, record)}}
            if end.record
            else {}
        )
        item = Item("attachments", key, row, {"files": end}, values, dirt=((("Bytes", kind),) if kind else ()))
        sent = size - 7 if kind == "size_differs" else -1
        return item, File(
            key, str(row["FileName"]), size, "application/octet-stream", sent=sent, status=410 if kind == "gone" else 200
        )
