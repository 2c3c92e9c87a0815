"""Notes of v1 and the comments below them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import NAMESPACE_URL, uuid5

import nh3

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.offsets import Keep, Offsets, since
from workbench.rehearsal.pipedrive.shapes import Shape, integer, text
from workbench.rehearsal.pipedrive.stamps import pruned, seconds_of
from workbench.rehearsal.pipedrive.ties import Ties

PINS = {
    "pinned_to_lead_flag": "lead_id",
    "pinned_to_deal_flag": "deal_id",
    "pinned_to_organization_flag": "org_id",
    "pinned_to_person_flag": "person_id",
    "pinned_to_project_flag": "project_id",
    "pinned_to_task_flag": "task_id",
}
"""The flags that put a note on top, and the link that each needs."""
LINKS = tuple(PINS.values())
BODY = Shape({"content": text}, open=True)
SORTABLE = ("user_id", "deal_id", "person_id", "org_id", "content", "add_time", "update_time")
SIMPLE_TAGS = {
    *("a", "b", "blockquote", "br", "code", "del", "div", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("li", "ol", "p", "pre", "s", "small", "span", "strike", "strong", "sub", "sup", "u", "ul"),
    *("table", "tbody", "td", "tfoot", "th", "thead", "tr"),
}


class Notes:
    """The notes of an account."""

    def __init__(self, house: House, account: Account, ties: Ties, offsets: Offsets) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "GET", "notes", 20, self._list),
            Operation("v1", "POST", "notes", 10, self._add, body=BODY),
            Operation("v1", "GET", "notes/#", 2, self._get),
            Operation("v1", "PUT", "notes/#", 10, self._change, body=BODY),
            Operation("v1", "DELETE", "notes/#", 6, self._delete),
            Operation("v1", "GET", "notes/#/comments", 20, self._comments),
            Operation("v1", "POST", "notes/#/comments", 10, self._comment, body=BODY),
            Operation("v1", "GET", "notes/#/comments/#", 2, self._comment_shown),
            Operation("v1", "PUT", "notes/#/comments/#", 10, self._comment_changed, body=BODY),
            Operation("v1", "DELETE", "notes/#/comments/#", 6, self._comment_deleted),
        )

    def save(self, record: Record, *, new: bool = False) -> Record:
        """Write a note with what it is found by."""
        body = record.body
        traits = Traits(body["content"][:1000], body["user_id"], parents=self._ties.parents(body))
        self._state.save(record, traits, new=new)
        return record

    def shown(self, record: Record) -> Json:
        """A note as v1 answers it: each link with the name of what it links to, the flags as booleans."""
        body = record.body
        named = {key: self._ties.name(body, key) for key in LINKS}
        links = {key: body.get(key) for key in ("deal_id", "person_id", "org_id", "lead_id", "project_id", "task_id")}
        pins = {flag: key in body.get("pins", []) for flag, key in PINS.items()}
        return {
            "id": record.id,
            "user_id": body["user_id"],
            **links,
            "content": body["content"],
            "add_time": v1_stamp(record.created),
            "update_time": v1_stamp(record.updated),
            "active_flag": record.deleted is None,
            **pins,
            "last_update_user_id": body.get("last_update_user_id"),
            "organization": _named("name", named["org_id"]),
            "person": _named("name", named["person_id"]),
            "deal": _named("title", named["deal_id"]),
            "lead": _named("title", named["lead_id"]),
            "project": _named("title", named["project_id"]),
            "task": _named("title", named["task_id"]),
            "user": self._author(body["user_id"]),
        }

    def _author(self, number: int) -> Json | None:
        user = self._account.users.get(number)
        return user and {key: user[key] for key in ("email", "name", "icon_url", "is_you")}

    def _live(self, asked: Asked) -> Record:
        shown = self._house.switches["deleted_record"] == "answer" and asked.call.method == "GET" and len(asked.ids) == 1
        return self._state.get("notes", asked.number(), deleted=shown) or no("v1", 404, "Note not found")

    def _get(self, asked: Asked) -> Reply:
        return one(self.shown(self._live(asked)))

    def _list(self, asked: Asked) -> Reply:
        keep = self._wanted(asked)
        below = self._ties.below(asked.query, LINKS)
        return self._offsets.listed(asked, "notes", self.shown, keep=keep, below=below, sortable=SORTABLE)

    def _wanted(self, asked: Asked) -> Keep | None:
        query = asked.query
        wanted = {key: query[key].lower() for key in ("user_id", *LINKS) if query.get(key)}
        pins = {key: query[flag] in ("1", "true") for flag, key in PINS.items() if flag in query}
        changed, first, last = since(asked, "updated_since"), since(asked, "start_date"), since(asked, "end_date")
        if not wanted and not pins and changed is first is last is None:
            return None

        def keep(record: Record) -> bool:
            body = record.body
            return (
                all(str(body.get(key)) == value for key, value in wanted.items())
                and all((key in body.get("pins", [])) is value for key, value in pins.items())
                and (changed is None or record.updated >= changed)
                and (first is None or record.created >= first)
                and (last is None or record.created < last + 86_400)
            )

        return keep

    def _add(self, asked: Asked) -> Reply:
        given = asked.body
        links = self._ties.checked(given, LINKS)
        if not links:
            no("v1", 400, f"One of {', '.join(LINKS)} must be given")
        author = self._author_of(given) or self._account.me["id"]
        body = {"content": self._content(given, needed=True), "user_id": author, **links, "pins": _pins(given, links, ())}
        made = _moment(given, asked.now)
        number = self._state.next_id("notes")
        return one(self.shown(self.save(Record("notes", number, pruned(body), made, asked.now), new=True)))

    def _change(self, asked: Asked) -> Reply:
        record, given = self._live(asked), asked.body
        kept = {key: record.body[key] for key in LINKS if key in record.body and key not in given}
        links = {**kept, **self._ties.checked(given, LINKS)}
        if not links:
            no("v1", 400, f"One of {', '.join(LINKS)} must be given")
        body = {
            "content": self._content(given, needed=False) or record.body["content"],
            "user_id": self._author_of(given) or record.body["user_id"],
            **links,
            "pins": _pins(given, links, record.body.get("pins", ())),
            "last_update_user_id": self._account.me["id"],
        }
        made = _moment(given, record.created)
        return one(self.shown(self.save(Record("notes", record.id, pruned(body), made, asked.now))))

    def _delete(self, asked: Asked) -> Reply:
        record = self._live(asked)
        for comment in self._comments_of(record.id):
            self._state.erase("comments", comment.id)
        self.save(Record("notes", record.id, record.body, record.created, asked.now, asked.now))
        return one(True)

    def _content(self, given: Json, *, needed: bool) -> str:
        """HTML as it is kept; what is left out stays as it was."""
        if "content" not in given and not needed:
            return ""
        content = given.get("content")
        if not isinstance(content, str) or not content.strip():
            no("v1", 400, "Note content must be given.")
        if len(content.encode()) > self._house.switches.number("note_kilobytes") * 1024:
            no("v1", 400, f"The note is larger than {self._house.switches['note_kilobytes']} KB")
        return sanitised(content) if self._house.switches["note_html"] == "sanitise" else content

    def _author_of(self, given: Json) -> int | None:
        """The author that is asked for; only an admin may name another."""
        number = given.get("user_id")
        if number is None or number == self._account.me["id"]:
            return number
        if integer(number) is not None or number not in self._account.users:
            no("v1", 400, f"User with id {number} was not found")
        if not self._account.me["is_admin"]:
            no("v1", 403, "You do not have permissions to do this.")
        return int(number)

    # ---- comments

    def _comments_of(self, note: int) -> list[Record]:
        numbers = self._state.children("notes", note, "comments")
        found = (self._state.get("comments", number) for number in numbers)
        return [record for record in found if record is not None]

    def _one_comment(self, asked: Asked) -> Record:
        self._live(asked)
        found = [record for record in self._comments_of(asked.number()) if record.body["uuid"] == asked.ids[1].lower()]
        return found[0] if found else no("v1", 404, "Comment not found")

    def _comments(self, asked: Asked) -> Reply:
        note = self._live(asked)
        return self._offsets.page(asked, [self._comment_row(record) for record in self._comments_of(note.id)])

    def _comment(self, asked: Asked) -> Reply:
        note = self._live(asked)
        number = self._state.next_id("comments")
        uuid = str(uuid5(NAMESPACE_URL, f"comments/{self._account.company_id}/{number}"))
        me = self._account.me["id"]
        body = {
            "uuid": uuid,
            "content": self._content(asked.body, needed=True),
            "note": note.id,
            "user_id": me,
            "updater_id": me,
        }
        return one(self._kept_comment(Record("comments", number, body, asked.now, asked.now), new=True))

    def _comment_shown(self, asked: Asked) -> Reply:
        return one(self._comment_row(self._one_comment(asked)))

    def _comment_changed(self, asked: Asked) -> Reply:
        record = self._one_comment(asked)
        body = {**record.body, "content": self._content(asked.body, needed=True), "updater_id": self._account.me["id"]}
        return one(self._kept_comment(Record("comments", record.id, body, record.created, asked.now), new=False))

    def _comment_deleted(self, asked: Asked) -> Reply:
        self._state.erase("comments", self._one_comment(asked).id)
        return one(True)

    def _kept_comment(self, record: Record, *, new: bool) -> Json:
        body = record.body
        self._state.save(record, Traits(body["content"][:1000], body["user_id"], parents=[("notes", body["note"])]), new=new)
        return self._comment_row(record)

    def _comment_row(self, record: Record) -> Json:
        body = record.body
        return {
            "uuid": body["uuid"],
            "active_flag": True,
            "add_time": v1_stamp(record.created),
            "update_time": v1_stamp(record.updated),
            "content": body["content"],
            "object_id": str(body["note"]),
            "object_type": "note",
            "user_id": body["user_id"],
            "updater_id": body["updater_id"],
            "company_id": self._account.company_id,
        }


def sanitised(content: str) -> str:
    """HTML without comments, scripts and tags beyond the simple ones."""
    return nh3.clean(content, tags=SIMPLE_TAGS, link_rel=None)


def _named(key: str, name: str | None) -> Json | None:
    return None if name is None else {key: name}


def _moment(given: Json, otherwise: float) -> float:
    """The creation date that is asked for, past or future."""
    if not given.get("add_time"):
        return otherwise
    found = seconds_of(given["add_time"])
    return found if found is not None else no("v1", 400, "add_time must be in the format YYYY-MM-DD HH:MM:SS")


def _pins(given: Json, links: Json, before: Iterable[str]) -> list[str]:
    """The links on whose records the note stands on top."""
    pinned = {key for key in before if key in links}
    for flag, key in PINS.items():
        value = given.get(flag)
        if flag not in given or value is None:
            continue
        if isinstance(value, bool) or value not in (0, 1):
            no("v1", 400, f"{flag} must be 0 or 1")
        if value == 1 and key not in links:
            no("v1", 400, f"{flag} needs a {key}")
        pinned = pinned | {key} if value == 1 else pinned - {key}
    return sorted(pinned)
