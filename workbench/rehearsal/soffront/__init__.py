"""The rehearsal of Soffront's web services, of which a token call is documented and the rest is this project's proposal."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

from workbench.rehearsal.engine import Call, Cost, House, Json, Refusal, Reply, StandIn, Standing, Window
from workbench.rehearsal.engine.corruption import corrupted, flaw_of
from workbench.rehearsal.engine.folder import Column, Folder, Kind, Line, read_folder
from workbench.rehearsal.engine.spoiling import gateway
from workbench.rehearsal.soffront.answers import ERROR, HTML, LOGIN, Envelope, profile_of
from workbench.rehearsal.soffront.listing import Asked, Listing
from workbench.rehearsal.soffront.rows import Rows
from workbench.rehearsal.soffront.spec import PASSWORD, USER
from workbench.rehearsal.soffront.switches import SWITCHES

__all__ = ["FAULT_POINTS", "FIRST_IDS", "PASSWORD", "SWITCHES", "TENANT", "USER", "open_stand_in"]

TENANT = "soffront_small"
FAULT_POINTS: Sequence[str] = ()
FIRST_IDS: Mapping[str, int] = {}
BASE = "/sf10/services"
MINUTE = 60
Bound = Mapping[str, str]


def open_stand_in(house: House) -> StandIn:
    """The stand-in over the folder that the recipe names."""
    return Soffront(house, read_folder(Path(house.tenant["folder"])))


class Soffront:
    """One account of Soffront, read-only."""

    base = BASE

    def __init__(self, house: House, folder: Folder) -> None:
        self._clock = house.clock
        self._switches = house.switches
        self._account = {"user": USER, "password": PASSWORD, **house.tenant.get("account", {})}
        self._folder = folder
        self._profile = profile_of(house.tenant.get("profile", {}))
        status = int(house.switches["error_status"])
        self._envelope = Envelope(self._profile, jsonp=house.switches.on("jsonp"), error_status=status)
        self._rows, self._listing = Rows(folder, house.switches), Listing(folder, house.switches)
        self._key = ""
        self._tokens: dict[str, tuple[float, int]] = {}  # when it was given, and calls since
        self._asked = 0

    def windows(self) -> Sequence[Window]:
        allowed = int(self._switches.number("calls_per_minute"))
        return (Window("minute", MINUTE, allowed, rolling=True),) if allowed else ()

    def cost(self, call: Call) -> Cost:
        return Cost(("minute",))

    def authorised(self, call: Call, token: str) -> bool:
        """Everybody may knock: key, user, password and token stand in the path, and are looked at there."""
        self._key = token
        return True

    def body_limit(self, call: Call) -> int:
        return 1024 * 1024

    def undone(self) -> None:
        """Nothing of the tenant is ever written."""

    def settle(self, now: float) -> None:
        """Nothing is due here."""

    def answer(self, call: Call) -> Reply:
        self._stumble()
        steps = tuple(filter(None, BASE.split("/")))
        named = self._profile.named(call.parts[len(steps) :]) if call.parts[: len(steps)] == steps else None
        if named is None:
            raise Refusal(404, "no such method")
        name, bound = named
        if name == "token":
            return self._token(bound)
        if (dead := self._dead(bound["token"], call.now)) is not None:
            return dead
        if call.method != "GET":
            return self._envelope.bad("this user may not change records")
        kind = self._kind(bound["object"]) if "object" in bound else None
        match name:
            case "objects":
                return self._envelope.good({"objects": list(map(self._object, self._folder.kinds.values()))})
            case "attachment":
                return self._attachment(bound["id"])
        assert kind is not None  # every other method names one
        match name:
            case "fields":
                return self._envelope.good({"fields": list(map(self._field, kind.columns))})
            case "count":
                return self._count(kind)
            case "record":
                return self._record(kind, bound["id"])
            case "attachments":
                return self._attachments(kind, bound["id"])
        return self._records(kind, call)

    def _stumble(self) -> None:
        """The host's own bad moments: bursts of 503, and its error page under 200."""
        self._asked += 1
        every, length = (int(self._switches.number(name)) for name in ("burst_every", "burst_length"))
        if every and self._asked % (every + length) >= every:
            raise Refusal(503, reply=gateway(503))
        page = int(self._switches.number("html_every"))
        if page and self._asked % page == 0:
            raise Refusal(200, reply=Reply(200, ERROR.encode(), HTML))

    def _token(self, bound: Bound) -> Reply:
        given = (bound["key"], bound["user"], bound["password"])
        right = (self._key, self._account["user"], self._account["password"])
        if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, right, strict=True)):
            return self._envelope.bad("Invalid developer key, user name or password", token=True)
        token = hashlib.sha256(f"{self._key}:{self._clock.now()}:{self._asked}".encode()).hexdigest()[:40]
        self._tokens[token] = (self._clock.now(), 0)
        return self._envelope.good({"token": token, "message": ""})

    def _dead(self, token: str, now: float) -> Reply | None:
        """The refusal of a token that is none or has ended, as this account tells it."""
        begun, calls = self._tokens.get(token, (-math.inf, 0))
        self._tokens[token] = (begun, calls + 1)
        most, lasts = int(self._switches.number("token_calls")), self._switches.number("token_seconds")
        if begun > -math.inf and not (most and calls >= most) and not (lasts and now - begun >= self._clock.wait(lasts)):
            return None
        del self._tokens[token]
        form = self._switches["expired_form"]
        if form == "html":
            return Reply(200, LOGIN.encode(), HTML)
        return self._envelope.bad("Invalid or expired token", status=401 if form == "http" else 0)

    def _kind(self, name: str) -> Kind:
        kind = self._folder.kinds.get(name)
        if kind is None:
            raise Refusal(404, f"there is no object {name}")
        if kind.forbidden and self._switches.on("forbidden"):
            raise Refusal(403, f"no permission for {name}")
        return kind

    def _object(self, kind: Kind) -> Json:
        values = {"name": kind.name, "label": kind.label, "custom": kind.custom, "parent": kind.parent}
        return {self._profile["object"][name]: value for name, value in values.items()}

    def _field(self, column: Column) -> Json:
        names = self._profile["field"]
        return {names[name]: list(value) if isinstance(value := getattr(column, name), tuple) else value for name in names}

    def _count(self, kind: Kind) -> Reply:
        if not self._switches.on("count_call"):
            raise Refusal(404, "no such method")
        return self._envelope.good({"count": self._listing.count(kind)})

    def _records(self, kind: Kind, call: Call) -> Reply:
        names = self._profile["parameters"]
        said = {name: call.query.get(names[name], "") for name in ("start", "rows", "cursor", "where", "order")}
        page = self._listing.page(kind, Asked(**said))
        slow = int(self._switches.number("slow_rows"))
        if slow and len(page.lines) >= slow:
            raise Refusal(504, reply=gateway(504))
        wanted = tuple(filter(None, call.query.get(names["fields"], "").split(",")))
        rows = [self._sent(kind, line, wanted) for line in page.lines]
        told = {"page": len(rows), "total": self._listing.count(kind)}.get(self._switches["count_in_page"])
        parts: Json = {} if told is None else {"count": told}
        return self._envelope.good({**parts, **({"cursor": page.cursor} if page.cursor else {})}, rows=rows)

    def _sent(self, kind: Kind, line: Line, wanted: Sequence[str] = ()) -> bytes:
        share, form = self._switches.number("corrupt_share"), self._switches["corrupt_form"]
        flaw = flaw_of(kind.name, line.key, share=share, form=form)
        if flaw == "poison":
            raise Refusal(500, reply=Reply(500, ERROR.encode(), HTML))
        return corrupted(self._rows.sent(kind, line, wanted), flaw, name=kind.key, key=line.key)

    def _record(self, kind: Kind, key: str) -> Reply:
        line = self._listing.one(kind, key)
        if line is None:
            raise Refusal(404, "no such record")
        return self._envelope.good({}, rows=[self._sent(kind, line)])

    def _attachments(self, kind: Kind, key: str) -> Reply:
        names = self._profile["attachment"]
        rows = [line.body for line in self._folder.lines.get(names["object"], ()) if line.body]
        return self._envelope.good({"attachments": [b for b in rows if _belongs(b, kind, key)]})

    def _attachment(self, id_: str) -> Reply:
        stored = self._folder.files.get(id_)
        if stored is None or stored.status != 200:
            raise Refusal(stored.status if stored else 404, "the attachment cannot be read")
        return Reply(200, stored.bytes(), stored.content_type)

    def refuse(self, status: int, messages: Iterable[str], *, call: Call) -> Reply:
        """Status 0 in the envelope; a breakdown shows the host's own page."""
        if status >= 500:
            return Reply(status, ERROR.encode(), HTML)
        return self._envelope.bad(next(iter(messages), "Bad request"))

    def limited(self, call: Call, standing: Standing) -> Reply:
        wait = max(standing.spent.reset if standing.spent else 1.0, 0.0)
        form = self._switches["retry_after"]
        said = {"seconds": str(math.ceil(wait)), "date": formatdate(math.ceil(call.now + wait), usegmt=True)}.get(form)
        return Reply(int(self._switches["limit_form"]), ERROR.encode(), HTML, {"retry-after": said} if said else {})

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        return {}

    def create_fields(self, plan: Sequence[Json]) -> list[Json]:
        """Fields are made at the destination; a source stays as it is."""
        raise Refusal(400, "a source is only read")


def _belongs(body: Json, kind: Kind, key: str) -> bool:
    return str(body.get("ParentObject")) in (kind.name, kind.label) and str(body.get("ParentID")) == key
