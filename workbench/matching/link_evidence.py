"""What speaks for a session being of an enrolment, laid out as one row for every pair that is possible at all."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.matching.folding import fold
from workbench.matching.link_order import Turns, turns_of
from workbench.recipes import convert

__all__ = ["EARLY", "LATE", "NAMES", "Evidence", "gather"]

EARLY, LATE = 14, 21
"""Days before an enrolment begins, and after it ends, on which a session may still be of it."""

ENDLESS = 0.5
"""How well a day fits that lies behind the usual time of an enrolment which states no end: it may have none."""

SOON = 14
"""Days within which a series begins after what it is paid from was bought."""

NAMES = ("same", "empty", "unknown", "tier", "other")
"""How the package that a session names stands to the one of an enrolment; unknown is a name that no package has today."""

TIER = re.compile(r"\s*\(([^()]+)\)\s*$")
CONSUMING = frozenset({"completed", "no show", "noshow", "attended"})

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Pairs of a session and an enrolment, and for every session the pair with none (enrolment -1); all by position."""

    sessions: int
    session: Ints  # of each pair
    enrolment: Ints  # of each pair, -1 for none
    package: Ints  # of each pair, a code a name of a package; 0 for none
    naming: Ints  # of each pair, into NAMES
    text: Ints  # of each session: code of a name that no package has today, -1 otherwise
    service: Ints  # of each session, -1 where it names none
    kind: Ints  # of each session: one to one, group, consultation
    fee: Ints  # of each session: 0 none, 1 nothing, 2 an amount
    coach: Ints  # of each pair: 0 another, 1 the same, 2 not known
    dates: Floats  # of each pair: how well the day fits, as a factor
    chain: Ints  # of each session: those of one series, or moved from one to another, share a number
    seats: npt.NDArray[np.bool_]  # of each session: whether it is a seat in a group
    uses: npt.NDArray[np.bool_]  # of each session: whether it uses a session of the package up
    stated: Floats  # of each enrolment: sessions used up by its own count, NaN where it states none that can be
    room: Floats  # of each enrolment: sessions that it holds at most, infinite where it does not say
    later: npt.NDArray[np.bool_]  # of each pair: an earlier enrolment of the same package runs on that day, too
    stale: npt.NDArray[np.bool_]  # of each pair: the series began long after the enrolment, or before it
    guessed: npt.NDArray[np.bool_]  # of each enrolment: found under another address of the member
    turns: Turns  # of pairs whose enrolment the member bought again


def gather(
    sessions: pd.DataFrame, enrolments: pd.DataFrame, packages: pd.DataFrame | None, clients: pd.DataFrame | None
) -> Evidence:
    """The evidence out of tables whose columns bear the names of the source's spec; a column that is missing says nothing."""
    member, holder, guessed = _members(sessions, enrolments, clients)
    on = _days(_column(sessions, "start"))
    cores, tiers = _split_names(_column(enrolments, "package_name"))
    tiers = [own or fold(text) for own, text in zip(tiers, _column(enrolments, "tier"), strict=True)]
    included, validity = _terms(packages, cores, tiers)
    left, right = _pairs(member, holder)
    dates = _fitting(on[left], *_spans(enrolments, validity), right)
    left, right, dates = left[dates > 0], right[dates > 0], dates[dates > 0]
    every = np.arange(len(sessions), dtype=np.int64)
    session = np.concatenate([left, every])
    enrolment = np.concatenate([right, np.full(len(every), -1, dtype=np.int64)])
    naming, text = _naming(sessions, session, enrolment, cores, tiers, packages)
    package = np.concatenate([pd.factorize(pd.Series(cores, dtype="object"))[0] + 1, [0]]).astype(np.int64)
    coach = _coaches(sessions, enrolments, session, enrolment)
    chain, began = _chains(sessions), _days(_column(enrolments, "enrolled_on"))
    return Evidence(
        sessions=len(sessions),
        session=session,
        enrolment=enrolment,
        package=package[enrolment],
        naming=naming,
        text=text,
        service=_codes(_column(sessions, "service_name")),
        kind=np.maximum(_codes(_column(sessions, "type")), 0),
        fee=_fees(_column(sessions, "fee")),
        coach=coach,
        dates=np.concatenate([dates, np.ones(len(every))]),
        chain=chain,
        seats=(_column(sessions, "type").str.casefold() == "group").to_numpy(),
        uses=np.array([fold(each) in CONSUMING for each in _column(sessions, "status")], dtype=bool),
        stated=_used(_column(enrolments, "sessions_remaining"), included),
        room=included,
        later=_later(session, package[enrolment], enrolment, began),
        stale=_stale(session, enrolment, began, chain, on),
        guessed=guessed,
        turns=turns_of(session, enrolment, _bought(holder, cores, tiers), began, on),
    )


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column as text, empty where it or a cell is missing."""
    if name not in frame.columns:
        return pd.Series("", index=range(len(frame)), dtype="str")
    return frame[name].astype("str").fillna("").str.strip().reset_index(drop=True)


def _codes(column: pd.Series) -> Ints:
    """A number for every text that differs after folding, -1 for none."""
    folded = column.map({text: fold(text) for text in column.unique()})
    return pd.factorize(folded.where(folded != "", None))[0].astype(np.int64)


def _days(column: pd.Series) -> Floats:
    """Days since 1970, NaN where the text names none."""
    read = convert(column.where(column != "", None).astype("str"), "day").values
    days = pd.to_datetime(read.astype("object"), format="%Y-%m-%d", errors="coerce")
    return np.where(days.isna(), np.nan, days.astype("datetime64[s]").astype("int64") / 86_400).astype(np.float64)


# ---------------------------------------------------------------- whose they are


def _members(
    sessions: pd.DataFrame, enrolments: pd.DataFrame, clients: pd.DataFrame | None
) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """A number for the member of each session and of each enrolment, and whether the latter's had to be guessed.

    An address of an enrolment that nobody has today is taken for the one that has the same name before the @, where
    exactly one has: people change their provider, not their name.
    """
    mine, theirs = _column(sessions, "client_email").str.casefold(), _column(enrolments, "client_email").str.casefold()
    known = set(mine[mine != ""]) | (set(_column(clients, "email").str.casefold()) if clients is not None else set())
    stems: dict[str, list[str]] = {}
    for address in sorted(known - {""}):
        stems.setdefault(_stem(address), []).append(address)
    today = {address: stems[_stem(address)][0] for address in set(theirs) - known if len(stems.get(_stem(address), ())) == 1}
    guessed = theirs.isin(list(today)).to_numpy()
    codes = _codes_of(pd.concat([mine, theirs.replace(today)], ignore_index=True))
    return codes[: len(mine)], codes[len(mine) :], guessed


def _codes_of(column: pd.Series) -> Ints:
    return pd.factorize(column.where(column != "", None))[0].astype(np.int64)


def _stem(address: str) -> str:
    return address.partition("@")[0].split("+")[0]


def _bought(holder: Ints, cores: list[str], tiers: list[str]) -> Ints:
    """A number for each enrolment; those of one member, package and tier share it."""
    bought = pd.DataFrame({"who": holder, "package": cores, "tier": tiers})
    number = bought.groupby(["who", "package", "tier"], sort=False).ngroup()
    return np.asarray(number, dtype=np.int64)


def _pairs(member: Ints, holder: Ints) -> tuple[Ints, Ints]:
    """Every session with every enrolment of its member."""
    left = pd.DataFrame({"who": member, "session": np.arange(len(member))})
    right = pd.DataFrame({"who": holder, "enrolment": np.arange(len(holder))})
    both = left[left["who"] >= 0].merge(right, on="who")
    return both["session"].to_numpy(dtype=np.int64), both["enrolment"].to_numpy(dtype=np.int64)


def _chains(sessions: pd.DataFrame) -> Ints:
    """Sessions of one member that belong to one series, or of which one took the place of the other.

    A group's series is the group's: it says nothing of how its members pay.
    """
    member = _column(sessions, "client_email").str.casefold()
    series = _column(sessions, "series_id").where(_column(sessions, "type").str.casefold() != "group", "")
    number = _column(sessions, "session_id")
    start, moved = (member + "\n" + number).to_list(), (member + "\n" + _column(sessions, "rescheduled_from")).to_list()
    parent = {name: name for name in start}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    heads: dict[str, str] = {}
    for name, before, who, group in zip(start, moved, member, series, strict=True):
        if before in parent:
            parent[root(name)] = root(before)
        if group:
            parent[root(name)] = root(heads.setdefault(f"{who}\n{group}", name))
    return pd.factorize(pd.Series([root(name) for name in start], dtype="object"))[0].astype(np.int64)


# ---------------------------------------------------------------- when


def _spans(enrolments: pd.DataFrame, validity: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """First and last day of each enrolment, and whether it states no end; so one, and one that ends before it begins,
    lasts as its package does."""
    first, last = _days(_column(enrolments, "enrolled_on")), _days(_column(enrolments, "expires_on"))
    return first, np.where(last >= first, last, first + validity), np.isnan(last)


def _fitting(on: Floats, first: Floats, last: Floats, endless: npt.NDArray[np.bool_], enrolment: Ints) -> Floats:
    """1 inside the dates of an enrolment, less outside by every day, 0 far away or without a day."""
    early, late = first[enrolment] - on, on - last[enrolment]
    factor = np.where(early > 0, 0.04 * np.exp(-early / 5), np.where(late > 0, 0.05 * np.exp(-late / 7), 1.0))
    over = np.where(endless[enrolment], ENDLESS, np.where(late > LATE, 0.0, factor))
    factor = np.where(late > 0, over, factor)
    return np.where((early > EARLY) | np.isnan(early) | np.isnan(late), 0.0, factor)


def _later(session: Ints, package: Ints, enrolment: Ints, first: Floats) -> npt.NDArray[np.bool_]:
    """True where the session may as well be of an enrolment of the same package that began earlier."""
    began = np.where(enrolment >= 0, first[enrolment], np.nan) if len(first) else np.full(len(enrolment), np.nan)
    pairs = pd.DataFrame({"session": session, "package": package, "began": began})
    earliest = pairs.groupby(["session", "package"])["began"].transform("min")
    return (enrolment >= 0) & (pairs["began"] > earliest).to_numpy()


def _stale(session: Ints, enrolment: Ints, first: Floats, chain: Ints, on: Floats) -> npt.NDArray[np.bool_]:
    """True where the session is of a series that did not begin within days of the enrolment."""
    days = pd.DataFrame({"chain": chain, "on": on}).groupby("chain")["on"].agg(["min", "size"])
    begins = days["min"].to_numpy()[chain][session]
    long = (days["size"].to_numpy()[chain] > 1)[session]
    after = begins - (first[enrolment] if len(first) else np.nan)
    return np.asarray(long & (enrolment >= 0) & ((after < -SOON / 2) | (after > SOON)))


# ---------------------------------------------------------------- what they are called


def _split_names(column: pd.Series) -> tuple[list[str], list[str]]:
    """Folded names without the tier in brackets behind them, and that tier."""
    distinct = {
        text: (fold(TIER.sub("", text)), fold(found[1]) if (found := TIER.search(text)) else "") for text in column.unique()
    }
    return [distinct[text][0] for text in column], [distinct[text][1] for text in column]


def _terms(packages: pd.DataFrame | None, cores: list[str], tiers: list[str]) -> tuple[Floats, Floats]:
    """Sessions that each enrolment's package holds, and days that it lasts; infinite where nothing is known."""
    terms: dict[tuple[str, str], tuple[float, float]] = {}
    if packages is not None:
        names, _ = _split_names(_column(packages, "name"))
        counts = pd.to_numeric(_column(packages, "sessions_included"), errors="coerce")
        days = pd.to_numeric(_column(packages, "validity_days"), errors="coerce")
        for name, tier, count, long in zip(names, _column(packages, "tier"), counts, days, strict=True):
            terms[name, fold(tier)] = terms[name, ""] = (float(count), float(long))
    found = [terms.get(key) or terms.get((key[0], ""), (np.nan, np.nan)) for key in zip(cores, tiers, strict=True)]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return np.where(table[:, 0] > 0, table[:, 0], np.inf), np.where(table[:, 1] > 0, table[:, 1], np.inf)


def _naming(
    sessions: pd.DataFrame, session: Ints, enrolment: Ints, cores: list[str], tiers: list[str], packages: pd.DataFrame | None
) -> tuple[Ints, Ints]:
    said, with_tier = _split_names(_column(sessions, "package_name"))
    known = set(cores) | (set(_split_names(_column(packages, "name"))[0]) if packages is not None else set())
    own = np.array([*cores, "\n"], dtype=object)[enrolment]
    tier, text = np.array([*tiers, ""], dtype=object)[enrolment], np.array(said, dtype=object)
    stated, foreign = np.array(with_tier, dtype=object)[session], np.array([name not in known for name in said], dtype=bool)
    other_tier = (stated != "") & (tier != "") & (stated != tier)
    naming = np.select(
        [text[session] == "", foreign[session], (text[session] == own) & other_tier, text[session] == own],
        [NAMES.index("empty"), NAMES.index("unknown"), NAMES.index("tier"), NAMES.index("same")],
        NAMES.index("other"),
    )
    unknown = pd.Series(text).where(pd.Series(foreign & (text != "")), None)
    return naming.astype(np.int64), pd.factorize(unknown)[0].astype(np.int64)


# ---------------------------------------------------------------- who held them, and what they cost


def _coaches(sessions: pd.DataFrame, enrolments: pd.DataFrame, session: Ints, enrolment: Ints) -> Ints:
    mine = _column(sessions, "coach_email").str.casefold().to_numpy(dtype=object)[session]
    theirs = np.array([*_column(enrolments, "coach_email").str.casefold(), ""], dtype=object)[enrolment]
    return np.where((mine == "") | (theirs == ""), 2, (mine == theirs).astype(np.int64)).astype(np.int64)


def _fees(column: pd.Series) -> Ints:
    amount = pd.to_numeric(column.str.replace(r"[^0-9.]", "", regex=True), errors="coerce").to_numpy()
    return np.where(np.isnan(amount), 0, np.where(amount == 0, 1, 2)).astype(np.int64)


def _used(remaining: pd.Series, included: Floats) -> Floats:
    """Sessions used up by the enrolment's own count; NaN where the count cannot be, or there is none."""
    left = pd.to_numeric(remaining, errors="coerce").to_numpy(dtype=np.float64)
    possible = (left >= 0) & (left <= included) & np.isfinite(included)
    return np.where(possible, included - np.where(possible, left, 0), np.nan)
