"""How far the load of a tree is: of the whole feed, though it is loaded level by level."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.flow import transfer
from workbench.ledger.loading import Progress


def level(total: int, *, done: int = 0, rejected: int = 0, held: int = 0) -> Progress:
    left = total - done - rejected - held
    return Progress("sales_account", total, done, rejected, 0, 0.1, left=left, held=held, ended=not left)


def test_the_last_level_of_a_tree_is_not_taken_for_the_whole() -> None:
    tree = transfer._Tree(40)
    began = tree.whole(1, level(30, done=30))
    assert (began.total, began.done, began.left, began.ended) == (40, 30, 10, False)
    tree.whole(2, level(9, done=8, rejected=1))
    last = tree.whole(3, level(1, held=1))
    assert (last.total, last.done, last.rejected, last.held, last.left, last.ended) == (40, 38, 1, 1, 0, True)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5))
def test_whatever_the_levels_the_sum_holds_and_nobody_goes_backwards(levels: list[tuple[int, int]]) -> None:
    tree, before = transfer._Tree(sum(done + rejected for done, rejected in levels)), 0.0
    for place, (done, rejected) in enumerate(levels):
        for told in (level(done + rejected), level(done + rejected, done=done, rejected=rejected)):
            now = tree.whole(place, told)
            assert now.total == now.done + now.rejected + now.unknown + now.held + now.left == tree.records
            assert now.share >= before
            before = now.share
    assert now.share == 1.0 and now.ended
