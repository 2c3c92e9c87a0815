"""The rehearsal of FastTrack's API: an invention after what a vendor's page claims, since nobody knows which product it is."""

from __future__ import annotations

import base64
import hmac
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

from workbench.rehearsal.engine import Call, Cost, House, Json, Refusal, Reply, StandIn, Standing, Window, as_json
from workbench.rehearsal.engine.corruption import corrupted, flaw_of
from workbench.rehearsal.engine.folder import Folder, Kind, Line, read_folder
from workbench.rehearsal.fasttrack.exports import Exports
from workbench.rehearsal.fasttrack.switches import SWITCHES

__all__ = ["FAULT_POINTS", "FIRST_IDS", "SWITCHES", "TENANT", "open_stand_in"]

TENANT = "fasttrack_small"
FAULT_POINTS: Sequence[str] = ()
FIRST_IDS: Mapping[str, int] = {}
MINUTE, DAY = 60, 86_400
SENSITIVE = ("last_name", "email", "phone", "address")


def open_stand_in(house: House) -> StandIn:
    """The stand-in over the folder that the recipe names."""
    return FastTrack(house, read_folder(Path(house.tenant["folder"])))


class FastTrack:
    """One tenant of FastTrack, read-only."""

    base = ""

    def __init__(self, house: House, folder: Folder) -> None:
        self._switches = house.switches
        self._folder = folder
        self._exports = Exports(house, lambda kind: folder.lines[kind.name], self._sent_or_said)
        self._asked = 0

    def windows(self) -> Sequence[Window]:
        minute, day = (int(self._switches.number(f"calls_per_{name}")) for name in ("minute", "day"))
        found = [Window("minute", MINUTE, minute, rolling=True)] if minute else []
        return (*found, Window("day", DAY, day)) if day else found

    def cost(self, call: Call) -> Cost:
        """One of the tenant's calls, unless the throttle is lifted still."""
        self._asked += 1
        return Cost(() if self._asked <= self._switches.number("lift_calls") else ("minute", "day"))

    def authorised(self, call: Call, token: str) -> bool:
        """Only ``Authorization: Bearer <key>`` opens."""
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())

    def body_limit(self, call: Call) -> int:
        return 1024 * 1024

    def undone(self) -> None:
        """Nothing of the tenant is ever written."""

    def settle(self, now: float) -> None:
        """Nothing is due here."""

    def answer(self, call: Call) -> Reply:
        match (call.method, call.parts):
            case ("POST", ("graphql",)):
                return self._graphql(_body(call))
            case ("GET", ("api", "v1", "objects")):
                return as_json({"data": [_described(kind) for kind in self._folder.kinds.values()]})
            case ("POST", ("api", "v1", "exports")):
                said = _body(call)
                return self._exports.begin(self._kind(str(said.get("object"))), said, call.now)
            case ("GET", ("api", "v1", "exports", name)):
                return self._exports.status(name, call.now)
            case ("GET", ("api", "v1", "exports", name, "download")):
                return self._exports.download(name)
            case ("GET", ("api", "v1", "files", id_, "content")):
                return self._content(id_)
            case ("GET", ("api", "v1", object_)):
                return self._listing(self._kind(object_), call)
            case ("GET", _):
                raise Refusal(404, "no such resource")
        raise Refusal(405, "this key only reads")

    def _kind(self, name: str) -> Kind:
        if name not in self._folder.kinds:
            raise Refusal(404, f"there is no object {name}")
        return self._folder.kinds[name]

    def _listing(self, kind: Kind, call: Call) -> Reply:
        if kind.graphql and self._switches.on("graphql_only"):
            raise Refusal(404, f"{kind.name} is reached by GraphQL")
        lines = self._since(kind, call.query.get("updated_since", ""))
        start, rows = _opened(call.query.get("cursor", "")), self._rows(call.query.get("limit", ""))
        page, after = lines[start : start + rows], _sealed(start + rows) if start + rows < len(lines) else None
        if poisoned := [line for line in page if self._flaw(kind, line) == "poison"]:
            return self._broken(poisoned[0], after, alone=len(page) == 1)
        told = {"total": len(lines)} if self._switches.on("total") else {}
        head = json.dumps({**told, "next_cursor": after}).encode()
        return Reply(200, head[:-1] + b',"data":[' + b",".join(self._sent(kind, line) for line in page) + b"]}")

    def _broken(self, line: Line, after: str | None, *, alone: bool) -> Reply:
        """A page that cannot be built; one of a single row says which, and what comes after it."""
        if not alone or not self._switches.on("poison_cursor"):
            return as_json({"error": "internal error"}, 500)
        return as_json({"error": "unreadable item", "id": line.key, "next_cursor": after}, 500)

    def _rows(self, said: str) -> int:
        if said and not said.isdecimal():
            raise Refusal(400, "limit is no number")
        return max(min(int(said or 100), int(self._switches.number("limit_most"))), 1)

    def _since(self, kind: Kind, moment: str) -> Sequence[Line]:
        lines = self._folder.lines[kind.name]
        if not moment:
            return lines
        return [line for line in lines if str((line.body or {}).get("updated_at") or moment) >= moment]

    def _graphql(self, said: Json) -> Reply:
        """One query, of the rows of an object; errors stand beside the data that there are."""
        query, given = str(said.get("query", "")), said.get("variables") or {}
        if "mutation" in query:
            raise Refusal(403, "this key only reads")
        kind = self._kind(str(given.get("object")))
        start, rows = _opened(str(given.get("after") or "")), self._rows(str(given.get("first") or ""))
        lines = self._folder.lines[kind.name]
        nodes: list[bytes] = []
        errors: list[Json] = []
        for place, line in enumerate(lines[start : start + rows]):
            flaw = self._flaw(kind, line) or ("" if line.body is not None else "broken")
            if flaw or "error" in (line.body or {}):
                where = ["rows", "nodes", place]
                errors.append({"message": "unreadable", "path": where, "extensions": {"id": line.key}})
            nodes.append(b"null" if flaw else self._sent(kind, line))
        end = start + len(nodes)
        info = {"endCursor": _sealed(end), "hasNextPage": end < len(lines)}
        head = json.dumps({"totalCount": len(lines), "pageInfo": info}).encode()
        body = b'{"data":{"rows":' + head[:-1] + b',"nodes":[' + b",".join(nodes) + b"]}}"
        return Reply(200, body + (b',"errors":' + json.dumps(errors).encode() if errors else b"") + b"}")

    def _content(self, id_: str) -> Reply:
        stored = self._folder.files.get(id_)
        if stored is None or stored.status != 200:
            raise Refusal(stored.status if stored else 404, "the file is gone")
        return Reply(200, stored.bytes(), stored.content_type)

    def _flaw(self, kind: Kind, line: Line) -> str:
        share, form = self._switches.number("corrupt_share"), self._switches["corrupt_form"]
        return flaw_of(kind.name, line.key, share=share, form=form)

    def _sent(self, kind: Kind, line: Line) -> bytes:
        raw = line.raw
        if line.body is not None and self._switches.on("masked"):
            masked = {name: "****" if name in SENSITIVE and value else value for name, value in line.body.items()}
            raw = json.dumps(masked, ensure_ascii=False, separators=(",", ":")).encode()
        return corrupted(raw, self._flaw(kind, line), name=kind.key, key=line.key)

    def _sent_or_said(self, kind: Kind, line: Line) -> bytes:
        """The same for an export, in which a row that breaks a page has a line that says so."""
        poisoned = self._flaw(kind, line) == "poison"
        return corrupted(line.raw, "marker", name=kind.key, key=line.key) if poisoned else self._sent(kind, line)

    def refuse(self, status: int, messages: Iterable[str], *, call: Call) -> Reply:
        """An error in JSON."""
        return as_json({"error": next(iter(messages), "internal error")}, status)

    def limited(self, call: Call, standing: Standing) -> Reply:
        wait = standing.spent.reset if standing.spent else 1.0
        said = {
            "seconds": str(math.ceil(wait)),
            "date": formatdate(math.ceil(call.now + wait), usegmt=True),
        }.get(self._switches["retry_after"])
        reply = as_json({"error": "the tenant is throttled"}, int(self._switches["limit_form"]))
        return Reply(reply.status, reply.body, reply.content_type, {"retry-after": said} if said else {})

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        left = standing.tightest
        if left is None or not self._switches.on("limit_headers"):
            return {}
        told = {"limit": left.window.allowance, "remaining": left.remaining, "reset": math.ceil(left.reset)}
        return {f"x-ratelimit-{name}": str(value) for name, value in told.items()}

    def create_fields(self, plan: Sequence[Json]) -> list[Json]:
        """Fields are made at the destination; a source stays as it is."""
        raise Refusal(400, "a source is only read")


def _described(kind: Kind) -> Json:
    fields = [{"name": c.name, "label": c.label, "type": c.type, "required": c.required} for c in kind.columns]
    key = kind.key.split(",")
    return {
        "name": kind.name,
        "label": kind.label,
        "key": key,
        "custom": kind.custom,
        "graphql": kind.graphql,
        "fields": fields,
    }


def _body(call: Call) -> Json:
    try:
        said = json.loads(call.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refusal(400, "the body is no JSON object")
    return said


def _sealed(start: int) -> str:
    return base64.urlsafe_b64encode(f"after {start}".encode()).decode()


def _opened(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after "))
    except ValueError:
        raise Refusal(400, "the cursor is not valid") from None
