"""Which enrolment a session belongs to, where the export lost the key: by member, date and name, and by what else is told.

The evidence, for each session and each enrolment of its member: whether the day lies between enrolment and expiry; the
name of the package (the same, empty, another tier of it, a name that no package has today, or that of another package);
the service that was held; the coach; whether the session states a fee; the other sessions of its series, and the one in
whose place it was held; what the sessions before and after are of, where a package was bought again; and the count of the
enrolment itself: included less remaining sessions have to be used up.

How much each of these says is not fixed. It is learned from the export, beginning with the weights below: whichever
explanation is likelier teaches what its sessions look like, until that settles (expectation and maximisation). So an
old name of a package is learned from the enrolments that its members have, and which services a package holds from the
sessions that still name it. Every session may also belong to no enrolment at all. See `relink` for what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import SpecError
from workbench.matching.link_evidence import NAMES, Evidence, Floats, Ints, gather
from workbench.matching.link_order import from_order

__all__ = ["participations", "relink"]

ROUNDS = 8
"""Times that the weights are learned anew; later ones change nothing that can be seen."""

TOGETHER = 0.9
"""How sure it is that the sessions of one series are of one enrolment."""

IN_TURN = 0.6
"""A seat in a group is taken from the enrolment that was bought first, as a rule."""

OLD_SERIES = 0.25
"""A series that does not begin within two weeks of an enrolment is seldom of it."""

ONE_SERIES = 0.8
"""How sure it is that an enrolment has one series at most."""

COUNTED = 0.8
"""How far the count of an enrolment is believed, as a power."""

FIRST_NAMES = np.array([0.57, 0.35, 0.06, 0.015, 0.005])
FIRST_NAMES_OF_NONE = np.array([0.002, 0.97, 0.01, 0.002, 0.016])
FIRST_FEES = np.array([0.72, 0.20, 0.08])
FIRST_FEES_OF_NONE = np.array([0.25, 0.20, 0.55])
FIRST_COACHES = np.array([0.12, 0.88])
BELIEVED = 20.0
"""Sessions that the first weights are worth beside those of the export."""

ABSENT = 0.03
"""Share of sessions, to begin with, whose enrolment the export does not hold, or holds under an address of nobody."""

RAW = (0.0, 0.3, 0.52, 0.575, 0.605, 0.64, 0.67, 0.725, 0.76, 0.8, 0.845, 0.875, 0.905, 0.935, 0.96, 0.985, 1.0)
TRUE = (0.0, 0.5, 0.58, 0.665, 0.745, 0.81, 0.855, 0.895, 0.922, 0.936, 0.955, 0.972, 0.983, 0.9915, 0.9955, 0.998, 0.999)
"""How often an answer of each raw share was right, on seeds 1 to 10 of the sample: what is shown as confidence."""

TOLD = 5.0
"""Sessions of a package from which it is told that it had another name."""

SURE_OF_GROUPS = 0.99
OF_A_GROUP = "a group's session is paid by a package of each of its members, so it belongs to none alone"

SHOWN = 0.02
"""Alternatives below this are not named."""

NEEDED = {
    "sessions": ("session_id", "client_email", "start"),
    "enrolments": ("enrolment_id", "client_email", "package_name", "enrolled_on"),
}


def relink(
    sessions: pd.DataFrame,
    enrolments: pd.DataFrame,
    *,
    packages: pd.DataFrame | None = None,
    clients: pd.DataFrame | None = None,
    threshold: float = 0.9,
) -> pd.DataFrame:
    """Propose the enrolment of every session; columns session, enrolment, state, confidence, reasons and alternatives.

    One row a session, in the order and under the index of ``sessions``. ``state`` is `linked`, `none` (it belongs to no
    enrolment, which then is empty) or `queued`: the confidence of the likeliest answer, which stands there all the same,
    is below ``threshold``, or there is no member to look under. Columns are found by the names of the source's spec, and
    those that are missing say nothing; without session_id, client_email, start, or an enrolment's number, member,
    package and first day, it is a SpecError. ``packages`` say how many sessions they hold and how long they last,
    ``clients`` which addresses are in use today.

    Measured on the hidden links of `sample_exports` (Profi, medium size, 12,000 to 14,500 sessions each), whose generator
    has the same author: seeds 11 to 20, never used for tuning, gave a precision of 0.996 to 0.998 at a recall of 0.961 to
    0.968 of the sessions that belong to an enrolment, 3.0 to 3.5 % queued, in 2 to 5 seconds a run on a busy machine. Of
    answers shown with 0.9 to 0.95 (their mean 0.930) 93.0 % were right on seeds 11 to 40, from 0.95 to 0.98 96.4 %, and of
    each of these customers alone no band strays further than chance lets it.
    """
    for name, frame in (("sessions", sessions), ("enrolments", enrolments)):
        _need(frame, name)
    evidence = gather(sessions, enrolments, packages, clients)
    share, weights = _explained(evidence)
    sureness = np.interp(np.where(evidence.enrolment < 0, share * (1 - _unseen(evidence, weights)), share), RAW, TRUE)
    return _answers(sessions, enrolments, evidence, share, sureness, threshold)


def participations(sessions: pd.DataFrame, attendees: pd.DataFrame) -> pd.DataFrame:
    """One row for every client of every session: those that name one as they are, group sessions once for each attendee."""
    named = sessions["client_email"].astype("str").fillna("").str.strip() != ""
    came = attendees[["session_id", "client_email"]].drop_duplicates()
    groups = sessions[~named].drop(columns="client_email").merge(came, on="session_id")
    return pd.concat([sessions[named], groups], ignore_index=True)[list(sessions.columns)]


def _need(frame: pd.DataFrame, name: str) -> None:
    missing = [column for column in NEEDED[name] if column not in frame.columns]
    if missing:
        raise SpecError(
            f"the table of {name} lacks columns to link by",
            expected=", ".join(NEEDED[name]),
            found=", ".join(map(str, frame.columns)),
            todo="map the columns to these names at intake",
        )


# ---------------------------------------------------------------- learning what the evidence says


@dataclass(frozen=True)
class _Weights:
    """What sessions look like: of an enrolment, of none, and of each package; all as shares that add up to one."""

    none: float  # share of sessions that belong to no enrolment
    absent: float  # share of sessions whose enrolment the export does not hold, or holds under nobody's address
    names: Floats  # kind of session × NAMES
    names_of_none: Floats  # the same: what a group's session names is the group's, whoever comes
    texts: Floats  # package × names that no package has today, of all its sessions
    services: Floats  # package × service; package 0 is none
    kinds: Floats  # package × kind of session
    fees: Floats
    fees_of_none: Floats
    coaches: Floats


def _explained(evidence: Evidence) -> tuple[Floats, _Weights]:
    """How likely each pair is, the pairs of a session adding up to one, and the weights by which it is."""
    weights = _learned(evidence, None, None)
    share = np.zeros(len(evidence.session))
    for _ in range(ROUNDS):
        share = _weighed(evidence, _likelihood(evidence, weights))
        weights = _learned(evidence, share, _unseen(evidence, weights))
    return share, weights


def _unseen(evidence: Evidence, weights: _Weights) -> Floats:
    """For each pair how likely its session is to be of an enrolment that cannot be found, beside being of none."""
    kind, service, fee = evidence.kind, np.maximum(evidence.service, 0), evidence.fee
    named = np.full(evidence.sessions, NAMES.index("empty"))
    named[evidence.session[evidence.enrolment < 0]] = evidence.naming[evidence.enrolment < 0]
    own = np.where(named == NAMES.index("empty"), named, NAMES.index("same"))
    held = np.where(evidence.service >= 0, weights.services[1:].mean(axis=0)[service], weights.kinds[1:].mean(axis=0)[kind])
    free = np.where(evidence.service >= 0, weights.services[0][service], weights.kinds[0][kind])
    # What a group's session names is the group's, whoever sits in it.
    theirs = np.where(evidence.seats, 1.0, weights.names[kind, own])
    nobodys = np.where(evidence.seats, 1.0, weights.names_of_none[kind, named])
    other = weights.absent * theirs * held * weights.fees[fee]
    none = weights.none * nobodys * free * weights.fees_of_none[fee]
    found: Floats = (other / (other + none))[evidence.session]
    return found


def _likelihood(evidence: Evidence, weights: _Weights) -> Floats:
    """The logarithm of how well each pair explains its session, taken by itself."""
    none = evidence.enrolment < 0
    kind, service, text = (each[evidence.session] for each in (evidence.kind, evidence.service, evidence.text))
    named = np.where(none, weights.names_of_none[kind, evidence.naming], weights.names[kind, evidence.naming])
    unknown = (evidence.naming == NAMES.index("unknown")) & ~none
    named = np.where(unknown, weights.texts[evidence.package, np.maximum(text, 0)], named)
    held = np.where(
        service >= 0, weights.services[evidence.package, np.maximum(service, 0)], weights.kinds[evidence.package, kind]
    )
    fee = evidence.fee[evidence.session]
    paid = np.where(none, weights.fees_of_none[fee], weights.fees[fee])
    coach = np.where(none | (evidence.coach == 2), weights.coaches.mean(), weights.coaches[np.minimum(evidence.coach, 1)])
    _, candidates = np.unique(evidence.session, return_counts=True)
    # A member with many enrolments is not likelier to have paid a session by one of them.
    prior = np.where(none, weights.none, (1 - weights.none) / np.maximum(candidates[evidence.session] - 1, 1))
    length = np.bincount(evidence.chain)[evidence.chain[evidence.session]]
    # This is said once for a series, not for each of its sessions.
    turn = np.where(evidence.stale, OLD_SERIES, 1.0) ** (1 / length)
    turn = turn * np.where(evidence.later & evidence.seats[evidence.session], IN_TURN, 1.0)
    guessed = np.where(none | ~np.append(evidence.guessed, False)[evidence.enrolment], 1.0, 0.8)
    found: Floats = (
        np.log(prior) + np.log(named) + np.log(held) + np.log(paid) + np.log(coach) + np.log(evidence.dates * guessed * turn)
    )
    return found


def _learned(evidence: Evidence, share: Floats | None, unseen: Floats | None) -> _Weights:
    """The weights that the explanations so far suggest, beside the first ones; of what is unseen nothing is learned."""
    some = np.zeros(len(evidence.session)) if share is None else share
    none = evidence.enrolment < 0
    lost = np.zeros(len(some)) if unseen is None else np.where(none, some * unseen, 0.0)
    some = some - lost
    kind, service, text, fee = (
        each[evidence.session] for each in (evidence.kind, evidence.service, evidence.text, evidence.fee)
    )
    packages, kinds = int(evidence.package.max(initial=1)) + 1, int(evidence.kind.max(initial=0)) + 1
    services, texts = int(evidence.service.max(initial=0)) + 1, int(evidence.text.max(initial=0)) + 1
    owned = np.where(none, 0.0, some)
    known = np.where(evidence.coach < 2, owned, 0.0)
    total = max(float(some.sum()), 1.0)
    held = _counted(evidence.package, owned, packages)
    old = _counts(evidence.package, np.maximum(text, 0), np.where(text >= 0, owned, 0), (packages, texts))
    return _Weights(
        none=float((some[none].sum() + 0.08 * BELIEVED) / (total + BELIEVED)),
        absent=float((lost.sum() + ABSENT * BELIEVED) / (total + lost.sum() + BELIEVED)),
        names=_shares(_counts(kind, evidence.naming, owned, (kinds, len(NAMES))) + BELIEVED * FIRST_NAMES),
        names_of_none=_shares(
            _counts(kind, evidence.naming, some - owned, (kinds, len(NAMES))) + BELIEVED * FIRST_NAMES_OF_NONE
        ),
        texts=(old + TOLD * FIRST_NAMES[NAMES.index("unknown")] / texts) / (held[:, None] + TOLD),
        services=_shares(
            _counts(evidence.package, np.maximum(service, 0), np.where(service >= 0, some, 0), (packages, services)) + 0.3
        ),
        kinds=_shares(_counts(evidence.package, kind, some, (packages, kinds)) + 0.3),
        fees=_shares(_counted(fee, owned, 3) + BELIEVED * FIRST_FEES),
        fees_of_none=_shares(_counted(fee, some - owned, 3) + BELIEVED * FIRST_FEES_OF_NONE),
        coaches=_shares(_counted(np.minimum(evidence.coach, 1), known, 2) + BELIEVED * FIRST_COACHES),
    )


def _counts(row: Ints, column: Ints, weight: Floats, shape: tuple[int, int]) -> Floats:
    found: Floats = np.bincount(row * shape[1] + column, weights=weight, minlength=shape[0] * shape[1]).astype(np.float64)
    return found.reshape(shape)


def _counted(place: Ints, weight: Floats, size: int) -> Floats:
    return np.bincount(place, weights=weight, minlength=size).astype(np.float64)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


# ---------------------------------------------------------------- what the sessions say about each other


def _weighed(evidence: Evidence, log: Floats) -> Floats:
    """The shares of each session's pairs, after series and counts had their say."""
    share = _normal(evidence, log)
    push = np.zeros(len(evidence.stated) + 1)
    for _ in range(6):
        pushed = log + np.where(_using(evidence), push[evidence.enrolment], 0.0) + _from_others(evidence, share)
        pushed += _from_turns(evidence, _normal(evidence, pushed))
        # A series hears what each of its sessions says by itself: what it says of itself would come back as an echo.
        share = _normal(evidence, pushed + _from_chain(evidence, _normal(evidence, pushed)))
        push += _from_count(evidence, share)
    return share


def _normal(evidence: Evidence, log: Floats) -> Floats:
    """Logarithms as shares that add up to one for each session."""
    highest = np.full(evidence.sessions, -np.inf)
    np.maximum.at(highest, evidence.session, log)
    raw = np.exp(log - highest[evidence.session])
    whole: Floats = raw / np.bincount(evidence.session, weights=raw, minlength=evidence.sessions)[evidence.session]
    return whole


def _from_chain(evidence: Evidence, share: Floats) -> Floats:
    """What the other sessions of its series add to each pair: a series seldom goes over to another enrolment."""
    size = len(evidence.stated) + 1
    place = evidence.chain[evidence.session] * size + evidence.enrolment + 1
    where, cell = np.unique(place, return_inverse=True)
    said = np.log(1 - TOGETHER + TOGETHER * share)
    silent = np.log(1 - TOGETHER)
    members = np.bincount(evidence.chain, minlength=int(evidence.chain.max(initial=0)) + 1)
    speakers = np.bincount(cell, minlength=len(where))
    total = np.bincount(cell, weights=said, minlength=len(where)) + (members[where // size] - speakers) * silent
    found: Floats = total[cell] - said
    return found


def _from_turns(evidence: Evidence, share: Floats) -> Floats:
    """What the other sessions say of each pair whose enrolment was bought again; a series says it once."""
    length = np.bincount(evidence.chain)[evidence.chain[evidence.session]]
    said: Floats = from_order(evidence.turns, share) / length
    return said


def _from_others(evidence: Evidence, share: Floats) -> Floats:
    """What the other series of the member take from each pair: whoever buys again, begins a new series."""
    length = np.bincount(evidence.chain)[evidence.chain[evidence.session]]
    size, series = len(evidence.stated) + 1, length > 1
    where, cell = np.unique(evidence.chain[evidence.session] * size + evidence.enrolment + 1, return_inverse=True)
    mean = np.bincount(cell, weights=np.where(series, share / length, 0.0), minlength=len(where))
    taken = np.bincount(where % size, weights=mean, minlength=size)[evidence.enrolment + 1] - mean[cell]
    alone = np.log(1 - ONE_SERIES * np.clip(taken, 0, 1)) / length
    return np.where(series & (evidence.enrolment >= 0), alone, 0.0)


def _using(evidence: Evidence) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return evidence.uses[evidence.session] & (evidence.enrolment >= 0)


def _from_count(evidence: Evidence, share: Floats) -> Floats:
    """By how much each enrolment has to be taken for likelier, so that as many sessions are of it as its count says."""
    using, size = _using(evidence), len(evidence.stated) + 1
    used = np.bincount(evidence.enrolment[using] % size, weights=share[using], minlength=size)[: size - 1]
    exact = np.log((evidence.stated + 0.15) / (used + 0.15))
    over = np.minimum(np.log((evidence.room + 0.15) / (used + 0.15)), 0.0)
    push = np.where(np.isnan(evidence.stated), over, exact)
    return np.append(np.clip(COUNTED * push, -1.5, 1.5), 0.0)


# ---------------------------------------------------------------- answers in words


def _answers(
    sessions: pd.DataFrame, enrolments: pd.DataFrame, evidence: Evidence, share: Floats, sureness: Floats, threshold: float
) -> pd.DataFrame:
    order = np.lexsort((-share, evidence.session))
    pairs = pd.DataFrame({"session": evidence.session, "pair": np.arange(len(share))}).iloc[order]
    best = pairs.drop_duplicates("session")["pair"].to_numpy()
    names = np.append(enrolments["enrolment_id"].astype("str").to_numpy(dtype=object), "")
    confidence = sureness[best].round(3)
    empty = sessions["client_email"].astype("str").fillna("").str.strip().eq("").to_numpy()
    groups = empty & _of_groups(sessions)
    confidence = np.where(groups, SURE_OF_GROUPS, np.where(empty, 0.0, confidence))
    sure = confidence >= threshold
    state = np.where(~sure, "queued", np.where(empty | (evidence.enrolment[best] < 0), "none", "linked"))
    reasons = [
        _reason(evidence, int(pair)) if not gone else OF_A_GROUP if group else "the session names no client"
        for pair, gone, group in zip(best, empty, groups, strict=True)
    ]
    return pd.DataFrame(
        {
            "session": sessions["session_id"].to_numpy(),
            "enrolment": np.where(groups, "", names[evidence.enrolment[best]]),
            "state": state,
            "confidence": confidence,
            "reasons": reasons,
            "alternatives": _alternatives(evidence, share, best, names, sureness),
        },
        index=sessions.index,
    ).astype({"enrolment": "str", "state": "str", "reasons": "str", "alternatives": "str"})


def _of_groups(sessions: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """True for sessions of a group, whose members stand in a list of their own."""
    kind = sessions["type"] if "type" in sessions else pd.Series("", index=sessions.index)
    return np.asarray(kind.astype("str").fillna("").str.strip().str.casefold() == "group", dtype=bool)


def _alternatives(
    evidence: Evidence, share: Floats, best: Ints, names: np.ndarray[tuple[int], np.dtype[np.object_]], sureness: Floats
) -> list[str]:
    """The other answers of each session, the likeliest first, with their parts of what the confidence leaves."""
    others = share >= SHOWN
    share = share * np.minimum((1 - sureness[best]) / np.maximum(1 - share[best], 1e-9), 1.0)[evidence.session]
    others[best] = False
    said: list[list[str]] = [[] for _ in range(evidence.sessions)]
    for pair in np.flatnonzero(others)[np.argsort(-share[others], kind="stable")]:
        said[evidence.session[pair]].append(f"{names[evidence.enrolment[pair]] or 'none'} ({share[pair]:.2f})")
    return ["; ".join(each) for each in said]


def _reason(evidence: Evidence, pair: int) -> str:
    """What speaks for a pair, in words."""
    session, enrolment = evidence.session[pair], evidence.enrolment[pair]
    if enrolment < 0:
        only = int((evidence.session == session).sum()) == 1 if evidence.sessions <= 2000 else False
        words = ["no enrolment of the member runs on that day" if only else "no enrolment of the member explains it"]
        return "; ".join([*words, *(["it states a fee"] if evidence.fee[session] == 2 else [])])
    naming = {
        "same": "it names the package",
        "empty": "it names no package",
        "unknown": "it names a package that is called otherwise today",
        "tier": "it names another tier of the package",
        "other": "it names another package",
    }
    words = ["same member" if not evidence.guessed[enrolment] else "the member under an earlier address"]
    words.append("inside the dates" if evidence.dates[pair] == 1 else "just outside the dates")
    words.append(naming[NAMES[evidence.naming[pair]]])
    words += ["same coach"] if evidence.coach[pair] == 1 else []
    words += ["the enrolment counts its sessions"] if not np.isnan(evidence.stated[enrolment]) else []
    return "; ".join(words)
