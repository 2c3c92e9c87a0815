"""Reviews of the sample's customers: one row for each site, of which the largest stands on the contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sample_exports.promio_rows import MAIN_ENDS, Row, Size, Verdict, share

COLUMNS = (
    "Customer ID", "Reputation Score", "Primary Review Site", "Review Link", "Average Rating", "Review Count", "Last Review",
)  # fmt: skip
SITES = {
    "Google": "https://www.google.com/maps/place/",
    "Yelp": "https://www.yelp.com/biz/",
    "Facebook": "https://www.facebook.com/",
    "BBB": "https://www.bbb.org/profile/",
    "Angi": "https://www.angi.com/companylist/",
}


@dataclass(frozen=True)
class _Entry:
    customer: str
    record: str  # empty where there is no such contact
    site: str
    count: int
    kind: str = ""


def reputation_rows(rng: Random, customers: Sequence[Row], size: Size) -> list[Row]:
    """The rows of reputation.csv, in an order that says nothing."""
    entries = _entries(rng, customers, size.reputation)
    rng.shuffle(entries)
    winners = _winners(entries)
    commas = set(rng.sample(range(len(entries)), share(size.reputation, 20 / 2050, least=2)))
    bare = set(rng.sample(range(len(entries)), share(size.reputation, 0.04, least=2)))
    naked = set(rng.sample(range(len(entries)), share(size.reputation, 0.01, least=2)))
    return [
        _row(rng, entry, wins=entry in winners, comma=i in commas, bare_link=i in bare, naked_id=i in naked)
        for i, entry in enumerate(entries)
    ]


def _entries(rng: Random, customers: Sequence[Row], total: int) -> list[_Entry]:
    """About one row a customer; some have several sites, some a tie, some are nobody's."""
    distinct = list({row.key: row for row in customers if row.record}.values())
    entries = [
        _Entry(f"C-9{number:04d}", "", "Google", rng.randint(1, 90), "unknown_customer")
        for number in range(700, 700 + share(total, 0.01, least=2))
    ]
    outcast = next(row for row in customers if not row.record)
    entries.append(_Entry(outcast.key, "", "Yelp", 3, "customer_excluded"))
    several, ties = share(total, 0.07, least=6), share(total, 0.003, least=1)
    rng.shuffle(distinct)
    for position, row in enumerate(distinct):
        if len(entries) >= total:
            break
        count = 3 if position == 0 else 2 if position < several else 1
        sites, counts = rng.sample(list(SITES), count), rng.sample(range(2, 400), count)
        tied = 0 < position <= ties
        counts = [counts[0]] * count if tied else counts
        kind = "tied_sites" if tied else "several_sites" if count > 1 else ""
        room = total - len(entries)
        entries += [_Entry(row.key, row.record, *pair, kind) for pair in list(zip(sites, counts, strict=True))[:room]]
    return entries


def _winners(entries: Sequence[_Entry]) -> set[_Entry]:
    best: dict[str, _Entry] = {}
    for entry in entries:
        held = best.get(entry.record)
        if entry.record and (held is None or (entry.count, entry.site) > (held.count, held.site)):
            best[entry.record] = entry
    return set(best.values())


def _row(rng: Random, entry: _Entry, *, wins: bool, comma: bool, bare_link: bool, naked_id: bool) -> Row:
    score = f"{rng.randint(21, 50) / 10:.1f}"
    last = MAIN_ENDS - timedelta(days=rng.randint(0, 700))
    link = f"{SITES[entry.site]}{entry.customer.lower()}"
    missing = not comma and rng.random() < 0.05
    cells = {
        "Customer ID": entry.customer.removeprefix("C-") if naked_id else entry.customer,
        "Reputation Score": "n/a" if missing else score.replace(".", ",") if comma else score,
        "Primary Review Site": entry.site,
        "Review Link": link.removeprefix("https://") if bare_link else link,
        "Average Rating": f"{rng.randint(10, 50) / 10:.1f}",
        "Review Count": str(entry.count),
        "Last Review": f"{last:%d.%m.%Y}",
    }
    dirt = [
        (entry.kind and "Customer ID", entry.kind),
        ("Reputation Score", "decimal_comma" if comma else "placeholder" if missing else ""),
        ("Review Link", "link_without_scheme" if bare_link else ""),
        ("Customer ID", "id_without_prefix" if naked_id else ""),
    ]
    verdict = Verdict("excluded", "site_with_fewer_reviews")
    if not entry.record:
        verdict = Verdict("rejected", "no_customer_for_reputation")
    elif wins:
        verdict = Verdict("merged", "attached", entry.record)
    values = {"primary_review_site__c": entry.site, "review_link__c": link}
    values |= {} if comma or missing else {"reputation_score__c": score}
    return Row(
        key=f"{entry.customer}|{entry.site}",
        cells=cells,
        verdicts={"reputation": verdict},
        values={"reputation": values if wins else {}},
        dirt=tuple((column, kind) for column, kind in dirt if kind),
        aside=(("reputation", "Reputation Score", "decimal_mark_differs"),) if comma and wins else (),
    )
