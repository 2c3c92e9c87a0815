"""Figures: how often an answer of each confidence is right, component by component, and the duplicate search on a large table.

``make bench`` prints them; ``python -m tests.bench_matching 100000`` takes another number of contacts. Nothing here passes
or fails. ECE is the mean distance between the confidence that is shown and the share that is right, over tenths.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pandas as pd
from faker.providers.person.en_US import Provider

from sample_exports.crowd import Crowd
from sample_exports.promio_people import Company, misspelt, phone_text
from tests.value_truth import labelled, written
from workbench.matching.companies import match_companies
from workbench.matching.records import match_records

ROWS = 100_000
BANDS = [0.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0]
SHORT = {"Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Michael": "Mike", "Jennifer": "Jen", "James": "Jim"}


def main(rows: int = ROWS) -> int:
    """Print the curves, then what the search for duplicates costs."""
    for name, answers in reliability():
        show(name, answers)
    cost(rows)
    return 0


def show(name: str, answers: pd.DataFrame) -> None:
    """Print the curve of one component; the columns are confidence and right."""
    print(f"\n{name}: {len(answers):,} answers, ECE {ece(answers):.3f}")
    band = pd.cut(answers["confidence"], BANDS)
    table = answers.groupby(band, observed=True).agg(
        answers=("right", "size"), shown=("confidence", "mean"), right=("right", "mean")
    )
    print(table.round(3).to_string())


def ece(answers: pd.DataFrame) -> float:
    """Mean distance between what is shown and what is right, over tenths, by answers."""
    tenth = (answers["confidence"] * 10).clip(upper=9.999).astype("int64")
    parts = answers.assign(right=answers["right"].astype("float")).groupby(tenth)[["confidence", "right"]]
    sizes = parts.size()
    return float(((parts.mean()["confidence"] - parts.mean()["right"]).abs() * sizes).sum() / max(sizes.sum(), 1))


def reliability() -> Iterator[tuple[str, pd.DataFrame]]:
    """The answers of each component that has data with a truth here."""
    people = contacts(20_000, seed=3)
    found = match_records(people, key="id", email="email", phone="phone", name="name", company="company").frame
    yield "people, pairs", judged(found, people)
    firms = companies(6_000, seed=3)
    yield (
        "companies, pairs",
        judged(match_companies(firms.set_index("id")["name"], domains=firms.set_index("id")["domain"]).frame, firms),
    )
    bare = match_companies(firms.set_index("id")["name"]).frame
    yield "companies by their spelling alone, pairs", judged(bare, firms)
    for name, answers in (
        ("values, lists that figures were set on", labelled(blind=False)),
        ("values, blind lists", labelled(blind=True)),
        ("values, written by a generator", pd.concat([written(seed) for seed in range(1, 6)])),
    ):
        yield f"{name}, options", answers[answers["option"] != ""]
        yield f"{name}, left empty", answers[answers["option"] == ""]


def judged(pairs: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Confidence of each pair, its reason, and whether its rows are one."""
    whose = rows.set_index("id")["whose"]
    right = whose.reindex(pairs["left"]).to_numpy() == whose.reindex(pairs["right"]).to_numpy()
    return pairs[["confidence", "reasons", "left", "right"]].rename(columns={"right": "other"}).assign(right=right)


def cost(rows: int) -> None:
    """Wall, CPU and memory of the search among so many contacts, and what it finds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contacts.parquet"
        maker = multiprocessing.get_context("spawn").Process(target=_kept, args=(rows, file))
        maker.start()
        maker.join()
        people = pd.read_parquet(file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.monotonic(), time.process_time()
    found = match_records(people, key="id", email="email", phone="phone", name="name", company="company").frame
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = judged(found, people)
    sure = pairs[pairs["confidence"] >= 0.9]
    true = people.groupby("whose").size()
    wanted = int((true * (true - 1) // 2).sum())
    memory = f"peak {peak / 1024:.0f} MB ({before / 1024:.0f} before)"
    print(f"\nmatch_records, {rows:,} contacts: {wall:.1f} s, {cpu:.1f} s CPU, {memory}")
    print(
        f"at 0.9: precision {sure['right'].mean():.4f}, recall {sure['right'].sum() / wanted:.4f}, {len(found):,} pairs shown"
    )


def _kept(rows: int, file: Path) -> None:
    """Contacts as a file: making them takes more memory than the search, so another process does it."""
    contacts(rows, seed=5).to_parquet(file)


# ---------------------------------------------------------------- invented people, of whom some stand twice


def contacts(rows: int, *, seed: int) -> pd.DataFrame:
    """Contacts with namesakes as frequent as names are, 15 % of them rows of somebody who is there already.

    Columns id, name, email, phone, company and whose: the number of the person.
    """
    rng = Random(seed)
    firsts, lasts = weighted(Provider.first_names), weighted(Provider.last_names)
    firms = companies(max(rows // 12, 20), seed=seed, again=0).dropna()
    people: list[dict[str, object]] = []
    while len(people) < rows:
        if people and rng.random() < 0.15:
            people.append(again(rng, people[rng.randrange(len(people))]))
        else:
            people.append(somebody(rng, len(people), firsts, lasts, firms))
    frame = pd.DataFrame(people).drop(columns=["switchboard", "domain"])
    return frame.assign(id=[f"p{n}" for n in range(rows)]).astype(dict.fromkeys(("name", "email", "phone", "company"), "str"))


def weighted(names: OrderedDict[str, float] | Sequence[str]) -> tuple[list[str], list[float]]:
    """Names and how often each is given."""
    return (list(names), list(names.values())) if isinstance(names, dict) else (list(names), [1.0] * len(names))


def somebody(
    rng: Random,
    number: int,
    firsts: tuple[list[str], list[float]],
    lasts: tuple[list[str], list[float]],
    firms: pd.DataFrame,
) -> dict[str, object]:
    """A person who is new: at a company in two of three cases, with a phone of their own or the switchboard's."""
    first, last = rng.choices(*firsts)[0], rng.choices(*lasts)[0]
    place = rng.randrange(len(firms)) if rng.random() < 0.66 else -1
    domain = str(firms["domain"].iloc[place]) if place >= 0 else rng.choice(("mail.example", "inbox.example", "post.test"))
    local = f"{first}.{last}".lower() + (str(number) if rng.random() < 0.5 or place < 0 else "")
    switchboard = f"2125{place:06d}" if place >= 0 else ""
    own = f"{rng.randint(2012000000, 9895559999)}"
    return {
        "name": f"{first} {last}",
        "email": f"{local}@{domain}" if rng.random() < 0.85 else None,
        "phone": (switchboard if switchboard and rng.random() < 0.3 else own) if rng.random() < 0.8 else None,
        "company": str(firms["name"].iloc[place]) if place >= 0 else None,
        "whose": number,
        "switchboard": switchboard,
        "domain": domain,
    }


def again(rng: Random, known: dict[str, object]) -> dict[str, object]:
    """The same person once more, as somebody else would write them down."""
    made = dict(known)
    first, _, last = str(known["name"]).partition(" ")
    draw = rng.random()
    if draw < 0.15:
        made["name"] = f"{first} {misspelt(rng, last)}"
    elif draw < 0.25:
        made["name"] = f"{SHORT.get(first, first[0] + '.')} {last}"
    elif draw < 0.32:
        made["name"] = f"{last}, {first}"
    elif draw < 0.40:
        made["name"] = str(known["name"]).upper()
    if rng.random() < 0.3:
        made["email"] = None if rng.random() < 0.5 else f"{first}{last[0]}{rng.randrange(99)}@inbox.example".lower()
    elif isinstance(known["email"], str) and rng.random() < 0.3:
        made["email"] = known["email"].upper()
    if rng.random() < 0.35:
        made["phone"] = None if rng.random() < 0.5 else (known["switchboard"] or None)
    elif isinstance(known["phone"], str) and known["phone"].isdigit():
        made["phone"] = phone_text(known["phone"], rng.randrange(6))
    if rng.random() < 0.2:
        made["company"] = None
    return made


def companies(rows: int, *, seed: int, again: float = 0.15) -> pd.DataFrame:
    """Companies of which some stand twice, spelt otherwise; columns id, name, domain and whose."""
    crowd, rng = Crowd(seed), Random(seed)
    firms: list[tuple[str, str | None, int]] = []
    drawn: list[Company] = []
    while len(firms) < rows:
        if drawn and rng.random() < again:
            place = rng.randrange(len(drawn))
            name = rng.choice(drawn[place].spellings())
            name = misspelt(rng, name) if rng.random() < 0.3 else name
        else:
            twin = drawn and again and rng.random() < 0.05
            drawn.append(crowd.sound_alike(rng.choice(drawn)) if twin else crowd.company())
            place, name = len(drawn) - 1, drawn[-1].name
        firms.append((name, drawn[place].domain if rng.random() < 0.7 else None, place))
    frame = pd.DataFrame(firms, columns=["name", "domain", "whose"]).astype({"name": "str", "domain": "str"})
    return frame.assign(id=[f"o{n}" for n in range(rows)])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
