"""Rows as this account of Soffront writes them: dates, picklists, owners, numbers and empty fields by its switches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from workbench.rehearsal.engine import Json, Switches
from workbench.rehearsal.engine.folder import Column, Folder, Kind, Line

USERS = "users"
STYLES: Mapping[str, str] = {"dates": "iso", "picklists": "label", "owners": "user", "empty": "null", "numbers": "number"}


class Rows:
    """Dresses the rows of a folder; what no switch changes is sent as it lies there, byte for byte."""

    def __init__(self, folder: Folder, switches: Switches) -> None:
        self._switches = switches
        self._plain = all(switches[name] == usual for name, usual in STYLES.items())
        self._users = _people(folder.lines.get(USERS, ()), switches["owners"])

    def sent(self, kind: Kind, line: Line, names: Sequence[str] = ()) -> bytes:
        """The bytes of one row, with these fields alone where some are named."""
        hidden = {c.name for c in kind.columns if c.hidden} if self._switches.on("hidden_fields") else set()
        if line.body is None or (self._plain and not names and not hidden & set(line.body)):
            return line.raw
        body = {name: value for name, value in line.body.items() if name not in hidden and (not names or name in names)}
        if not self._plain:
            columns = {column.name: column for column in kind.columns}
            body = {name: self._value(columns.get(name), value) for name, value in body.items()}
            if self._switches["empty"] == "absent":
                body = {name: value for name, value in body.items() if value is not None}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _value(self, column: Column | None, value: object) -> object:
        if value is None or value == "":
            return "" if self._switches["empty"] == "blank" else None
        if column is None:
            return value
        if isinstance(value, str):
            return self._word(column, value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if number and self._switches["numbers"] == "text" else value

    def _word(self, column: Column, value: str) -> object:
        if column.type in ("date", "datetime"):
            return _moment(value, self._switches["dates"])
        if column.type == "picklist" and self._switches["picklists"] == "code" and value in column.values:
            return column.values.index(value) + 1
        if column.lookup.partition(".")[0] == USERS:
            return self._users.get(value, value)
        return value


def _people(lines: Sequence[Line], form: str) -> Mapping[str, str]:
    """What stands for each user name."""
    bodies: list[Json] = [line.body for line in lines if line.body]
    if form == "user":
        return {}
    by_name = form == "name"
    return {str(b.get("UserName", "")): str(b.get("FullName", "")) if by_name else str(n) for n, b in enumerate(bodies, 1)}


def _moment(value: str, style: str) -> str:
    """A day or a moment in one of the three styles; what is no date stays as it is, as custom fields hold such."""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return value
    if style == "ms":
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return f"/Date({int(aware.timestamp() * 1000)}+0000)/"
    return moment.strftime("%m/%d/%y %I:%M %p") if style == "us" else value
