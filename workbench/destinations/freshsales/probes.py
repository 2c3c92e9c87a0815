"""Contract probes of Freshsales: what the fact sheet leaves open, asked of the account itself.

Every sentinel contact has an address under example.invalid, which no mail ever reaches, and no owner but what the account
gives it. Activities hang on sentinel contacts only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench.destinations import Destination, LiveField
from workbench.destinations.freshsales import Freshsales
from workbench.destinations.freshsales.picture import Place
from workbench.destinations.freshsales.reading import wrapped
from workbench.destinations.freshsales.records import words_of
from workbench.destinations.freshsales.sentinels import CHOICES, NOTE, address_of, contact_of, goods_of
from workbench.destinations.http import Answer, Request
from workbench.destinations.probes import NAME, Bench, Probe, Verdict
from workbench.errors import EditError, Refused, Uncertain

__all__ = ["FreshsalesProber", "prober"]

OLD_DAY = "2001-02-03"
SIZES = (500, 250, 101)
"""Rows that a batch is tried with beyond what is known to work; the last tells whether the usual hundred is the limit."""
SMALLER = (50, 25, 10)
LONGEST_LAG = 300.0
"""Seconds of the account after which a record that is still not listed counts as never listed."""
USUAL_LAG = 60
LAG = ("find_by", "lag_seconds", "list_lag", "filter_lag")
JOB_SECONDS = 180.0
ATTEMPTS = 4
STAGES = ("lifecycle_stage", "lifecycle_stages", "contact_lifecycle_stage")


def prober(destination: Destination) -> FreshsalesProber:
    """The probes over a client of an account."""
    if not isinstance(destination, Freshsales):
        raise EditError("these probes are for Freshsales", found=destination.name)
    return FreshsalesProber(destination)


class FreshsalesProber:
    """Experiments on one account; see ``workbench.destinations.probes.Prober``."""

    def __init__(self, client: Freshsales) -> None:
        self._client = client
        self._calls = 0
        self._made_id, self._key = "", ""

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._calls

    def probes(self) -> Sequence[Probe]:
        """All of them; the first makes the contact that the others use."""
        facts = ("create_status", "created_at")
        unique = ("external_id_unique", "upsert_external_id")
        bulk = ("bulk_contact_key", "bulk_status", "job_data", "job_ids")
        asked = [
            Probe("create", "how is a new record answered, and is a day of making kept?", facts, "1 contact", 3, self._made),
            Probe("keys", "is the external id unique, and is it a key?", unique, "perhaps 1 contact", 2, self._keys),
            Probe("bulk", "what names a row of a batch, and what does its job tell?", bulk, "", 6, self._bulk),
            Probe("rows", "how many rows may a batch have?", ("bulk_rows",), "", 12, self._rows),
            Probe("lag", "how soon does a list, a filter, show what was written?", LAG, "1 contact", 20, self._lag),
            Probe("failed", "does a refused call use up the limit?", ("failed_calls_count",), "", 3, self._failed),
            Probe("choices", "how do several choices travel?", ("field_creation", "multi_select", "multi_select_out"),
                  "1 field of contacts", 8, self._choices),
            Probe("marker", "may our own field be unique, and name a row?", ("bulk_marker",),
                  "2 deals, 2 accounts, where it is not there the field Migration Key", 20, self._marker),
            Probe("notes", "is HTML kept in notes?", ("note_html", "note_comment"), "1 note on the contact", 3, self._notes),
        ]  # fmt: skip
        stage = Probe("stage", "what word shows the lifecycle stage?", ("lifecycle_include",), "", 3, self._stage)
        suite = self._client.place("lead").shared
        return [*asked, stage] if suite else asked

    def strip(self, object_: str, number: str) -> None:
        """Take away the notes of a sentinel contact."""
        for _ in range(ATTEMPTS if object_ == "contact" else 0):
            notes = self._notes_of(number)
            for note in notes:
                with suppress(Uncertain):  # the next look says whether it is gone
                    self._call("DELETE", f"notes/{note['id']}")
            if not notes:
                return

    def purge(self, object_: str, number: str) -> None:
        """Take it out of the recycle bin, which the client does by itself unless it is told not to."""
        if not self._client.dials.purge_on_rollback:
            self._call("DELETE", f"{self._client.place(object_).spec.path}/{number}/forget")

    # ------------------------------------------------------------ probes

    def _made(self, bench: Bench) -> list[Verdict]:
        self._key = bench.key("contact")
        answers: list[Answer] = []

        def send() -> str:
            body = contact_of(self._key, created_at=f"{OLD_DAY}T04:05:06Z")
            answers.append(self._call("POST", "contacts", {"contact": body}))
            return self._id("contact", answers[-1])

        self._made_id = bench.make("contact", self._key, send, dated=True)
        if not self._made_id:
            raise Refused("the account does not take a contact of the probes", found=_words(answers[-1]))
        made = str(self._record("contact", self._anchor).get("created_at") or "")
        kept = made[:8] == OLD_DAY[:8]
        return [
            Verdict("create_status", answers[0].status, f"a new record is answered with {answers[0].status}"),
            Verdict(
                "created_at",
                "honoured" if kept else "ignored",
                "a day of making that is sent is kept" if kept else "the day of making is the account's own",
                f"sent {OLD_DAY}, reads back {made[:10]}",
            ),
        ]

    def _keys(self, bench: Bench) -> list[Verdict]:
        twin = bench.key("contact")
        answers: list[Answer] = []

        def send() -> str:
            body = {**contact_of(twin), "external_id": self._key}
            answers.append(self._call("POST", "contacts", {"contact": body}))
            return self._id("contact", answers[-1])

        made = bench.make("contact", twin, send)
        unique = Verdict(
            "external_id_unique",
            not made,
            "a second contact with the same external id is made" if made else "a second one is refused",
            f"{answers[0].status} {_words(answers[0])}".strip(),
        )
        body = {"unique_identifier": {"external_id": self._key}, "contact": {"job_title": "probe"}}
        answer = self._call("POST", "contacts/upsert", body)
        same = self._id("contact", answer) == self._anchor
        said = "an upsert finds a contact by its external id" if same else "no upsert by external id"
        return [unique, Verdict("upsert_external_id", same, said, f"{answer.status} {_words(answer)}".strip())]

    def _bulk(self, bench: Bench) -> list[Verdict]:
        tried: list[str] = []
        for name, value in (("external_id", self._key), ("emails", address_of(self._key))):
            title = f"probe by {name}"
            answer, job = self._job("contacts", [{name: value, "data": {"job_title": title}}])
            good = job is not None and self._record("contact", self._anchor).get("job_title") == title
            tried.append(f"{name}: {answer.status} {_told(job)}".strip())
            if good:
                return [self._bulk_verdict(name, tried), *_job_facts(answer, job)]
        return [self._bulk_verdict("single", tried)]

    def _bulk_verdict(self, name: str, tried: Sequence[str]) -> Verdict:
        words = "no batch took the sentinel, so contacts go one by one" if name == "single" else f"a row is named by {name}"
        return Verdict("bulk_contact_key", name, words, "; ".join(tried))

    def _rows(self, bench: Bench) -> list[Verdict]:
        """Every row changes the same sentinel, so that no batch makes anything."""
        tried: list[str] = []
        most = 100 if self._takes(100, tried) else next((size for size in SMALLER if self._takes(size, tried)), 1)
        if most == 100:
            most = next((size for size in SIZES if self._takes(size, tried)), 100)
        return [Verdict("bulk_rows", most, f"{most} rows are the most that a batch was seen to take", "; ".join(tried))]

    def _takes(self, size: int, tried: list[str]) -> bool:
        row = {"id": self._anchor, "data": {"job_title": f"probe of {size}"}}
        answer, job = self._job("contacts", [row] * size)
        counts = (job or {}).get("record_status") or {}
        tried.append(f"{size}: {answer.status} {_told(job)}".strip())
        return bool(counts.get("succeeded") == size)

    def _lag(self, bench: Bench) -> list[Verdict]:
        key = bench.key("contact")
        place = self._client.place("contact")
        number = bench.make(
            "contact", key, lambda: self._id("contact", self._call("POST", "contacts", {"contact": contact_of(key)}))
        )
        looks = {"list": lambda: number in self._newest(place), "filter": lambda: number in self._filtered(place, key)}
        lags = self._measured(looks)
        shown = {name: f"{lag:.0f} s" if lag is not None else f"not within {LONGEST_LAG:.0f} s" for name, lag in lags.items()}
        told = "; ".join(f"{name}: {words}" for name, words in shown.items())
        known = [lag for lag in lags.values() if lag is not None]
        safe = max(USUAL_LAG, round(3 * max(known))) if known else None
        finds, shows = lags["filter"] is not None, lags["list"] is not None
        return [
            Verdict("find_by", "filter" if finds else "sweep", f"a filter {'finds' if finds else 'misses'} our keys", told),
            Verdict("lag_seconds", safe if shows else None, "three times what was measured, or a minute", told),
            *(Verdict(f"{name}_lag", lag if lag is None else round(lag, 1), f"a {name} showed it: {shown[name]}")
              for name, lag in lags.items()),
        ]  # fmt: skip

    def _measured(self, looks: Mapping[str, Callable[[], bool]]) -> dict[str, float | None]:
        """Seconds of the account until each look shows the sentinel; None where it does not within the longest lag."""
        begun, pause = time.monotonic(), 0.5
        seen: dict[str, float | None] = {}
        while len(seen) < len(looks):
            now = (time.monotonic() - begun) * self._client.scale
            for name in looks.keys() - seen.keys():
                if looks[name]():
                    seen[name] = now if now > 2 else 0.0
            if now > LONGEST_LAG:
                break
            time.sleep(pause / self._client.scale)
            pause = min(pause * 1.6, LONGEST_LAG / 4)
        return {name: seen.get(name) for name in looks}

    def _failed(self, bench: Bench) -> list[Verdict]:
        paths = ("selector/owners", "contacts/1", "selector/owners")
        for _ in range(3):
            lefts = [self._call("GET", path).headers.get("x-ratelimit-remaining", "") for path in paths]
            used = int(lefts[0]) - int(lefts[2]) if lefts[0].isdecimal() and lefts[2].isdecimal() else 0
            if used in (1, 2):
                words = "a refused call counts like any other" if used == 2 else "a refused call is free"
                return [Verdict("failed_calls_count", used == 2, words, f"left {', '.join(lefts)}")]
        return [
            Verdict("failed_calls_count", None, "the account does not say what is left, or others use it", ", ".join(lefts))
        ]

    def _choices(self, bench: Bench) -> list[Verdict]:
        try:
            live = bench.field(CHOICES)
        except Refused as no:
            words = "the API makes no fields here, so an administrator has to"
            return [Verdict("field_creation", "checklist", words, no.found or no.message), *_open("multi_select", no)]
        if set(CHOICES.choices) - set(live.choices):
            return [
                Verdict("field_creation", "checklist", "the API makes lists without their choices", ", ".join(live.choices))
            ]
        return [Verdict("field_creation", "api", "the API makes fields with their choices"), *self._several(live)]

    def _several(self, live: LiveField) -> Iterator[Verdict]:
        tried = []
        for form, sent in (("labels", list(CHOICES.choices)), ("joined", ";".join(CHOICES.choices))):
            answer = self._call("PUT", f"contacts/{self._anchor}", {"contact": {"custom_field": {live.key: sent}}})
            held = (self._record("contact", self._anchor).get("custom_field") or {}).get(live.key)
            tried.append(f"{form}: {answer.status}, reads back {held!r}")
            parts = held.split(";") if isinstance(held, str) else held
            if answer.good and isinstance(parts, list) and sorted(map(str, parts)) == sorted(CHOICES.choices):
                yield Verdict("multi_select", form, f"several choices are kept when sent as {form}", "; ".join(tried))
                out = "array" if isinstance(held, list) else "string"
                yield Verdict("multi_select_out", out, f"they read back as {'a list' if out == 'array' else 'one text'}")
                return
        yield Verdict("multi_select", None, "several choices were kept in neither form", "; ".join(tried))

    def _marker(self, bench: Bench) -> list[Verdict]:
        found = [self._marker_of(bench, object_) for object_ in ("deal", "sales_account")]
        good = all(words == "" for words in found)
        told = "our field is unique and names a row, for deals and accounts" if good else "; ".join(filter(None, found))
        return [Verdict("bulk_marker", "unique" if good else "no", told)]

    def _marker_of(self, bench: Bench, object_: str) -> str:
        """Why our field cannot name a row of this object; empty where it can."""
        client, place = self._client, self._client.place(object_)
        plan = next(field for field in client.extra_fields([object_]) if field.object == object_)
        field = bench.field(plan).key
        first, second = bench.key(object_), bench.key(object_)
        number = bench.make(object_, first, lambda: self._post(place, goods_of(place, first, {field: first})))
        if not number:
            return f"{place.spec.label}: the account did not take a sentinel"
        twin = bench.make(object_, second, lambda: self._post(place, goods_of(place, second, {field: first})))
        if twin:
            return f"{place.spec.label}: two records may bear one key"
        answer, job = self._job(place.spec.plural, [{field: first, "data": {"name": f"{NAME} {first} again"}}])
        if str(self._record(object_, number).get("name")) != f"{NAME} {first} again":
            return f"{place.spec.label}: a batch does not find a record by it ({answer.status} {_told(job)})"
        return ""

    def _notes(self, bench: Bench) -> list[Verdict]:
        body = {"note": {"description": NOTE, "targetable_type": "Contact", "targetable_id": int(self._anchor)}}
        answer = self._call("POST", "notes", body)
        held = next((str(row.get("description") or "") for row in self._notes_of(self._anchor)), "")
        if not answer.good or not held:
            return [
                Verdict("note_html", None, "the account did not take or show the note", f"{answer.status} {_words(answer)}")
            ]
        kept = "kept" if "<b>probe</b>" in held else "text" if "<" not in held.replace("<!--", "") else "changed"
        words = {"kept": "simple tags are kept", "text": "tags are taken away", "changed": "tags are changed"}[kept]
        hidden = "<!-- workbench -->" in held
        said = "a comment is kept" if hidden else "a comment is taken away"
        return [Verdict("note_html", kept, words), Verdict("note_comment", hidden, said)]

    def _stage(self, bench: Bench) -> list[Verdict]:
        for word in STAGES:
            if "lifecycle_stage_id" in self._record("contact", self._anchor, include=word):
                return [Verdict("lifecycle_include", word, f"the stage is shown to who asks for {word}")]
        return [Verdict("lifecycle_include", None, "no word was found that shows the stage", ", ".join(STAGES))]

    # ------------------------------------------------------------ calls

    @property
    def _anchor(self) -> str:
        """The sentinel contact on which most probes work."""
        if not self._made_id:
            raise Refused("there is no sentinel to ask with")
        return self._made_id

    def _call(self, method: str, path: str, body: object = None, *, params: Mapping[str, str | int] | None = None) -> Answer:
        self._calls += 1
        reads = method == "GET" or path.startswith("filtered_search/")
        return self._client.http.call(Request(method, path, params=params or {}, body=body, read=reads))

    def _post(self, place: Place, body: Mapping[str, Any]) -> str:
        return self._id(place.object, self._call("POST", place.spec.path, {place.spec.wrapper: dict(body)}))

    def _id(self, object_: str, answer: Answer) -> str:
        """The id of an answered record; empty after a refusal."""
        return str(wrapped(answer, self._client.place(object_)).get("id") or "") if answer.good else ""

    def _record(self, object_: str, number: str, *, include: str = "") -> dict[str, Any]:
        place = self._client.place(object_)
        return wrapped(
            self._call("GET", f"{place.spec.path}/{number}", params={"include": include} if include else None), place
        )

    def _notes_of(self, number: str) -> list[dict[str, Any]]:
        answer = self._call("GET", f"contacts/{number}/notes")
        rows = answer.data.get("notes") if answer.good and isinstance(answer.data, dict) else None
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _newest(self, place: Place) -> list[str]:
        params: dict[str, str | int] = {"page": 1, "per_page": 25, "sort": "created_at", "sort_type": "desc"}
        view = self._client.reader.views(place)[0]
        answer = self._call("GET", f"{place.spec.path}/view/{view}", params=params)
        rows = answer.data.get(place.spec.plural) if answer.good and isinstance(answer.data, dict) else None
        return [str(row["id"]) for row in rows or []]

    def _filtered(self, place: Place, key: str) -> list[str]:
        rule = {"attribute": self._client.picture().marker(place).key, "operator": "is_in", "value": [key]}
        answer = self._call("POST", f"filtered_search/{place.spec.wrapper}", {"filter_rule": [rule], "page": 1, "per_page": 25})
        rows = answer.data.get(place.spec.plural) if answer.good and isinstance(answer.data, dict) else None
        return [str(row["id"]) for row in rows or []]

    def _job(self, plural: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Answer, dict[str, Any] | None]:
        """The answer to a batch, and what its job told in the end, with the form of it; None where there was no end."""
        answer = self._call("POST", f"{plural}/bulk_upsert", {plural: [dict(row) for row in rows]})
        url = str(answer.data.get("job_status_url") or "") if answer.good and isinstance(answer.data, dict) else ""
        number = url.split("?")[0].rstrip("/").rpartition("/")[2]
        end, pause = time.monotonic() + JOB_SECONDS / self._client.scale, 2.0
        while number and time.monotonic() < end:
            time.sleep(pause / self._client.scale)
            pause = min(pause * 1.5, 20.0)
            got = self._call("GET", f"job_statuses/{number}")
            data = got.data.get("data") if got.good and isinstance(got.data, dict) else None
            inner = _loaded(data)
            if inner.get("record_status"):
                return answer, {**inner, "form": "string" if isinstance(data, str) else "object"}
        return answer, None


def _loaded(data: object) -> dict[str, Any]:
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return {}
    return data if isinstance(data, dict) else {}


def _job_facts(answer: Answer, job: Mapping[str, Any] | None) -> Iterator[Verdict]:
    told = job or {}
    lists = {name: rows for name, rows in told.items() if name != "detailed_failure_report" and isinstance(rows, list)}
    ids = any(isinstance(row, dict) and row.get("id") for rows in lists.values() for row in rows)
    names = ", ".join(sorted(name for name in told if name != "form"))
    yield Verdict("bulk_status", answer.status, f"a batch that is taken is answered with {answer.status}")
    yield Verdict("job_data", str(told.get("form", "")), f"a job's data is {told.get('form')}; it holds {names}")
    yield Verdict("job_ids", ids, "a job tells ids" if ids else "a job tells no ids, so that records are looked for by key")


def _told(job: Mapping[str, Any] | None) -> str:
    if job is None:
        return ""
    counts = job.get("record_status") or {}
    failures = job.get("detailed_failure_report") or [{}]
    said = "; ".join(words_of(failures[0].get("error_message"))) if isinstance(failures[0], dict) else ""
    return f"{counts.get('succeeded')} done, {counts.get('failed')} failed {said}".strip()


def _words(answer: Answer) -> str:
    return "; ".join(words_of(answer.data))


def _open(setting: str, no: Refused) -> list[Verdict]:
    return [Verdict(setting, None, f"not settled: {no.message}")]
