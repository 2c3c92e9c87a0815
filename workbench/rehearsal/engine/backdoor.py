"""The rehearsal's own paths beside the vendor's: the log, faults to order, and the hand of the admin."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.rehearsal.engine.bodies import parsed
from workbench.rehearsal.engine.contract import Call, House, Refusal, Reply, StandIn, as_json
from workbench.rehearsal.engine.faults import wish_of
from workbench.rehearsal.engine.state import Json

OWN = "__rehearsal__"
"""First part of the paths that belong to the rehearsal and not to the vendor."""
KEY_HEADER = "x-rehearsal-key"


class Backdoor:
    """Answers what only a rehearsal can tell or do; no limits, no faults, no log line."""

    def __init__(self, house: House, stand_in: StandIn, *, token: str) -> None:
        self._house = house
        self._vendor = stand_in
        self._token = token

    def stranger(self, call: Call) -> Reply | None:
        """The answer to a request without the key; none to one that has it."""
        if hmac.compare_digest(call.headers.get(KEY_HEADER, "").encode(), self._token.encode()):
            return None
        return as_json({"message": f"the header {KEY_HEADER} does not hold the key"}, 401)

    def answer(self, call: Call, path: str) -> Reply:
        """What a request with the key has asked for."""
        try:
            return as_json(self._asked(call, path))
        except Refusal as no:
            return as_json({"message": list(no.messages)}, no.status)
        except WorkbenchError as error:
            return as_json({"message": str(error)}, 400)
        except sqlite3.Error as error:
            return as_json({"message": f"the state cannot be written: {error}"}, 500)

    def _asked(self, call: Call, path: str) -> object:
        with self._house.state.transaction():
            self._vendor.settle(self._house.clock.now())
        asked = (call.method, path.removeprefix(f"/{OWN}/").strip("/"))
        if asked == ("GET", "log"):
            return {"rows": self._house.state.log(_whole(call.query.get("since", "0")))}
        if asked == ("GET", "settled"):
            return {}
        if asked == ("POST", "faults"):
            return self._order(_object(call.body))
        if asked == ("POST", "admin/fields"):
            return {"fields": self._made_fields(_objects(call.body))}
        raise Refusal(404, "the rehearsal has log, settled, faults and admin/fields")

    def _made_fields(self, plan: Sequence[Json]) -> list[Json]:
        try:
            with self._house.state.transaction():
                return self._vendor.create_fields(plan)
        except BaseException:
            self._vendor.undone()
            raise

    def _order(self, said: Json) -> Json:
        kind = str(said.pop("kind", ""))
        faults = self._house.faults
        faults.order(wish_of(kind, {name: str(value) for name, value in said.items()}, able=faults.able))
        return {"ordered": kind}


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise Refusal(400, f"expected a whole number, found {text!r}")
    return int(text)


def _object(body: bytes) -> Json:
    value = _parsed(body)
    if not isinstance(value, dict):
        raise Refusal(400, "expected a JSON object")
    return value


def _objects(body: bytes) -> list[Json]:
    value = _parsed(body)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Refusal(400, "expected a JSON list of objects")
    return value


def _parsed(body: bytes) -> object:
    try:
        return parsed(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None
