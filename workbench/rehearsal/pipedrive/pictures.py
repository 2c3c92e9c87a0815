"""The picture of a person: checked for its form, put up through v1, read through v2."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits, as_json
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, missing, no, one
from workbench.rehearsal.pipedrive.forms import form_of
from workbench.rehearsal.pipedrive.records import Records

KIND = "pictures"
SIZES = (128, 512)
LEAST = 128
STORAGE = "https://pipedrive-profile-pics.example"
"""Where the pictures would be kept; nothing is served there."""
CROPS = ("crop_x", "crop_y", "crop_width", "crop_height")
FRAMES = range(0xC0, 0xD0)
NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # tables within the same range of JPEG markers


class Pictures:
    """The pictures of persons."""

    def __init__(self, house: House, account: Account, records: Records) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        self._records = records

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "POST", "persons/#/picture", 10, self._put, raw=True),
            Operation("v1", "DELETE", "persons/#/picture", 6, self._delete),
            Operation("v2", "GET", "persons/#/picture", 1, self._get),
        )

    def _put(self, asked: Asked) -> Reply:
        person = self._records.live("v1", "persons", asked.number())
        form = form_of(asked.call)
        sent = form.files.get("file")
        size = size_of(sent.content) if sent else None
        if sent is None or size is None:
            no("v1", 400, "The picture must be a GIF, JPG or PNG file")
        cropped = [form.fields.get(name, "") for name in CROPS]
        width, height = (int(cropped[2]), int(cropped[3])) if all(text.isdecimal() for text in cropped) else size
        if width != height or width < LEAST:
            no("v1", 400, f"The picture must be square and at least {LEAST} pixels wide")
        self._drop(person)
        number = self._state.next_id(KIND)
        body = {"user_id": self._account.me["id"], "file_size": len(sent.content)}
        record = Record(KIND, number, body, asked.now, asked.now)
        self._state.save(record, Traits("", parents=[("persons", person.id)]), new=True)
        self._state.keep_content(KIND, number, sent.content)
        self._records.keep(replace(person, body={**person.body, "picture_id": number}, updated=asked.now))
        row = {**self._row(record, person.id), "add_time": v1_stamp(record.created), "update_time": v1_stamp(record.updated)}
        return as_json({"success": True, "data": row})

    def _get(self, asked: Asked) -> Reply:
        person = self._records.live("v2", "persons", asked.number())
        record = self._state.get(KIND, person.body.get("picture_id", 0))
        return one({**self._row(record, person.id), "file_size": record.body["file_size"]} if record else self._none())

    def _none(self) -> Json:
        missing("v2", "Picture", self._house.switches)

    def _delete(self, asked: Asked) -> Reply:
        person = self._records.live("v1", "persons", asked.number())
        if "picture_id" not in person.body:
            no("v1", 404, "Picture not found")
        number = person.body["picture_id"]
        self._drop(person)
        body = {key: value for key, value in person.body.items() if key != "picture_id"}
        self._records.keep(replace(person, body=body, updated=asked.now))
        return one({"id": number})

    def _drop(self, person: Record) -> None:
        if "picture_id" in person.body:
            self._state.erase(KIND, person.body["picture_id"])

    def _row(self, record: Record, person: int) -> Json:
        seed = f"{self._account.company_id}/{KIND}/{record.id}".encode()
        name = hashlib.sha1(seed, usedforsecurity=False).hexdigest()
        return {
            "id": record.id,
            "item_type": "person",
            "item_id": person,
            "active_flag": True,
            "added_by_user_id": record.body["user_id"],
            "pictures": {str(size): f"{STORAGE}/{name}_{size}.jpg" for size in SIZES},
        }


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height of a GIF, PNG or JPEG in pixels; none where it is none of them."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        return struct.unpack(">II", content[16:24])
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        return struct.unpack("<HH", content[6:10])
    return _jpeg(content) if content[:2] == b"\xff\xd8" else None


def _jpeg(content: bytes) -> tuple[int, int] | None:
    """The size that the first frame header names."""
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker in FRAMES and marker not in NOT_FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None
