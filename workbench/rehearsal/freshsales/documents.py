"""Freshsales files and links: uploaded in parts, listed with their parent, and handed out again to the byte."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, Traits, as_json
from workbench.rehearsal.engine.uploads import Upload
from workbench.rehearsal.freshsales.answers import Handler, body_of
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog
from workbench.rehearsal.freshsales.uploads import parts_of
from workbench.rehearsal.freshsales.values import id_in

KINDS = {"documents": "document", "document_links": "document_link"}
PARENTS = {**{model: kind for kind, model in MODELS.items()}, "Product": "products"}
MEGABYTE = 1024 * 1024
STORAGE: Mapping[str, int] = {"free": 0, "growth": 2, "pro": 5, "enterprise": 100}
"""Gigabytes of each user; what Classic plans hold is not told."""
TYPE = re.compile(r"^[\w.+-]+/[\w.+-]+(?:; *charset=[\w-]+)?$", re.ASCII)
ADDRESS = re.compile(r"^https?://[^\s/]+", re.IGNORECASE)


class Documents:
    """Keeps uploaded files and links, and tells them with their parent."""

    def __init__(self, house: House, catalog: Catalog, shapes: Shapes) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        yield "POST documents", self._uploaded
        yield "GET documents/#", lambda call, ids: self._content(ids[0])
        yield "POST document_links", self._linked
        for kind in MODELS if self._catalog.classic else [name for name in MODELS if name != "leads"]:
            yield f"GET {kind}/#/document_associations", self._lister(kind)
        yield "GET cpq/products/#/document_associations", self._lister("products")
        if self._switches["attachment_delete"] == "accept":
            for kind in KINDS:
                yield f"DELETE {kind}/#", self._remover(kind)

    def _uploaded(self, call: Call, ids: Sequence[int]) -> Reply:
        parts = parts_of(call)
        upload = parts.files.get("file")
        if upload is None:
            raise Refusal(400, "File can't be blank")
        self._fits(upload)
        name = parts.fields.get("file_name", "").strip() or upload.name
        body: Json = {
            "name": name,
            "is_shared": parts.fields.get("is_shared") == "true",
            "targetables": [self._target(parts.fields)],
            "content_file_size": len(upload.content),
            "content_content_type": upload.content_type if TYPE.match(upload.content_type) else "application/octet-stream",
            "content_sha256": hashlib.sha256(upload.content).hexdigest(),
        }
        record = self._kept("documents", body, call)
        self._state.keep_content("documents", record.id, upload.content)
        return self._said(record.id, "File uploaded successfully", self._url(record.id, call))

    def _linked(self, call: Call, ids: Sequence[int]) -> Reply:
        given = body_of(call)
        url = given.get("url")
        if not isinstance(url, str) or not ADDRESS.match(url):
            raise Refusal(400, "Url is invalid" if url else "Url can't be blank")
        name = given.get("name") or url
        if not isinstance(name, str):
            raise Refusal(400, "Name is invalid")
        shared = given.get("is_shared") in (True, "true")
        body: Json = {"name": name, "url": url, "is_shared": shared, "targetables": [self._target(given)]}
        record = self._kept("document_links", body, call)
        return self._said(record.id, "Link added successfully", url)

    def _said(self, number: int, words: str, url: str) -> Reply:
        return as_json({"id": number, "msg": words, "url": url}, int(self._switches["create_status"]))

    def _fits(self, upload: Upload) -> None:
        most = self._switches.number("file_megabytes")
        if len(upload.content) > most * MEGABYTE:
            raise Refusal(400, f"File size should not exceed {most:g} MB")
        room = self._room()
        if room is None:
            return
        if room == 0:
            raise Refusal(403, "Your plan has no file storage")
        used = "SELECT coalesce(sum(length(bytes)), 0) FROM content WHERE kind = 'documents'"
        if int(self._state.db.execute(used).fetchone()[0]) + len(upload.content) > room:
            raise Refusal(400, "File storage limit exceeded")

    def _room(self) -> float | None:
        """Bytes that the API user, whom every upload is charged to, may keep; none where nothing is known of a limit."""
        if not self._switches.on("file_storage"):
            return None
        if self._catalog.storage_megabytes is not None:
            return float(self._catalog.storage_megabytes) * MEGABYTE
        gigabytes = STORAGE.get(self._catalog.plan)
        return None if gigabytes is None else gigabytes * 1024 * MEGABYTE

    def _target(self, given: Mapping[str, object]) -> Json:
        model, number = str(given.get("targetable_type")), id_in(given.get("targetable_id"))
        if model not in PARENTS or number is None or self._state.get(PARENTS[model], number) is None:
            raise Refusal(400, "Targetable is invalid")
        return {"id": number, "type": model}

    def _kept(self, kind: str, body: Json, call: Call) -> Record:
        body["creater_id"] = self._catalog.api_user
        record = Record(kind, self._state.next_id(kind), body, created=call.now, updated=call.now)
        parents = [(PARENTS[target["type"]], target["id"]) for target in body["targetables"]]
        self._state.save(record, Traits(label=body["name"].lower(), parents=parents), new=True)
        return record

    def _content(self, number: int) -> Reply:
        record = self._live("documents", number)
        headers = {
            # Never shown in place: a page that somebody uploaded would run in the name of the stand-in.
            "content-disposition": f"attachment; filename*=UTF-8''{quote(record.body['name'], safe='')}",
            "x-content-type-options": "nosniff",
        }
        return Reply(200, self._state.content("documents", number) or b"", record.body["content_content_type"], headers)

    def _remover(self, kind: str) -> Handler:
        def removed(call: Call, ids: Sequence[int]) -> Reply:
            self._live(kind, ids[0])
            self._state.erase(kind, ids[0])
            return as_json({"success": "200"})

        return removed

    def _live(self, kind: str, number: int) -> Record:
        record = self._state.get(kind, number)
        if record is None:
            raise Refusal(404, "Record not found")
        return record

    def _lister(self, kind: str) -> Handler:
        def listed(call: Call, ids: Sequence[int]) -> Reply:
            parent = self._live(kind, ids[0])
            files, links = (self._of(parent, own) for own in KINDS)
            makers = dict.fromkeys(record.body["creater_id"] for record in (*files, *links))
            users = [self._catalog.people[number] for number in makers if number in self._catalog.people]
            documents = [self._file(record, call) for record in files]
            return as_json({"users": users, "documents": documents, "document_links": [self._link(row) for row in links]})

        return listed

    def _of(self, parent: Record, kind: str) -> list[Record]:
        found = (self._state.get(kind, number) for number in self._state.children(parent.kind, parent.id, kind))
        return [record for record in found if record is not None]

    def _file(self, record: Record, call: Call) -> Json:
        body = record.body
        return {
            "id": record.id,
            "url": self._url(record.id, call),
            "name": body["name"],
            "is_shared": body["is_shared"],
            "content_file_size": body["content_file_size"],
            "content_content_type": body["content_content_type"],
            "content_updated_at": self._shapes.moment(record.updated),
            "content_file_size_readable": readable(body["content_file_size"]),
            "created_at": self._shapes.moment(record.created),
            "is_attached": False,
            "creater_id": body["creater_id"],
        }

    def _link(self, record: Record) -> Json:
        body = record.body
        return {
            "id": record.id,
            "url": body["url"],
            "name": body["name"],
            "is_shared": body["is_shared"],
            "created_at": self._shapes.moment(record.created),
            "is_attached": False,
            "creater_id": body["creater_id"],
        }

    def _url(self, number: int, call: Call) -> str:
        return f"{call.host}{'' if self._catalog.classic else '/crm/sales'}/documents/{number}"


def readable(size: int) -> str:
    """A size as the product shows it, such as ``1.5 MB``."""
    amount, words = float(size), ("Bytes", "KB", "MB", "GB")
    for word in words:
        if amount < 1024 or word == words[-1]:
            return f"{amount:.3g} {word}"
        amount /= 1024
    raise AssertionError("the last word always fits")
