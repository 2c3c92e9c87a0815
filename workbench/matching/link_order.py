"""In which order a member uses up enrolments of one package: the sessions go over from one to the next, and seldom back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Turns", "from_order", "turns_of"]

ONWARD, BACK = 0.12, 0.02
"""How often the next session is of the enrolment bought next, and how often of the one bought before."""

FIRST = 0.2
"""How likely a row begins with the second enrolment beside the first, where both run."""

OUT_OF_TURN = 0.04
"""How often a session is of another one than the sessions round it."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Turns:
    """Where sessions stand in the rows of enrolments that one member bought of one package and tier; all by position."""

    pair: Ints  # pairs of a session and an enrolment that has others beside it
    row: Ints  # of each of these: the row
    place: Ints  # of each of these: the session's place in it, by its time
    turn: Ints  # of each of these: which enrolment of the row, by the day on which it began
    rows: int
    length: int  # places of the longest row
    turns: int  # enrolments of the longest row


def turns_of(session: Ints, enrolment: Ints, kind: Ints, began: Floats, on: Floats) -> Turns:
    """The rows, out of pairs (enrolment -1 is none), a code of member, package and tier and a first day for each
    enrolment, and a day for each session."""
    there = np.flatnonzero(enrolment >= 0)
    pairs = pd.DataFrame({"pair": there, "session": session[there], "enrolment": enrolment[there]})
    pairs["row"], pairs["began"], pairs["on"] = kind[pairs["enrolment"]], began[pairs["enrolment"]], on[pairs["session"]]
    pairs = pairs[pairs.groupby("row")["enrolment"].transform("nunique") > 1]
    order = pairs.sort_values(["row", "on", "session"], kind="stable")
    found = pd.DataFrame({"pair": order["pair"], "row": pd.factorize(order["row"])[0]})
    found["place"] = _ranked(order, ["on", "session"])
    found["turn"] = _ranked(order, ["began", "enrolment"])
    rows, length, turns = (int(found[name].max()) + 1 if len(found) else 0 for name in ("row", "place", "turn"))
    pair, row, place, turn = (np.asarray(found[name], dtype=np.int64) for name in ("pair", "row", "place", "turn"))
    return Turns(pair=pair, row=row, place=place, turn=turn, rows=rows, length=length, turns=turns)


def _ranked(pairs: pd.DataFrame, by: list[str]) -> pd.Series:
    """The place of each pair in its row by these columns, from 0; those that agree in them share one."""
    distinct = pairs[["row", *by]].drop_duplicates().sort_values(["row", *by], kind="stable")
    distinct["rank"] = distinct.groupby("row").cumcount()
    return pd.Series(pairs[["row", *by]].merge(distinct, how="left")["rank"].to_numpy(), index=pairs.index)


def from_order(turns: Turns, share: Floats) -> Floats:
    """What the sessions before and after say of each pair, as a logarithm; ``share`` is how likely each pair is by itself.

    The row is a hidden Markov chain whose state is the enrolment in use; of each session only the others are asked.
    """
    found = np.zeros(len(share))
    if not len(turns.pair):
        return found
    own = np.zeros((turns.length, turns.rows, turns.turns))
    own[turns.place, turns.row, turns.turn] = share[turns.pair]
    there = np.zeros(own.shape[1:], dtype=bool)
    there[turns.row, turns.turn] = True
    seen = _mixed(own, there) + np.clip(1 - own.sum(axis=2, keepdims=True), 1e-9, 1)
    step = _steps(turns.turns)
    before, after = np.zeros_like(own), np.ones_like(own)
    before[0] = _whole(there * FIRST ** np.arange(turns.turns))
    for place in range(1, turns.length):
        before[place] = _whole(((before[place - 1] * seen[place - 1]) @ step) * there)
    for place in range(turns.length - 2, -1, -1):
        after[place] = _whole((after[place + 1] * seen[place + 1]) @ step.T)
    said = _mixed(_whole(before * after * there), there)
    found[turns.pair] = np.log(said[turns.place, turns.row, turns.turn])
    return found


def _mixed(share: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Shares of enrolments of which a few are not what their neighbours are."""
    others = np.maximum(there.sum(axis=1) - 1, 1)[None, :, None]
    total = share.sum(axis=2, keepdims=True)
    mixed: Floats = (1 - OUT_OF_TURN) * share + OUT_OF_TURN * (total - share) / others
    return mixed


def _steps(turns: int) -> Floats:
    """How likely each enrolment follows each other one."""
    step = np.eye(turns) * (1 - ONWARD - BACK) + np.eye(turns, k=1) * ONWARD + np.eye(turns, k=-1) * BACK
    return np.asarray(step / step.sum(axis=1, keepdims=True))


def _whole(parts: Floats) -> Floats:
    return np.asarray(parts / np.maximum(parts.sum(axis=-1, keepdims=True), 1e-300))
