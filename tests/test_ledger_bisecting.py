"""Batches that are refused as a whole: the rows that spoil them stand alone, the others are done, and calls are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_desk import Breaking, Desk, desk, people

from workbench.destinations import Destination, Draft, Outcome
from workbench.errors import WrongKey
from workbench.ledger.guarding.bisecting import isolate, refused_together

POISON = "poison"
WHOLE = "the batch was refused whole: Bad request"


class Picky(Breaking):
    """An account behind a guard that refuses every batch with a poison row in it, and names no row."""

    def __init__(self, inner: Destination) -> None:
        super().__init__(inner, when="")
        self.sizes: list[int] = []

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        self.sizes.append(len(drafts))
        if any(draft.values["city"] == POISON for draft in drafts):
            return [Outcome(draft.key, "rejected", words=WHOLE) for draft in drafts]
        return self._inner.write(object_, drafts, taken=taken)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def spoiled(count: int, *poisons: int) -> list[Draft]:
    drafts = people(*range(count))
    return [Draft(d.key, {**d.values, "city": POISON}) if n in poisons else d for n, d in enumerate(drafts)]


@pytest.mark.parametrize("place", [0, 37, 99])
def test_one_poison_row_of_a_hundred_costs_at_most_eight_more_calls_and_no_neighbour(there: Desk, place: int) -> None:
    picky = Picky(there.client())
    guard = there.again(picky)  # type: ignore[arg-type]
    outcomes = guard.write("contact", spoiled(100, place))
    assert [number for number, outcome in enumerate(outcomes) if outcome.state != "done"] == [place]
    assert outcomes[place].state == "rejected" and outcomes[place].words == WHOLE
    assert len(picky.sizes) <= 1 + 8
    assert len(there.writes(0)) - 2 <= 8  # what came through; two fields were made before
    assert len(guard.resolve_ids("contact")) == 99 and guard.certify("contact").holds
    assert there.ledger.operations.unsettled() == []


def test_several_poison_rows_are_each_found(there: Desk) -> None:
    picky = Picky(there.client())
    guard = there.again(picky)  # type: ignore[arg-type]
    outcomes = guard.write("contact", spoiled(100, 3, 50, 51, 98))
    assert [number for number, outcome in enumerate(outcomes) if outcome.state != "done"] == [3, 50, 51, 98]
    assert len(picky.sizes) <= 1 + 4 * 8
    assert len(guard.resolve_ids("contact")) == 96


def test_a_batch_of_which_every_part_is_refused_is_soon_given_up(there: Desk) -> None:
    picky = Picky(there.client())
    guard = there.again(picky)  # type: ignore[arg-type]
    outcomes = guard.write("contact", spoiled(100, *range(100)))
    assert {outcome.state for outcome in outcomes} == {"rejected"}
    assert len(picky.sizes) <= 1 + 20 and len(there.writes(0)) == 2


def test_every_part_of_a_batch_is_an_attempt_of_its_own_in_the_ledger(there: Desk) -> None:
    guard = there.again(Picky(there.client()))  # type: ignore[arg-type]
    guard.write("contact", spoiled(4, 2))
    frame = there.ledger.frame()
    last = frame.groupby("key").last()
    assert list(last["state"]) == ["done", "done", "rejected", "done"]
    tries = frame.groupby("key")["attempt"].apply(list)
    assert {key: max(numbers) for key, numbers in tries.items()} == dict.fromkeys(last.index, 2)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in tries)


def test_rows_that_a_job_refuses_in_the_same_words_are_not_sent_again(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("job_rows", path="bulk_upsert", rows=1.0)
    since = there.now()
    outcomes = guard.write("contact", people(*range(20)))
    assert {(outcome.state, outcome.words) for outcome in outcomes} == {("rejected", "Something went wrong")}
    assert len(there.writes(since)) == 1


def test_a_refusal_that_is_not_about_rows_is_not_tried_on_parts(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("expired", path="bulk_upsert")
    since = there.now()
    with pytest.raises(WrongKey):
        guard.write("contact", people(*range(8)))
    assert len(there.writes(since)) == 1
    assert {outcome.state for outcome in guard.write("contact", people(*range(8)))} == {"done"}
    assert len(there.writes(since)) == 2


# ---------------------------------------------------------------- the search itself


def run(count: int, poisons: set[int], unknown: set[int] = frozenset()) -> tuple[dict[str, Outcome], int]:  # type: ignore[assignment]
    """Fates and number of calls, against a destination that refuses every batch with a poison row in it."""
    drafts = [Draft(str(number), {}) for number in range(count)]
    calls: list[int] = []

    def send(part: Sequence[Draft]) -> tuple[list[Outcome], frozenset[str]]:
        calls.append(len(part))
        numbers = {int(draft.key) for draft in part}
        state = "rejected" if numbers & poisons else "unknown" if numbers & unknown else "done"
        outcomes = [Outcome(draft.key, state, words="no" if state == "rejected" else "") for draft in part]
        return outcomes, refused_together(outcomes)

    return {outcome.key: outcome for outcome in isolate(drafts, "no", send)}, len(calls)


@given(st.integers(2, 130), st.data())
@settings(max_examples=60, deadline=None)
def test_all_neighbours_are_done_wherever_the_poison_stands(count: int, data: st.DataObject) -> None:
    poisons = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=max(1, count // 8)))
    fates, calls = run(count, poisons)
    assert {int(key) for key, fate in fates.items() if fate.state == "rejected"} >= poisons
    if len(poisons) < 4:
        assert {int(key) for key, fate in fates.items() if fate.state == "rejected"} == poisons
        # From the third on, one row is sent alone to see whether the account takes any at all.
        assert calls <= len(poisons) * ((count - 1).bit_length() + 1) + (len(poisons) > 2)
    assert calls <= count + 5 * ((count - 1).bit_length() + 1)
    assert len(fates) == count


@pytest.mark.parametrize("poisons", [{0}, {99}, {0, 2}, {0, 50, 37}, {73, 60, 1}, {0, 25, 50}, {0, 1, 2}])
def test_a_row_that_spoils_a_hundred_costs_at_most_eight_calls(poisons: set[int]) -> None:
    fates, calls = run(100, poisons)
    assert {int(key) for key, fate in fates.items() if fate.state == "rejected"} == poisons
    assert calls <= 8 * len(poisons)


def test_a_row_is_never_blamed_for_a_part_without_an_answer() -> None:
    fates, _ = run(8, {7}, unknown={0})
    assert fates["7"].state == "rejected"
    assert {fates[key].state for key in "123"} <= {"unknown", "done"}
    assert {fates[key].state for key in "456"} == {"done"}
