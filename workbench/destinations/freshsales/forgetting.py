"""Taking a record away for good: by one call where the account forgets what it still shows, else through its recycle bin."""

from __future__ import annotations

import threading

from workbench.destinations import Outcome
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.picture import Place
from workbench.destinations.freshsales.records import words_of
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, Refused, Uncertain

__all__ = ["Forgetting", "gone"]

IN_BIN = "deleted, but still in the recycle bin"


class Forgetting:
    """Deletes records of one account; used by all lanes.

    No page says whether a record can be forgotten that was not deleted before. The first one of each kind shows it: it is
    looked for afterwards, and only where it is gone are the others taken away in the same way.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self._lock = threading.Lock()
        self._at_once: dict[str, bool] = {}  # kind of record → whether it is forgotten at once, as far as that is known

    def delete(self, place: Place, number: str, *, purge: bool) -> Outcome:
        """Take a record away, and with `purge` out of the recycle bin; one that is gone counts as taken away."""
        path = f"{place.spec.path}/{number}"
        try:
            if purge and self._forgotten(place, path):
                return Outcome(number, "done", number)
            outcome = gone(number, self._call(path))
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)
        if not purge or outcome.state != "done":
            return outcome
        try:
            outcome = gone(number, self._call(f"{path}/forget"))
        except (Uncertain, Refused, DestinationBusy) as error:
            return Outcome(number, "unknown", number, f"{IN_BIN}: {error.message}")
        return outcome if outcome.state == "done" else Outcome(number, "unknown", number, f"{IN_BIN}: {outcome.words}")

    def _forgotten(self, place: Place, path: str) -> bool:
        """Whether the record is surely gone after one call."""
        kind = place.kept_as
        if kind not in self._at_once:
            with self._lock:
                if kind not in self._at_once:
                    return self._tried(kind, path)
        return self._at_once[kind] and self._call(f"{path}/forget").good

    def _tried(self, kind: str, path: str) -> bool:
        """The same of the first record, which tells of the others."""
        try:
            taken = self._call(f"{path}/forget").good
        except Refused:  # who may not forget may perhaps delete
            self._at_once[kind] = False
            return False
        there = self._http.call(Request("GET", path, read=True))
        away = taken and there.status == 404
        if taken or there.good:  # else it had been gone before, which tells nothing
            self._at_once[kind] = away
        return away

    def _call(self, path: str) -> Answer:
        return self._http.call(Request("DELETE", path, busy=throttled))


def gone(number: str, answer: Answer) -> Outcome:
    """What the answer to a deletion says; what is not there any more counts as taken away."""
    if answer.good or answer.status == 404:
        return Outcome(number, "done", number)
    return Outcome(number, "rejected", number, "; ".join(words_of(answer.data)) or str(answer.status))
