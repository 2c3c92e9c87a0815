"""Which company names are one company: legal forms folded, spellings compared, domains respected."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from workbench.matching.clusters import RecordProposals, clustered, pair_frame
from workbench.matching.coded import coded
from workbench.matching.folding import fold, pack
from workbench.matching.pairs import candidate_pairs, cells

LONG = {"incorporated": "inc", "limited": "ltd", "corporation": "corp", "company": "co"}
"""Legal forms that have a short and a long word."""

LIKE, TRUE = (0.85, 0.92, 0.955, 0.99), (0.05, 0.2, 0.7, 0.84)
"""How often names that are spelled so much alike were one company's, among 6,000 invented ones (`make bench`)."""

SURE = 0.9
"""From here two names are clustered; what lies below is shown as a pair for a person to judge."""


def company_core(name: str) -> str:
    """The folded name without its legal form: ``Acme GmbH & Co. KG`` and ``ACME`` agree."""
    kept, _ = _parted(name)
    return " ".join(kept[1:] if len(kept) > 1 and kept[0] == "the" else kept)


def legal_form(name: str) -> str:
    """The legal form behind a name, written in one way; empty where it has none."""
    return " ".join(LONG.get(word, word) for word in _parted(name)[1] if word != "and")


def _parted(name: str) -> tuple[list[str], list[str]]:
    words = fold(name.replace(".", "").replace("&", " and ").replace("+", " and ")).split()
    legal = set(pack("people")["legal"].split())
    kept, form = list(words), list[str]()
    while len(kept) > 1 and (kept[-1] in legal or (kept[-1] == "and" and len(kept) > 2)):
        form.insert(0, kept.pop())
    return kept, form


def match_companies(names: pd.Series, *, domains: pd.Series | None = None) -> RecordProposals:
    """Propose which names are one company; left, right and key are labels of the index of ``names``.

    Names that are equal but for case, punctuation and a legal form that one of them lacks are sure, as are like names
    with one domain. Companies with different domains or two legal forms are never sure, nor are names that only look
    alike: such a pair is shown with how seldom it is one company. Where ``domains`` are
    given they share the index of ``names``.
    """
    cores = names.dropna().astype("str").map(company_core)
    cores = cores[cores != ""]
    hosts = _hosts(domains, cores)
    keys = [cores, cores.str.replace(" ", ""), cores.str.split().str[0].str[:4] + cores.str.len().floordiv(6).astype("str")]
    keys += [cores.map(lambda core: " ".join(sorted(core.split()))), hosts, cores.str[:6]]
    left, right = candidate_pairs([coded(key).codes for key in keys], largest=80)
    pairs = pd.DataFrame({"left": left, "right": right, "confidence": 0.0, "reasons": "", "shown": False})
    one, other = cores.to_numpy(dtype=object)[left], cores.to_numpy(dtype=object)[right]
    pairs["alike"] = process.cpdist(one, other, scorer=fuzz.ratio) / 100
    pairs["ordered"] = process.cpdist(one, other, scorer=fuzz.token_sort_ratio) / 100
    form = names.reindex(cores.index).astype("str").map(legal_form).to_numpy(dtype=object)
    pairs["other_form"] = (form[left] != "") & (form[right] != "") & (form[left] != form[right])
    digits = cores.str.findall(r"\d+").str.join(" ").to_numpy(dtype=object)
    pairs["digits"] = digits[left] == digits[right]
    host = cells(hosts)
    both = pd.notna(host[left]) & pd.notna(host[right])
    pairs["same_host"], pairs["other_host"] = both & (host[left] == host[right]), both & (host[left] != host[right])
    judged = _judged(pairs)
    return clustered(pair_frame(judged[judged["shown"]], cores.index), names.index, threshold=SURE)


def _hosts(domains: pd.Series | None, cores: pd.Series) -> pd.Series:
    if domains is None:
        return pd.Series(None, index=cores.index, dtype="str")
    return domains.reindex(cores.index).astype("str").str.strip().str.lower().str.removeprefix("www.").replace("", None)


def _judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rules from the weakest to the surest; the later ones overrule."""
    squashed = pairs["alike"] == 1.0
    like = pairs[["alike", "ordered"]].max(axis=1)
    spelled = pd.Series(np.interp(like, LIKE, TRUE), index=pairs.index)
    rules = (
        (like.ge(0.85) & pairs["digits"], spelled, "names spelled nearly alike"),
        (pairs["same_host"] & like.ge(0.5), 0.8, "one domain, names somewhat alike"),
        (pairs["same_host"] & like.ge(0.8) & pairs["digits"], 0.94, "one domain, names nearly alike"),
        (pairs["ordered"].eq(1.0), 0.86, "the same words in another order"),
        (squashed, 0.95, "the same name but for case, punctuation and legal form"),
        (squashed & pairs["other_form"], 0.25, "the same name but for another legal form"),
        (squashed & pairs["same_host"], 0.99, "the same name and one domain"),
        (pairs["other_host"] & like.ge(0.9), 0.1, "like names, but different domains"),
    )
    for where, confidence, reason in rules:
        pairs.loc[where, "confidence"] = confidence if isinstance(confidence, float) else confidence[where]
        pairs.loc[where, ["reasons", "shown"]] = reason, True
    pairs.loc[pairs["other_host"] & like.lt(0.9), "shown"] = False
    return pairs
