"""Activities and attachments at Soffront, on parents of several kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sample_exports.promio_rows import share
from sample_exports.soffront_rows import HANDLES, OWN, Draws, draw_owner, moments, stamp, there
from sample_exports.soffront_tickets import GONE
from sample_exports.tenant import File, Item, Json, Verdict
from sample_exports.tenant_files import LIMIT

FEEDS: Mapping[str, tuple[str, ...]] = {
    "calls": ("call", "Dialed", "LVM", "Spoke", "Transferred"),
    "emails": ("email",),
    "meetings": ("meeting", "Appointment"),
    "tasks": ("task",),
    "other_activities": ("Fax",),
}
"""Feed → words of the column Type; the note kinds of an old release are calls, and what is of no kind becomes a note."""
FORCED = {"no_date": "call", "other_kind": "Fax", "appointment": "Appointment", "cancelled_meeting": "meeting"}
"""Dirt → the kind of activity that it befalls."""

STATES = ("Scheduled", "Completed", "Completed", "Cancelled")
WORDS = ("Service plan", "Offer for the new unit", "Inspection date", "Invoice question", "Spare part")
LINKS = {"contacts": "contact", "accounts": "sales_account", "deals": "deal", "tickets": "deal"}
"""The field that leads to a parent, by the object of the parent; a ticket is kept as a deal."""
LINKED = frozenset({"contact", "sales_account", "deal"})

THREAD = "<p>As said.</p>" + "<blockquote>Dear Sir, I refer to our talk of last week about the unit.</blockquote>" * 60


class Parents:
    """Records that something can hang on, by the object of the parent."""

    def __init__(self, draws: Draws, objects: Mapping[str, Sequence[Item]]) -> None:
        self.draws = draws
        self.known = {
            name: [(each.key, end.record) for each in items for end in each.verdicts.values() if end.record]
            for name, items in objects.items()
        }
        self.projects = objects["projects"]
        self.turn = 0

    def draw(self) -> tuple[str, str, str]:
        """The object of a parent, its key, and the record that it ends in."""
        kind = self.draws.rng.choice(("contacts", "contacts", "deals", "tickets", "accounts"))
        key, record = self.draws.rng.choice(self.known[kind])
        return kind, key, record

    def project(self) -> tuple[str, dict[str, str], str]:
        """The key of a project, the field that leads to its deal or its account, and its name; one in three has neither."""
        self.turn += 1
        alone = self.turn % 3 == 1
        one = self.draws.rng.choice([each for each in self.projects if alone is not bool(each.values)])
        values = one.values.get("project_notes", {})
        return one.key, {name: values[name] for name in ("sales_account", "deal") if values.get(name)}, str(one.row["Name"])

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
        kinds += ["other_kind", "appointment", "cancelled_meeting"] * self.draws.size.dirt
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
        links, project = self.parents.link(parent, record), ""
        if kind == "dangling":
            parent, parent_key = "contacts", str(GONE)
        if kind == "on_a_project":
            parent, (parent_key, links, project) = "projects", self.parents.project()
        start, ends, due = self._times(at, feed, kind)
        row: dict[str, Json] = {
            "ActivityID": int(key), "Type": word, "Subject": None if kind == "no_subject" else rng.choice(WORDS),
            "StartDate": start, "EndDate": ends, "DueDate": due,
            "Status": "Cancelled" if kind == "cancelled_meeting" else rng.choice(STATES), "ParentObject": parent,
            "ParentID": int(parent_key), "AssignTo": owner,
            "Notes": THREAD if kind == "whole_thread" else f"<p>{rng.choice(WORDS)}</p>",
            "RepeatType": rng.choice(("Weekly", None, None, None)) if feed == "tasks" else None,
            "CUST_OUTCOME": "visit agreed" if number % 5 == 0 else None,
            "CUST_TRAVEL_MIN": 35 if number % 5 == 0 else None,
        }  # fmt: skip
        item = Item("activities", key, row, {}, dirt=(*dirt, *((("", kind),) if kind else ())))
        return self._ended(item, feed, kind, {**links, "owner": user} if links else {}, project)

    def _word(self, kind: str) -> str:
        if kind == "old_note_kind":
            return self.draws.rng.choice(FEEDS["calls"][1:])
        return FORCED.get(kind) or self.draws.rng.choice(("call", "email", "meeting", "task"))

    def _times(self, at: object, feed: str, kind: str) -> tuple[str | None, str | None, str | None]:
        """Start, end and due: a task has the last one alone, a call may lack its end."""
        start = stamp(at)  # type: ignore[arg-type]
        if kind == "no_date":
            return None, None, None
        if feed == "tasks":
            return None, None, start
        ends = stamp(at + timedelta(minutes=30)) if feed == "meetings" or self.draws.rng.random() < 0.6 else None  # type: ignore[operator]
        return start, ends, None

    def _ended(self, item: Item, feed: str, kind: str, values: dict[str, str], project: str) -> Item:
        row, ends = item.row, {name: Verdict("excluded", "other_kind") for name in FEEDS}
        ends[feed] = Verdict("loaded", "", f"{feed}/{item.key}")
        if feed == "tasks":
            values |= {"due_date": there(str(row["DueDate"])), "done": str(row["Status"] != "Scheduled").lower()}
        elif feed != "other_activities":
            first = "from_date" if feed == "meetings" else "start_date"
            values |= {first: there(str(row["StartDate"])), "end_date": there(str(row["EndDate"] or row["StartDate"]))}
        if feed in ("calls", "emails"):
            values["type"] = "Imported call" if feed == "calls" else "Imported e-mail"
        if feed in ("meetings", "other_activities"):
            values.pop("owner", None)  # appointments and notes belong to whoever made them
        if feed != "other_activities":
            values["title"] = str(row["Subject"] or row["Type"])
        values["notes" if feed in ("calls", "emails") else "description"] = _told(row, feed, project)
        fate = {
            "dangling": Verdict("held", "parent_missing"),
            "on_a_project": Verdict("excluded", "on_a_project"),
            "no_date": Verdict("rejected", "required_field_empty"),
        }.get(kind)
        if kind == "on_a_project" and values.keys() & LINKED:
            fate = None
        elif kind == "on_a_project":
            ends = {name: Verdict("excluded", "on_a_project") for name in FEEDS}
        elif fate:
            ends[feed] = fate
        return Item(item.table, item.key, row, ends, {} if fate else {feed: values}, dirt=item.dirt)


def _told(row: Mapping[str, Json], feed: str, project: str) -> str:
    """All that an activity says beside its fields, as lines of its text; the body in plain words, but for a note."""
    own = [f"{name}: {row[name]}" for name in OWN if row[name] is not None]
    if feed == "other_activities":
        lines = [f"{row['StartDate']}, {row['AssignTo']}", f"Kind: {row['Type']}", _line("End", row["EndDate"])]
        lines += [
            _line("Project in Soffront", project or None),
            _line("Status in Soffront", row["Status"]),
            str(row["Subject"] or ""),
        ]
        marked, after = ([f"<p>{line}</p>" for line in each if line] for each in (lines, own))
        return "\n".join([*marked, str(row["Notes"]), *after])
    lines = [_line("Kind in Soffront", None if feed == "tasks" else row["Type"])]
    lines += [_line("Assigned in Soffront to", row["AssignTo"] if feed == "meetings" else None)]
    lines += [_line("Project in Soffront", project or None)]
    lines += [_line("Status in Soffront", row["Status"]), _line("Repeats", row["RepeatType"])]
    words = str(row["Notes"]).replace("</p><blockquote>", "\n\n").replace("</blockquote><blockquote>", "\n\n")
    words = words.removeprefix("<p>").removesuffix("</p>").removesuffix("</blockquote>")
    return "\n\n".join(part for part in ("\n".join(line for line in lines if line), words, "\n".join(own)) if part)


def _line(name: str, value: Json) -> str:
    return "" if value is None else f"{name}: {value}"


class Attachments:
    """Files on contacts, accounts, deals, tickets and projects: over the limit, of another size than stated, gone."""

    def __init__(self, draws: Draws, parents: Parents) -> None:
        self.draws, self.parents = draws, parents

    def draw(self) -> tuple[list[Item], list[File]]:
        """The rows that list the files, and the files."""
        size = self.draws.size.attachments
        kinds = ["over_limit"] * share(size, 11 / 3120, least=2) + ["gone"] * share(size, 6 / 3120, least=1)
        kinds += ["size_differs"] * share(size, 0.005, least=1) + ["on_a_project"] * share(size, 0.03, least=2) + ["at_limit"]
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
        links = self.parents.link(parent, record)
        if kind == "on_a_project":
            parent, (parent_key, links, _) = "projects", self.parents.project()
        row: dict[str, Json] = {
            "AttachmentID": int(key), "ParentObject": parent, "ParentID": int(parent_key),
            "FileName": f"{rng.choice(('offer', 'plan of the hall', 'photo'))}-{number}.{rng.choice(('pdf', 'png', 'docx'))}",
            "Bytes": size, "UploadedBy": rng.choice(HANDLES), "UploadedDate": stamp(at),  # type: ignore[arg-type]
        }  # fmt: skip
        end = {
            "over_limit": Verdict("excluded", "file_linked"),
            "gone": Verdict("rejected", "file_missing"),
            "size_differs": Verdict("rejected", "file_differs"),
        }.get(kind, Verdict("loaded", "", f"files/{key}") if links else Verdict("excluded", "on_a_project"))
        values = {"files": {"file_name": str(row["FileName"]), "bytes": str(size), **links}} if end.record else {}
        item = Item("attachments", key, row, {"files": end}, values, dirt=((("Bytes", kind),) if kind else ()))
        sent = size - 7 if kind == "size_differs" else -1
        return item, File(
            key, str(row["FileName"]), size, "application/octet-stream", sent=sent, status=410 if kind == "gone" else 200
        )
