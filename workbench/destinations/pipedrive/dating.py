"""New deals with the day on which they were made: by v2 where it takes that, by v1 where only that does, else told apart.

Nobody knows which of these an account does: v2's pages have dropped the key, v1's call is out of support. The first
deal that is refused for it tells, and no later one of the run asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.destinations.http import Answer
from workbench.destinations.pipedrive.calls import Calls, words_of
from workbench.destinations.pipedrive.records import Form

__all__ = ["ORIGINAL", "Dating", "dated", "flat"]

KEY = "add_time"
ORIGINAL = "Original created at"
"""Label of the field that holds the day where the deal itself cannot."""
LEFT_OUT = "the account takes no day of making for a deal"
FORMER = {"owner_id": "user_id"}
"""Keys that v1 calls otherwise."""
KNOWN = (
    *("title", "value", "currency", "person_id", "org_id", "pipeline_id", "stage_id", "status", "lost_reason"),
    *("expected_close_date", "won_time", "lost_time", "probability", "visible_to", "owner_id", "custom_fields", KEY),
)
"""Keys of v2 that v1 has a word for; a deal with any other one would lose it there."""
MOMENTS = (KEY, "won_time", "lost_time")
GONE = (404, 405, 410)


def dated(form: Form, body: Mapping[str, Any]) -> bool:
    """Whether a new record is a deal that says when it was made."""
    return form.place.object == "deal" and KEY in body


class Dating:
    """Sends new deals that say when they were made; used by all lanes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._way = calls.dials.deal_add_time

    def send(self, form: Form, body: Mapping[str, Any]) -> tuple[Answer, str]:
        """The answer, and what became of the day where the deal does not hold it; Uncertain as any call."""
        if self._way == "sent":
            answer = self._post(form, body)
            if answer.good or not _names_it(answer):
                return answer, ""
            self._way = "v1"
        if self._way == "v1" and body.keys() <= set(KNOWN):
            answer = self._post_former(form, body)
            if answer.status not in GONE and not (_names_it(answer) and not answer.good):
                return answer, ""
            self._way = "refused"
        rest, words = _without(form, body)
        return self._post(form, rest), words

    def _post(self, form: Form, body: Mapping[str, Any]) -> Answer:
        spec = form.place.spec
        return self._calls.send("create", "POST", self._calls.of(spec), body=dict(body), object_=spec)

    def _post_former(self, form: Form, body: Mapping[str, Any]) -> Answer:
        """By v1, whose answer is given the place of our key in v2's."""
        path = self._calls.path(form.place.spec.path, version="v1")
        answer = self._calls.send("v1_create", "POST", path, body=flat(body))
        data = answer.data.get("data") if answer.good and isinstance(answer.data, dict) else None
        if not isinstance(data, dict):
            return answer
        marker = form.picture.marker(form.place).key
        told = {"id": data.get("id"), "custom_fields": {marker: data.get(marker)}}
        return Answer(answer.status, {**answer.data, "data": told}, answer.headers)


def _names_it(answer: Answer) -> bool:
    return answer.status == 400 and KEY in words_of(answer)


def flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of v2 as v1 writes it: custom values beside the others, their parts under names of their own."""
    flat = {FORMER.get(key, key): value for key, value in body.items() if key != "custom_fields"}
    flat |= {key: str(flat[key]).replace("T", " ").removesuffix("Z") for key in MOMENTS if flat.get(key)}
    for code, value in body.get("custom_fields", {}).items():
        if isinstance(value, Mapping):
            flat |= {code if part == "value" else f"{code}_{part}": held for part, held in value.items()}
        else:
            flat[code] = ",".join(map(str, value)) if isinstance(value, list) else value
    return flat


def _without(form: Form, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The deal without the day, which goes into a field of its own where the account has one; and the words for it."""
    day = str(body[KEY])
    rest = {key: value for key, value in body.items() if key != KEY}
    wire = next((wire for wire in form.wires.values() if wire.custom and wire.label.casefold() == ORIGINAL.casefold()), None)
    if wire is None or wire.key in rest.get("custom_fields", {}):
        return rest, f"{LEFT_OUT}: {day} was left out"
    held = day[:10] if wire.wire_type == "date" else day
    rest["custom_fields"] = {**rest.get("custom_fields", {}), wire.key: held}
    return rest, f"{LEFT_OUT}: {day} stands in {wire.label}"
