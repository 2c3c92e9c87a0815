"""Mutants of the protocol: each takes one step of it away, inside the process of one loader only.

The harness has to see every one of them; what it does not see, it does not prove.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Outcome, pipedrive
from workbench.destinations.freshsales import bulk, writing
from workbench.ledger import Guard
from workbench.ledger.operations import Closing, Operation


def no_sweep(guard: Guard) -> None:
    """Whatever was not answered counts as not made, and is sent again without a look."""
    guard._look = lambda object_, keys: []  # type: ignore[method-assign]
    guard.lag = guard.settle_seconds = 0.0


def intent_after_send(guard: Guard) -> None:
    """The intent is written down once the change has been sent."""

    def carry_out(step: Any) -> list[Outcome]:
        batch = uuid.uuid4().hex
        with guard.air.batch(step.object, batch):
            outcomes = step.call(step.jobs.append)
            return guard._conclude(guard._intend(batch, step), step, outcomes)

    guard._carry_out = carry_out  # type: ignore[method-assign]


def outcome_before_answer(guard: Guard) -> None:
    """A change counts as done as soon as it is about to be sent."""
    send = guard._send

    def premature(numbers: Sequence[int], step: Any) -> list[Outcome]:
        guard.ledger.operations.close([Closing(number, "done") for number in numbers])
        return send(numbers, step)

    guard._send = premature  # type: ignore[method-assign]


def blind_retry(guard: Guard) -> None:
    """What was not answered is sent once more at once."""
    send = guard._send

    def again(numbers: Sequence[int], step: Any) -> list[Outcome]:
        outcomes = send(numbers, step)
        return send(numbers, step) if any(outcome.state == "unknown" for outcome in outcomes) else outcomes

    guard._send = again  # type: ignore[method-assign]


def positional(guard: Guard) -> None:
    """The n-th failure of a job's report is taken for the n-th row of the batch."""
    del guard

    def by_place(rows: Sequence[Any], report: Any) -> list[Outcome]:
        failed = len(report.failures)
        return [Outcome(row.key, "rejected" if n < failed else "done", row.id) for n, row in enumerate(rows)]

    bulk.verdicts = by_place


def single_look(guard: Guard) -> None:
    """One look that does not find a record is enough to send it again."""
    looked = guard._settling._looked

    def once(object_: str, rows: Sequence[Operation], *, last: bool) -> list[Operation]:
        del last
        return looked(object_, rows, last=True)

    guard._settling._looked = once  # type: ignore[method-assign]


def no_waiting(guard: Guard) -> None:
    """Nobody waits until a change may have arrived."""
    guard._settling._arrive = lambda object_: None  # type: ignore[method-assign]
    guard._settling._pause = lambda seconds, reason: None  # type: ignore[method-assign]


def no_repair(guard: Guard) -> None:
    """Twins stay where they are."""
    from workbench.ledger.guarding import certifying, settling

    for module in (certifying, settling):
        module.remove_twin = lambda guard, row, *, kept, twin, many=False: ""  # type: ignore[attr-defined]
    del guard


def no_fence(guard: Guard) -> None:
    """The epoch is looked at with each commit, and not when a change leaves."""
    guard.ledger.operations.writer.stands = lambda: None  # type: ignore[method-assign]


def no_epoch(guard: Guard) -> None:
    """Whoever has been passed by goes on writing."""
    writer = guard.ledger.operations.writer
    head = writer.head

    def blind(place: Any) -> Any:
        found = writer._read(place)
        writer.epoch, writer._token = found.epoch, found.token
        return head(place)

    writer.head = blind  # type: ignore[method-assign, assignment]
    no_fence(guard)


def swapped_unseen(guard: Guard) -> None:
    """An answer is believed whichever record it shows, and an id that two keys were told of is believed twice."""

    def believed(form: Any, draft: Draft, raw: Mapping[str, Any], *, words: str) -> Outcome:
        del form, words
        return Outcome(draft.key, "done", str(raw["id"]))

    guard._trusted = lambda numbers, step, outcomes: list(outcomes)  # type: ignore[method-assign]
    pipedrive._echoed = believed
    writing.answers = lambda record, data, *, id_, marker: True  # type: ignore[attr-defined]


MUTANTS: Mapping[str, Any] = {
    each.__name__: each
    for each in (
        no_sweep,
        intent_after_send,
        outcome_before_answer,
        blind_retry,
        positional,
        single_look,
        no_waiting,
        no_repair,
        no_fence,
        no_epoch,
        swapped_unseen,
    )
}
