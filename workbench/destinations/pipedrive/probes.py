"""Contract probes of Pipedrive: what the fact sheet leaves open, asked of the account itself with a few deals and a note."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from workbench.destinations import Destination
from workbench.destinations.http import Answer
from workbench.destinations.pipedrive import Pipedrive
from workbench.destinations.pipedrive.calls import one_of, rows_of, words_of
from workbench.destinations.pipedrive.dating import flat
from workbench.destinations.pipedrive.marker import marked
from workbench.destinations.pipedrive.picture import fields_path
from workbench.destinations.probes import NAME, Bench, Probe, Verdict
from workbench.errors import EditError, Refused, Uncertain

__all__ = ["PipedriveProber", "prober"]

OLD_DAY = "2001-02-03"
NOTE = "<p>Migration workbench <b>probe</b></p><section>part</section><!-- workbench -->"
LONGEST_LAG = 300.0
"""Seconds of the account after which a record that is still not listed counts as never listed."""
USUAL_LAG = 60
TOO_MANY = 501
LABELS = "label_ids"
LEFT = "x-daily-ratelimit-token-remaining"
CREATE, GET = 5, 1
LOOKS = ("lag_seconds", "list_lag", "search_lag")


def prober(destination: Destination) -> PipedriveProber:
    """The probes over a client of an account."""
    if not isinstance(destination, Pipedrive):
        raise EditError("these probes are for Pipedrive", found=destination.name)
    return PipedriveProber(destination)


class PipedriveProber:
    """Experiments on one account; see ``workbench.destinations.probes.Prober``."""

    def __init__(self, client: Pipedrive) -> None:
        self._client = client
        self._api, self._spec = client._calls, client._spec
        self._calls = 0
        self._made_id, self._key, self._field = "", "", ""
        self._tidied = False

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._calls

    def probes(self) -> Sequence[Probe]:
        """All of them; the first makes the deal that the others use."""
        made = "1 deal, where it is not there the field Migration Key"
        return [
            Probe("create", "how is a new record answered?", ("create_status",), made, 3, self._made),
            Probe("add_time", "may a deal keep its day of making?", ("deal_add_time",), "perhaps 1 deal", 3, self._add_time),
            Probe("lag", "how soon does a list, a search, show what was written?", LOOKS, "1 deal", 20, self._lag),
            Probe("case", "does an exact search tell capitals apart?", ("search_case",), "", 2, self._case),
            Probe("notes", "what is kept of HTML in a note?", ("note_create_status", "note_html", "note_comment"),
                  "1 note on the deal", 2, self._notes),
            Probe("labels", "may labels be made by the API?", ("label_options",), "1 label of deals", 2, self._labels),
            Probe("limit", "what of a list's limit above the greatest?", ("limit_above",), "", 1, self._limit),
            Probe("failed", "do refused calls cost tokens?", ("failed_cost",), "", 9, self._failed),
        ]  # fmt: skip

    def strip(self, object_: str, number: str) -> None:
        """Take away the label that a probe may have made, as long as a sentinel deal says that one was at work."""
        if object_ != "deal" or self._tidied:
            return
        for option in self._our_labels():
            with suppress(Uncertain):  # the next look says whether it is gone
                self._send("field_delete", "DELETE", self._label_path(), [{"id": option}])
        self._tidied = not self._our_labels()

    def purge(self, object_: str, number: str) -> None:
        """Nothing: the account keeps what was deleted for thirty days, and no call forgets it sooner."""

    # ------------------------------------------------------------ probes

    def _made(self, bench: Bench) -> list[Verdict]:
        plan = next(iter(self._client.extra_fields(["deal"])))
        self._field = bench.field(plan).key
        self._key = bench.key("deal")
        answers: list[Answer] = []
        self._made_id = bench.make("deal", self._key, lambda: self._deal(self._key, answers))
        if not self._made_id:
            raise Refused("the account does not take a deal of the probes", found=words_of(answers[-1]))
        return [Verdict("create_status", answers[0].status, f"a new record is answered with {answers[0].status}")]

    def _add_time(self, bench: Bench) -> list[Verdict]:
        """By v2, and where that refuses it by v1, whose call is out of support."""
        evidence = []
        for way, version in (("sent", "v2"), ("v1", "v1")):
            key, answers = bench.key("deal"), list[Answer]()
            send = partial(self._deal, key, answers, add_time=f"{OLD_DAY}T04:05:06Z", version=version)
            made = bench.make("deal", key, send, dated=True)
            told = str(one_of(answers[0]).get("add_time") or "")[:10]
            evidence.append(f"{version}: {answers[0].status}, {f'reads back {told}' if made else words_of(answers[0])}")
            if made and told == OLD_DAY:
                return [Verdict("deal_add_time", way, f"a deal's day of making is kept by {version}", "; ".join(evidence))]
            if made:
                break
        words = "is not kept" if made else "is refused"
        return [Verdict("deal_add_time", "refused", f"a deal's day of making {words}", "; ".join(evidence))]

    def _lag(self, bench: Bench) -> list[Verdict]:
        key = bench.key("deal")
        number = bench.make("deal", key, lambda: self._deal(key, []))
        if not number:
            raise Refused("the account does not take a deal of the probes")
        lags = self._measured({"list": lambda: number in self._newest(), "search": lambda: number in self._searched(key)})
        shown = {name: f"{lag:.0f} s" if lag is not None else f"not within {LONGEST_LAG:.0f} s" for name, lag in lags.items()}
        told, listed = "; ".join(f"{name}: {words}" for name, words in shown.items()), lags["list"]
        safe = None if listed is None else max(USUAL_LAG, round(3 * listed))  # keys are looked for in lists
        words = "three times what a list lags, or a minute" if safe is not None else "a list did not show the sentinel"
        facts = [
            Verdict(f"{name}_lag", lag if lag is None else round(lag, 1), f"a {name} showed it: {shown[name]}")
            for name, lag in lags.items()
        ]
        return [Verdict("lag_seconds", safe, words, told), *facts]

    def _measured(self, looks: Mapping[str, Callable[[], bool]]) -> dict[str, float | None]:
        """Seconds of the account until each look shows the sentinel; None where it does not within the longest lag."""
        begun, pause = time.monotonic(), 1.0
        seen: dict[str, float | None] = {}
        while len(seen) < len(looks):
            now = (time.monotonic() - begun) * self._scale
            for name in looks.keys() - seen.keys():
                if looks[name]():
                    seen[name] = now if now > 2 else 0.0
            if now > LONGEST_LAG:
                break
            time.sleep(pause / self._scale)
            pause = min(pause * 1.8, LONGEST_LAG / 4)
        return {name: seen.get(name) for name in looks}

    def _case(self, bench: Bench) -> list[Verdict]:
        if self._anchor not in self._searched(self._key):
            return [Verdict("search_case", None, "the search does not know the sentinel yet")]
        folds = self._anchor in self._searched(self._key.upper())
        words = "an exact search takes capitals for small letters" if folds else "an exact search tells capitals apart"
        return [Verdict("search_case", "insensitive" if folds else "sensitive", words)]

    def _notes(self, bench: Bench) -> list[Verdict]:
        key, answers = bench.key("note"), list[Answer]()

        def send() -> str:
            content = marked(NOTE, key, style=self._api.dials.marker_style)
            body = {"content": content, "deal_id": int(self._anchor)}
            answers.append(self._send("create", "POST", self._api.path("notes", version="v1"), body, v1=True))
            return str(one_of(answers[-1]).get("id") or "") if answers[-1].good else ""

        number = bench.make("note", key, send)
        if not number:
            return [Verdict("note_html", None, "the account did not take the note", words_of(answers[0]))]
        held = str(one_of(self._read("get", self._api.path("notes", number, version="v1"), v1=True)).get("content") or "")
        kept = "kept" if "<section>" in held else "simple tags" if "<b>probe</b>" in held else "text"
        hidden = "<!-- workbench -->" in held
        return [
            Verdict("note_create_status", answers[0].status, f"a new note is answered with {answers[0].status}"),
            Verdict("note_html", kept, {"kept": "tags are kept", "text": "tags are taken away"}.get(kept, f"{kept} are kept")),
            Verdict("note_comment", hidden, f"a comment is {'kept' if hidden else 'taken away'}"),
        ]

    def _labels(self, bench: Bench) -> list[Verdict]:
        self._tidied = not self._anchor  # from here on there may be one
        answer = self._send("field_create", "POST", self._label_path(), [{"label": NAME}])
        made = answer.good and bool(self._our_labels())
        words = "the API makes labels" if made else "labels have to be made by hand"
        return [Verdict("label_options", "accept" if made else "refuse", words, words_of(answer))]

    def _limit(self, bench: Bench) -> list[Verdict]:
        answer = self._read("list", self._api.path("deals"), params={"limit": TOO_MANY})
        words = f"a limit of {TOO_MANY} is {'taken, or cut down' if answer.good else 'refused'}"
        return [
            Verdict("limit_above", "cap" if answer.good else "reject", words, f"{answer.status}, {len(rows_of(answer))} rows")
        ]

    def _failed(self, bench: Bench) -> list[Verdict]:
        """A deal without a title is refused by every account, so that nothing is made."""
        told: list[str] = []
        for _ in range(3):
            before = self._left()
            refused = self._send("create", "POST", self._api.path("deals"), {"value": 0})
            after = self._left()
            told.append(f"left {before}, {refused.status}, left {after}")
            used = before - after if before >= 0 <= after else -1
            if not refused.good and used in (GET, GET + CREATE):
                costs = used > GET
                words = "a refused call costs as much as another" if costs else "a refused call costs nothing"
                return [Verdict("failed_cost", costs, words, told[-1])]
        return [Verdict("failed_cost", None, "the account does not say what is left, or others use it", "; ".join(told))]

    def _left(self) -> int:
        """Tokens that are left of the day after one look at the sentinel; -1 where the account does not say."""
        left = self._read("get", self._api.path("deals", self._anchor)).headers.get(LEFT, "")
        return int(left) if left.isdecimal() else -1

    # ------------------------------------------------------------ calls

    @property
    def _anchor(self) -> str:
        """The sentinel deal on which most probes work."""
        if not self._made_id:
            raise Refused("there is no sentinel to ask with")
        return self._made_id

    @property
    def _scale(self) -> float:
        return self._api.dials.lag_seconds / self._client.lag if self._client.lag else 1.0

    def _deal(self, key: str, answers: list[Answer], *, add_time: str = "", version: str = "v2") -> str:
        """Make a deal that bears the key. Without a field to bear it none is made: it could not be found again."""
        if not self._field:
            raise Refused("there is no field that could bear a sentinel's key")
        body: dict[str, Any] = {"title": NAME, "custom_fields": {self._field: key}}
        body |= {"add_time": add_time} if add_time else {}
        kind, sent = ("create", body) if version == "v2" else ("v1_create", flat(body))
        answers.append(self._send(kind, "POST", self._api.path("deals", version=version), sent))
        return str(one_of(answers[-1]).get("id") or "") if answers[-1].good else ""

    def _newest(self) -> list[str]:
        params: dict[str, str | int] = {"limit": 10, "sort_by": "id", "sort_direction": "desc"}
        return [str(row["id"]) for row in rows_of(self._read("list", self._api.path("deals"), params=params))]

    def _searched(self, key: str) -> list[str]:
        params: dict[str, str | int] = {"term": key, "fields": "custom_fields", "exact_match": "true"}
        data = one_of(self._read("search", self._api.path("deals", "search"), params=params))
        found = [row.get("item") or {} for row in data.get("items") or [] if isinstance(row, dict)]
        return [str(item.get("id")) for item in found]

    def _our_labels(self) -> list[int]:
        """Options of the deals' label that bear the name of the probes."""
        rows = self._api.rows("fields", fields_path(self._api, "deal"))
        self._calls += 1
        options = next((row.get("options") or [] for row in rows if row.get("field_code") == LABELS), [])
        return [int(each["id"]) for each in options if str(each.get("label")) == NAME]

    def _label_path(self) -> str:
        return f"{fields_path(self._api, 'deal')}/{LABELS}/options"

    def _read(self, kind: str, path: str, *, params: Mapping[str, str | int] | None = None, v1: bool = False) -> Answer:
        self._calls += 1
        spec = self._spec.objects["note"] if v1 else None
        return self._api.read(kind, path, params=params, object_=spec)

    def _send(self, kind: str, method: str, path: str, body: object, *, v1: bool = False) -> Answer:
        self._calls += 1
        spec = self._spec.objects["note"] if v1 else None
        return self._api.send(kind, method, path, body=body, object_=spec)
