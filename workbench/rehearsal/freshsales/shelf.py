"""Keeping records whose only rules are their keys: products, quotes and custom modules are made, changed, binned, restored."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits
from workbench.rehearsal.freshsales.drafts import words_of
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.index import Former
from workbench.rehearsal.freshsales.records import ident
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import LONGEST, day_in, id_in

MISSING = "Record not found"
EMPTY: tuple[object, ...] = (None, "", [], {})


@dataclass(slots=True)
class Sheet:
    """A record while it is being written: what it was, what it will be, and all that is wrong with it."""

    kind: str
    before: Json
    body: Json
    problems: list[str] = field(default_factory=list)

    def links(self, key: str, value: object, known: Container[int | None]) -> None:
        """Put an id on a key, if it is one of those that are known."""
        number = None if value in EMPTY else id_in(value)
        if value not in EMPTY and number not in known:
            self.problems.append(f"{words_of(key)} is invalid")
        self.body[key] = number


class Shelf:
    """Reads, writes, bins, restores and removes such records of any kind."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._former = Former(house)

    def live(self, kind: str, number: int, *, binned: bool = False) -> Record:
        """The record; with ``binned`` also one that lies in the Recycle Bin. A 404 for any other."""
        record = self._state.get(kind, number, deleted=binned)
        if record is None:
            raise Refusal(404, MISSING)
        return record

    def sheet(self, kind: str, given: Json, before: Json, text: Sequence[str]) -> Sheet:
        """What every kind has in common: its text keys, owner, territory and custom fields."""
        sheet = Sheet(kind, before, dict(before))
        for key in text:
            if key in given:
                self._text(sheet, key, given[key])
        if "owner_id" in given:
            self._owner(sheet, given["owner_id"])
        if "territory_id" in given:
            sheet.links("territory_id", given["territory_id"], self._catalog.ids("territories"))
        changes, problems = self._fields.read(kind, given.get("custom_field"))
        if changes:
            sheet.body["custom_field"] = {**before.get("custom_field", {}), **changes}
        sheet.problems += problems
        return sheet

    def day(self, sheet: Sheet, key: str, value: object) -> None:
        """Put a day on a key."""
        sheet.body[key] = None if value in EMPTY else day_in(value, self._catalog.zone)
        if value not in EMPTY and sheet.body[key] is None:
            sheet.problems.append(f"{words_of(key)} is invalid")

    def flag(self, sheet: Sheet, key: str, value: object) -> None:
        """Put a yes or no on a key."""
        sheet.body[key] = value
        if not isinstance(value, bool):
            sheet.problems.append(f"{words_of(key)} is invalid")

    def _text(self, sheet: Sheet, key: str, value: object) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str | None):
            sheet.problems.append(f"{words_of(key)} is invalid")
            return
        most = LONGEST["textarea" if key == "description" or key.endswith("address") else "text"]
        if value and len(value) > most:
            sheet.problems.append(f"{words_of(key)} is too long (maximum is {most} characters)")
        sheet.body[key] = value.strip() if value else None

    def _owner(self, sheet: Sheet, value: object) -> None:
        sheet.links("owner_id", value, frozenset(self._catalog.people))
        user = self._catalog.people.get(sheet.body["owner_id"] or 0)
        if user and not user["is_active"] and self._switches["inactive_owner"] == "reject":
            sheet.problems.append("Owner is not active")

    def create(self, sheet: Sheet, number: int, now: float) -> Record:
        """Write a new record; it is the API user's."""
        sheet.body["creater_id"] = self._catalog.api_user
        numbered = self._fields.numbered(sheet.kind)
        if numbered:
            sheet.body["custom_field"] = {**sheet.body.get("custom_field", {}), **numbered}
        self._refuse(sheet, own=None)
        record = Record(sheet.kind, number, pruned(sheet.body), created=now, updated=now)
        self._state.save(record, self._traits(record), new=True)
        return record

    def change(self, record: Record, sheet: Sheet, now: float) -> Record:
        """Write what was changed of a record."""
        sheet.body["updater_id"] = self._catalog.api_user
        self._refuse(sheet, own=record.id)
        self._former.supersede(record, self._traits(record), now)
        changed = replace(record, body=pruned(sheet.body), updated=now)
        self._state.save(changed, self._traits(changed), new=False)
        return changed

    def bin(self, kind: str, number: int, now: float) -> Record:
        """Into the Recycle Bin."""
        record = self.live(kind, number)
        self._former.supersede(record, self._traits(record), now)
        gone = replace(record, deleted=now)
        held = self._switches["recycle_bin_keys"] == "held"
        traits = self._traits(gone)
        self._state.save(gone, traits if held else traits._replace(idents=()), new=False)
        self._follow(gone)
        return gone

    def restore(self, kind: str, number: int, now: float) -> Record:
        """Out of the Recycle Bin, if what must be unique still is."""
        record = self.live(kind, number, binned=True)
        self._refuse(Sheet(kind, record.body, dict(record.body)), own=number)
        back = replace(record, deleted=None, updated=now)
        self._state.save(back, self._traits(back), new=False)
        self._follow(back)
        return back

    def forget(self, kind: str, number: int, now: float) -> None:
        """Away for good, from the bin or not."""
        record = self.live(kind, number, binned=True)
        if record.deleted is None:
            self._former.supersede(record, self._traits(record), now)
        for child in self._attached(kind, number):
            self._state.erase(child.kind, child.id)
        self._state.erase(kind, number)
        self._former.forget(record)

    def _follow(self, record: Record) -> None:
        """Files and links go into the bin with their record, and come out with it."""
        for child in self._attached(record.kind, record.id):
            traits = Traits(label=child.body["name"].lower(), parents=((record.kind, record.id),))
            self._state.save(replace(child, deleted=record.deleted), traits, new=False)

    def _attached(self, kind: str, number: int) -> Iterator[Record]:
        for attached in ("documents", "document_links"):
            for child in self._state.children(kind, number, attached):
                found = self._state.get(attached, child, deleted=True)
                if found:
                    yield found

    def _refuse(self, sheet: Sheet, *, own: int | None) -> None:
        for name, value in self._unique(sheet.kind, sheet.body):
            if any(number != own for number in self._state.known(sheet.kind, name, value)):
                sheet.problems.append(f"{self._fields.of(sheet.kind)[name].label} has already been taken")
        if sheet.problems:
            raise Refusal(400, *dict.fromkeys(sheet.problems))

    def _unique(self, kind: str, body: Json) -> Iterator[tuple[str, str]]:
        custom = body.get("custom_field") or {}
        return ((name, ident(custom[name])) for name in self._fields.unique(kind) if custom.get(name) is not None)

    def _traits(self, record: Record) -> Traits:
        name = str(record.body.get("name") or record.body.get("display_name") or "")
        key = name if self._switches["name_case"] == "sensitive" else name.casefold()
        idents = [("name", key), *self._unique(record.kind, record.body)]
        return Traits(name.lower(), record.body.get("owner_id"), idents=idents)


def pruned(body: Json) -> Json:
    """A body without empty values, so that a value emptied again leaves no trace; False and 0 are values."""
    custom = {key: value for key, value in body.get("custom_field", {}).items() if value not in EMPTY}
    return {key: value for key, value in {**body, "custom_field": custom}.items() if value not in EMPTY}
