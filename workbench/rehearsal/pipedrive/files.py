"""Files of v1: uploaded, linked from elsewhere, described, listed and downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.engine.uploads import Upload
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.forms import form_of
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.stamps import pruned
from workbench.rehearsal.pipedrive.ties import KINDS, Ties

LINKS = ("deal_id", "person_id", "org_id", "product_id", "activity_id", "lead_id", "project_id")
NAMES = ("deal_id", "person_id", "org_id", "product_id", "lead_id", "project_id")
LISTED = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id", "products": "product_id"}
REMOTE_TYPES = ("gdoc", "gslides", "gsheet", "gform", "gdraw")
REMOTE_ITEMS = {"deal": "deal_id", "organization": "org_id", "person": "person_id"}
DRIVE = "googledrive"
MOST = 100
IMAGES = ("bmp", "gif", "jpeg", "jpg", "png", "svg", "webp")
STORED = "stored"
"""The parameter of the address that a download redirects to."""


class Files:
    """The files of an account."""

    def __init__(self, house: House, account: Account, ties: Ties, offsets: Offsets) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "files", 20, self._list)
        yield Operation("v1", "POST", "files", 10, self._upload, raw=True)
        yield Operation("v1", "POST", "files/remote", 10, self._remote, raw=True)
        yield Operation("v1", "POST", "files/remoteLink", 10, self._remote_link, raw=True)
        yield Operation("v1", "GET", "files/#", 2, lambda asked: one(self.shown(self._live(asked), asked)))
        yield Operation("v1", "PUT", "files/#", 10, self._describe, raw=True)
        yield Operation("v1", "DELETE", "files/#", 6, self._delete)
        yield Operation("v1", "GET", "files/#/download", 20, self._download)
        for kind, key in LISTED.items():
            yield Operation("v1", "GET", f"{kind}/#/files", 20, lambda asked, key=key: self._list_of(asked, key))  # type: ignore[misc]

    def save(self, record: Record, *, new: bool = False) -> Record:
        """Write a file's row with what it is found by; its bytes are kept apart."""
        body = record.body
        self._state.save(
            record, Traits(body["name"].lower(), body["user_id"], parents=self._ties.parents(_links(body))), new=new
        )
        return record

    def shown(self, record: Record, asked: Asked) -> Json:
        """A file as v1 answers it, with the name of each record that it hangs on."""
        body = record.body
        return {
            "id": record.id,
            "user_id": body["user_id"],
            **{key: body.get(key) for key in LINKS},
            "log_id": None,
            "add_time": v1_stamp(record.created),
            "update_time": v1_stamp(record.updated),
            "file_name": body["file_name"],
            "file_type": body["file_type"],
            "file_size": body.get("file_size", 0),
            "active_flag": record.deleted is None,
            "inline_flag": False,
            "remote_location": body["remote_location"],
            "remote_id": body.get("remote_id"),
            "cid": None,
            "s3_bucket": None,
            "mail_message_id": None,
            "mail_template_id": None,
            **{f"{key.removesuffix('_id')}_name": self._ties.name(body, key) for key in NAMES},
            "url": f"{asked.call.host}/api/v1/files/{record.id}/download",
            "name": body["name"],
            "description": body.get("description"),
        }

    def _live(self, asked: Asked) -> Record:
        readable = self._house.switches["deleted_record"] == "answer" and asked.call.method == "GET"
        return self._state.get("files", asked.number(), deleted=readable) or no("v1", 404, "File not found")

    def _list(self, asked: Asked) -> Reply:
        return self._offsets.listed(
            asked, "files", lambda record: self.shown(record, asked), sortable=("update_time",), most=MOST
        )

    def _list_of(self, asked: Asked, key: str) -> Reply:
        """The files of one record."""
        number = asked.number()
        if self._ties.record(key, number) is None:
            no("v1", 404, f"{KINDS[key].removesuffix('s').capitalize()} not found")
        return self._offsets.listed(
            asked,
            "files",
            lambda record: self.shown(record, asked),
            keep=lambda record: record.body.get(key) == number,
            below=(KINDS[key], number),
            sortable=("update_time",),
            most=MOST,
        )

    def _upload(self, asked: Asked) -> Reply:
        form = form_of(asked.call)
        sent = form.files.get("file")
        if sent is None or not sent.name:
            no("v1", 400, "No files were uploaded")
        if len(sent.content) > self._house.switches.number("file_megabytes") * 1024 * 1024:
            no("v1", 400, f"The file is larger than {self._house.switches['file_megabytes']} MB")
        links = self._ties.checked(form.fields, LINKS)
        if self._house.switches["file_several_links"] == "first":
            links = dict(list(links.items())[:1])
        record = self._kept(_row(sent), links, asked)
        self._state.keep_content("files", record.id, sent.content)
        return one(self.shown(record, asked))

    def _kept(self, row: Json, links: Json, asked: Asked) -> Record:
        number = self._state.next_id("files")
        name = PurePosixPath(row["name"])
        seed = f"{self._account.company_id}/{number}/{row['name']}".encode()
        unique = f"{name.stem}_{hashlib.sha1(seed, usedforsecurity=False).hexdigest()}{name.suffix}"
        body = {"user_id": self._account.me["id"], "file_name": unique, **row, **links}
        return self.save(Record("files", number, pruned(body), asked.now, asked.now), new=True)

    def _describe(self, asked: Asked) -> Reply:
        record, fields = self._live(asked), form_of(asked.call).fields
        wish = {key: fields[key] for key in ("name", "description") if key in fields}
        if wish.get("name") == "":
            no("v1", 400, "The name of a file must not be empty")
        changed = replace(record, body=pruned({**record.body, **wish}), updated=asked.now)
        return one(self.shown(self.save(changed), asked))

    def _delete(self, asked: Asked) -> Reply:
        record = self._live(asked)
        self.save(replace(record, updated=asked.now, deleted=asked.now))
        return one({"id": record.id})

    def _download(self, asked: Asked) -> Reply:
        """The bytes; or the address of the storage that holds them, as the switch says."""
        record = self._live(asked)
        content = self._state.content("files", record.id)
        if content is None:
            no("v1", 404, "File not found")
        if self._house.switches["download"] == "redirect" and STORED not in asked.query:
            place = f"{asked.call.host}/{'/'.join(asked.call.parts)}?{STORED}=1"
            return Reply(302, b"", "text/plain; charset=utf-8", {"location": place})
        name = record.body["name"].encode("ascii", "replace").decode().replace('"', "'").replace("\r", " ").replace("\n", " ")
        return Reply(200, content, "application/octet-stream", {"content-disposition": f'attachment; filename="{name}"'})

    def _remote(self, asked: Asked) -> Reply:
        """A new, empty document on Google Drive, linked to a record."""
        fields = form_of(asked.call).fields
        if fields.get("file_type") not in REMOTE_TYPES:
            no("v1", 400, f"file_type must be one of {', '.join(REMOTE_TYPES)}")
        if not fields.get("title"):
            no("v1", 400, "title must be given")
        links = self._item(fields)
        number = self._state.count("kind = 'files'", ()) + 1
        remote = hashlib.sha1(f"{self._account.company_id}/drive/{number}".encode(), usedforsecurity=False).hexdigest()
        row = {"name": fields["title"], "file_type": fields["file_type"], "remote_location": DRIVE, "remote_id": remote}
        return one(self.shown(self._kept(row, links, asked), asked))

    def _remote_link(self, asked: Asked) -> Reply:
        fields = form_of(asked.call).fields
        links = self._item(fields)
        if not fields.get("remote_id"):
            no("v1", 400, "remote_id must be given")
        row = {"name": fields["remote_id"], "file_type": "gdoc", "remote_location": DRIVE, "remote_id": fields["remote_id"]}
        return one(self.shown(self._kept(row, links, asked), asked))

    def _item(self, fields: Mapping[str, str]) -> Json:
        """The one record that a remote file is linked to."""
        if fields.get("remote_location") != DRIVE:
            no("v1", 400, f"remote_location must be {DRIVE}")
        key = REMOTE_ITEMS.get(fields.get("item_type", ""))
        if key is None:
            no("v1", 400, f"item_type must be one of {', '.join(REMOTE_ITEMS)}")
        links = self._ties.checked({key: fields.get("item_id")}, (key,))
        return links or no("v1", 400, "item_id must be given")


def _links(body: Json) -> Json:
    return {key: body[key] for key in LINKS if key in body}


def _row(sent: Upload) -> Json:
    """What is known of a file that came; ``file_type`` is img for pictures, else the ending of the name."""
    ending = PurePosixPath(sent.name).suffix.removeprefix(".").lower()
    kind = "img" if ending in IMAGES or sent.content_type.startswith("image/") else ending or "unknown"
    return {"name": sent.name, "file_type": kind, "file_size": len(sent.content), "remote_location": "s3"}
