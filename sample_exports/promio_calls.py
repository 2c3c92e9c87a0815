"""Calls of the sample: matched by a number where there is one, else by who called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from sample_exports.promio_people import phone_text, scientific
from sample_exports.promio_rows import LEADS_FROM, MAIN_ENDS, Row, Verdict, clock, share

COLUMNS = (
    "Call ID", "Lead ID", "Customer ID", "Tracking Number", "Caller", "Call Date", "Duration", "Disposition",
    "Recording URL", "Campaign",
)  # fmt: skip
DISPOSITIONS = {
    "answered": "Answered",
    "missed": "Missed",
    "voicemail": "Voicemail",
    "booked": "Booked",
    "not a fit": "Not a fit",
    "spam": "Spam",
}
DISPOSITION_SPELLINGS = {
    "Answered ": "Answered",
    "ANSWERED": "Answered",
    "VM": "Voicemail",
    "left voicemail": "Voicemail",
    "no answer": "Missed",
    "Booked - Tue": "Booked",
    "wrong department": "",
}
NOWHERE = Verdict("rejected", "no_contact_for_call")
SEVERAL = Verdict("rejected", "several_records_fit")


@dataclass(frozen=True)
class Call:
    """A call before it has a number: its ids and caller as cells, and the record on which it ends."""

    lead: str
    customer: str
    caller: str
    record: str
    kind: str
    at: datetime
    verdict: Verdict | None = None  # of a call that ends on no record


class CallDrawer:
    """Draws calls of every kind from the rows that the other files hold."""

    def __init__(self, rng: Random, customers: Sequence[Row], leads: Sequence[Row], unknown: Sequence[str]) -> None:
        self._rng = rng
        self._outcasts = [row.key for row in leads if row.verdicts["leads"].bucket == "rejected"]
        self._contacts = [row for row in customers if row.record]
        self._leads = [row for row in leads if row.record]
        self._unknown = list(unknown)
        self._by_contact = _holders(self._contacts)
        self._by_lead = _holders([row for row in self._leads if row.verdicts["leads"].bucket == "loaded"])
        self._by_lead = {phone: rows for phone, rows in self._by_lead.items() if phone not in self._by_contact}
        self._first, self._last = LEADS_FROM, MAIN_ENDS

    def draw(self, total: int) -> list[Call]:
        """Calls of the main delivery."""
        rng = self._rng
        calls = [self._anonymous(), self._rejected_lead()]
        calls += [self._several(self._by_contact) for _ in range(share(total, 0.002, least=2))]
        calls += [self._several(self._by_lead) for _ in range(share(total, 0.001, least=1))]
        calls += [self._unknown_customer() for _ in range(share(total, 0.003, least=2))]
        calls += [self._unknown_lead() for _ in range(share(total, 0.003, least=2))]
        for _ in range(share(total, 0.002, least=2)):
            calls += self._tie()
        kinds = (self._by_customer_id, self._by_lead_id, self._both, self._contact_calls, self._lead_calls,
                 self._anonymous, self._stranger, self._damaged)  # fmt: skip
        while len(calls) < total:
            calls.append(rng.choices(kinds, weights=(52, 28, 2, 8, 4.5, 2, 3, 0.5))[0]())
        return calls

    def draw_later(self, total: int, *, first: datetime, last: datetime) -> list[Call]:
        """Calls of a later delivery: by customer number or by a contact's phone, and nobody's."""
        self._first, self._last = first, last
        kinds = (self._by_customer_id, self._contact_calls, self._stranger)
        return [self._rng.choices(kinds, weights=(80, 15, 5))[0]() for _ in range(total)]

    def _when(self) -> datetime:
        minutes = int((self._last - self._first).total_seconds() // 60)
        return (self._first + timedelta(minutes=self._rng.randrange(minutes))).replace(hour=self._rng.randint(8, 16))

    def _call(self, row: Row | None, kind: str, *, lead: str = "", customer: str = "", caller: str = "") -> Call:
        record = row.record if row is not None else ""
        return Call(lead, customer, caller, record, kind, self._when(), None if record else NOWHERE)

    def _written(self, phone: str) -> str:
        return phone_text(phone.removeprefix("+1"), self._rng.randrange(6)) if phone else ""

    def _by_customer_id(self) -> Call:
        row = self._rng.choice(self._contacts)
        bare = self._rng.random() < 0.04
        number = row.key.removeprefix("C-") if bare else row.key
        kind = "id_without_prefix" if bare else ""
        return self._call(row, kind, customer=number, caller=self._written(row.phone))

    def _by_lead_id(self) -> Call:
        row = self._rng.choice(self._leads)
        kind = "lead_became_customer" if row.record.startswith("contacts/") else ""
        return self._call(row, kind, lead=row.key, caller=self._written(row.phone))

    def _both(self) -> Call:
        lead = self._rng.choice([row for row in self._leads if row.record.startswith("contacts/")])
        number = lead.record.removeprefix("contacts/")
        return self._call(lead, "both_ids", lead=lead.key, customer=number, caller=self._written(lead.phone))

    def _contact_calls(self) -> Call:
        phone, rows = self._rng.choice([item for item in self._by_contact.items() if len(_records(item[1])) == 1])
        return self._call(rows[0], "no_id", caller=self._written(phone))

    def _lead_calls(self) -> Call:
        phone, rows = self._rng.choice([item for item in self._by_lead.items() if len(_records(item[1])) == 1])
        return self._call(rows[0], "no_id", caller=self._written(phone))

    def _several(self, holders: dict[str, list[Row]]) -> Call:
        phone = self._rng.choice([phone for phone, rows in holders.items() if len(_records(rows)) > 1])
        return replace(self._call(None, "shared_phone", caller=self._written(phone)), verdict=SEVERAL)

    def _unknown_customer(self) -> Call:
        row = self._rng.choice(self._leads)
        return self._call(row, "unknown_customer", customer=f"C-9{self._rng.randint(5000, 9999)}", lead=row.key)

    def _unknown_lead(self) -> Call:
        return replace(self._contact_calls(), lead=f"L-9{self._rng.randint(10_000, 99_999)}", kind="unknown_lead")

    def _rejected_lead(self) -> Call:
        return self._call(None, "lead_rejected", lead=self._rng.choice(self._outcasts), caller="Anonymous")

    def _anonymous(self) -> Call:
        return self._call(None, "caller_anonymous", caller="Anonymous")

    def _stranger(self) -> Call:
        return self._call(None, "caller_unknown", caller=self._written(self._rng.choice(self._unknown)))

    def _damaged(self) -> Call:
        phone = self._rng.choice(list(self._by_contact)).removeprefix("+1")
        return self._call(None, "phone_scientific", caller=scientific(phone))

    def _tie(self) -> list[Call]:
        row = self._rng.choice([row for row in self._contacts if row.verdicts["contacts"].bucket == "loaded"])
        call = replace(self._call(row, "equal_times", customer=row.key), at=MAIN_ENDS)
        return [call, call]


def _holders(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by phone. A number that came with a second row of one key is left out: which row counts is nobody's to say."""
    holders: dict[str, list[Row]] = {}
    doubtful = {row.phone for row in rows if any(v.reason == "same_key" for v in row.verdicts.values())}
    for row in rows:
        if row.phone and row.phone not in doubtful:
            holders.setdefault(row.phone, []).append(row)
    return holders


def _records(rows: Sequence[Row]) -> set[str]:
    return {row.record for row in rows}


class CallWriter:
    """Turns calls into rows: numbered by time, written with the newest on top."""

    def __init__(self, rng: Random, names: Sequence[str], tracking: Sequence[str]) -> None:
        self._rng, self._names, self._tracking = rng, names, tracking

    def rows(self, calls: Sequence[Call], *, first_number: int) -> list[Row]:
        """All rows in the order of the file; the latest call of a record stands on it, the higher number at a tie."""
        ordered = sorted(calls, key=lambda call: call.at)
        latest = {call.record: position for position, call in enumerate(ordered) if call.record}
        rows = [
            self._row(call, f"CALL-{first_number + position:06d}", wins=latest.get(call.record) == position)
            for position, call in enumerate(ordered)
        ]
        return rows[::-1]

    def _row(self, call: Call, number: str, *, wins: bool) -> Row:
        rng = self._rng
        seconds = rng.randint(4, 1500)
        duration, duration_kind = _duration(rng, seconds)
        disposition = self._disposition()
        recording = f"https://recordings.promio.example/c/{rng.randrange(16**10):010x}" if rng.random() < 0.6 else ""
        cells = {
            "Call ID": number,
            "Lead ID": call.lead,
            "Customer ID": call.customer,
            "Tracking Number": phone_text(rng.choice(self._tracking), 1),
            "Caller": call.caller,
            "Call Date": clock(call.at),
            "Duration": duration,
            "Disposition": disposition,
            "Recording URL": recording,
            "Campaign": rng.choice(self._names) if rng.random() < 0.5 else "",
        }
        verdict = call.verdict or Verdict("excluded", "earlier_call")
        values: dict[str, str] = {}
        if wins:
            verdict = Verdict("merged", "attached", call.record)
            option = (DISPOSITIONS | DISPOSITION_SPELLINGS).get(disposition, "")
            values = {
                "last_call_date__c": call.at.date().isoformat(),
                "last_call_duration_seconds__c": str(seconds),
                "last_call_disposition__c": option,
            }
        dirt = [("Customer ID" if call.customer else "Caller", call.kind), ("Duration", duration_kind)]
        dirt.append(("Disposition", "disposition_spelling" if disposition in DISPOSITION_SPELLINGS else ""))
        return Row(
            key=number,
            cells=cells,
            verdicts={"calls": verdict},
            values={"calls": {name: value for name, value in values.items() if value}},
            dirt=tuple(item for item in dirt if item[1]),
            when=call.at,
        )

    def _disposition(self) -> str:
        luck = self._rng.random()
        if luck < 0.12:
            return self._rng.choice(list(DISPOSITION_SPELLINGS))
        return "" if luck < 0.2 else self._rng.choice(list(DISPOSITIONS))


def _duration(rng: Random, seconds: int) -> tuple[str, str]:
    luck = rng.random()
    if luck < 0.2:
        return f"00:{seconds // 60:02d}:{seconds % 60:02d}", "duration_clock"
    if luck < 0.35:
        return f"{seconds // 60}:{seconds % 60:02d}", "duration_clock"
    return str(seconds), ""
