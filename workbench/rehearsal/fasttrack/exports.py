"""Exports of FastTrack: asked for, waited for, fetched as lines of JSON, and always up to the present moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from workbench.rehearsal.engine import House, Json, Refusal, Reply, as_json
from workbench.rehearsal.engine.folder import Kind, Line

NDJSON = "application/x-ndjson"
Sent = Callable[[Kind, Line], bytes]


@dataclass
class Export:
    """One export: of what, when it was asked for, and how many rows the object had then."""

    kind: Kind
    begun: float
    rows: int
    since: str
    added: list[Line] = field(default_factory=list)


class Exports:
    """The exports that were asked for since the start."""

    def __init__(self, house: House, lines: Callable[[Kind], Sequence[Line]], sent: Sent) -> None:
        self._clock, self._switches = house.clock, house.switches
        self._lines, self._sent = lines, sent
        self._made: dict[str, Export] = {}

    def begin(self, kind: Kind, said: Json, now: float) -> Reply:
        """Take an export on; an end that is asked for is not heeded, or refused."""
        if "to" in said and self._switches["export_to"] == "refuse":
            raise Refusal(400, "an export runs to the present moment; leave `to` out")
        name = f"ex-{len(self._made) + 1:06d}"
        self._made[name] = Export(kind, now, len(self._lines(kind)), str(said.get("from", "")))
        return as_json({"id": name, "object": kind.name, "status": "queued"}, 202)

    def status(self, name: str, now: float) -> Reply:
        """How far it is, and when it is done from when to when it goes."""
        made = self._found(name)
        ends = made.begun + self._clock.wait(self._switches.number("export_seconds"))
        if now < ends:
            return as_json({"id": name, "object": made.kind.name, "status": "running"})
        until = made.begun if self._switches["export_stamp"] == "start" else ends
        body = {"id": name, "object": made.kind.name, "status": "done", "from": made.since, "to": _stamp(until)}
        url = f"/api/v1/exports/{name}/download"
        return as_json({**body, "rows": len(self._rows(made)), "url": url})

    def download(self, name: str) -> Reply:
        """All rows, a line each; of a cut one the last line ends in its middle."""
        made = self._found(name)
        rows = [self._sent(made.kind, line) for line in self._rows(made)]
        body = b"".join(row + b"\n" for row in rows)
        if self._switches.on("export_cut") and rows:
            body = body[: -(len(rows[-1]) // 2 + 1)]
        return Reply(200, body, NDJSON)

    def _rows(self, made: Export) -> Sequence[Line]:
        """What the object has, and what came to it until an export that runs to its finish had ended."""
        lines = list(self._lines(made.kind))
        like = next((line for line in reversed(lines) if line.body is not None), None)
        if like is None or self._switches["export_stamp"] == "start":
            return lines
        for number in range(1, int(self._switches.number("grows")) + 1):
            body = {**(like.body or {}), made.kind.key: f"{like.key}-{number}", "created_at": _stamp(made.begun)}
            lines.append(Line(json.dumps(body, ensure_ascii=False).encode(), body, f"{like.key}-{number}"))
        return lines

    def _found(self, name: str) -> Export:
        if name not in self._made:
            raise Refusal(404, "no such export")
        return self._made[name]


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
