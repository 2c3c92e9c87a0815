"""Values whose option is known: as a person labelled them, and as people write options down; for tests and for figures."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pandas as pd

from workbench.matching.folding import fold
from workbench.matching.values import propose_values

LABELS = Path(__file__).with_suffix(".toml")
GONE = 0.25
"""How often the right option is not offered, so that none is right."""


def labelled(*, blind: bool) -> pd.DataFrame:
    """What is proposed for the labelled values: of the lists that nothing was set on, or of those that figures were set on.

    Columns list, value, option ("" where none is proposed), confidence, reasons and right.
    """
    lists = tomllib.loads(LABELS.read_text(encoding="utf-8"))["list"]
    asked = [each for each in lists if not each.get("seen") and each.get("blind", False) == blind]
    return pd.concat(
        [
            _answers(each["about"], each["options"], {v: told.split("|") for v, told in each["values"].items()})
            for each in asked
        ],
        ignore_index=True,
    )


def written(seed: int) -> pd.DataFrame:
    """What is proposed for options as people write them, with slips and words beside them; some options are not offered."""
    rng, answers = Random(seed), []
    for each in tomllib.loads(LABELS.read_text(encoding="utf-8"))["list"]:
        for option in each["options"]:
            offered = [other for other in each["options"] if other != option or rng.random() >= GONE]
            told = {value: [_meant(value, right, offered)] for value, right in _writings(rng, option, offered)}
            answers.append(_answers(each["about"], offered, told))
    return pd.concat(answers, ignore_index=True)


def _answers(about: str, options: list[str], told: dict[str, list[str]]) -> pd.DataFrame:
    found = propose_values(pd.Series(list(told), dtype="str"), options).frame
    found = found.assign(list=about, option=found["option"].fillna(""))
    right = [option in told[value] for value, option in zip(found["value"], found["option"], strict=True)]
    return found.assign(right=right)[["list", "value", "option", "confidence", "reasons", "right"]]


def _meant(value: str, right: str, offered: list[str]) -> str:
    """The option that a writing is of, where it is offered; of what was turned round, another that says just that."""
    return next((each for each in offered if fold(each) == fold(value)), right if right in offered else "")


def _writings(rng: Random, option: str, offered: list[str]) -> Iterator[tuple[str, str]]:
    """Two ways to write an option, each with what it is: a spelling, a slip, a word beside it, or what turns it round."""
    opposite = any(fold(option).replace(" ", "") in fold(each).replace(" ", "") for each in offered if each != option)
    spelled = [option.upper(), option.lower(), option.replace(" ", "_"), option.replace(" ", ""), f" {option} "]
    beside = [f"{option} (old)", f"{option} - EU", f"Our {option}", f"{option} now"]
    turned = [f"Not {option}", f"Former {option}", f"Non-{option.lower()}"]
    yield rng.choice(spelled), option
    draw = rng.random()
    if draw < 0.4 and len(option) > 4:
        yield _slip(rng, option), option
    elif draw < 0.8 or opposite:
        yield rng.choice(beside), option
    else:
        yield rng.choice(turned), ""


def _slip(rng: Random, text: str) -> str:
    """One letter left out, doubled, or changed with the next."""
    place = rng.randrange(1, len(text) - 1)
    before, here, following = text[:place], text[place], text[place + 1 :]
    return rng.choice([before + following, before + here + here + following, before + following[:1] + here + following[1:]])
