"""Recipes for values that a person has mapped: options, several options, yes and no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.errors import SpecError
from workbench.recipes.cells import BROKEN_CELLS, EMPTY, Cell, CellRecipe, is_empty, kept, placeholder, refused
from workbench.recipes.texts import split_parts, tidied

YES = ("yes", "y", "true", "t", "1", "1.0", "x", "on", "ja", "oui", "si", "sí", "vrai", "wahr", "verdadero")
NO = ("no", "n", "false", "f", "0", "0.0", "off", "nein", "non", "faux", "falsch", "falso")


def choice(*, mapping: Mapping[str, str] | None = None) -> CellRecipe:
    """The option that the confirmed map gives for the value; a value mapped to "" is left empty on purpose.

    The map is asked before placeholders are: a tier may really be called None. It is asked for the value as it
    stands, then without outer blanks; anything looser would be unconfirmed.
    """
    confirmed = {} if mapping is None else dict(mapping)

    def cell(raw: str) -> Cell:
        option = _looked_up(raw, confirmed)
        if option is None:
            return _nothing_or(raw, "unmapped_value")
        return kept(option) if option else Cell(note="left_empty")

    return cell


def multi_choice(*, separators: Sequence[str] = (";",), mapping: Mapping[str, str] | None = None) -> CellRecipe:
    """The options that the confirmed map gives for the parts of the cell; one unmapped part rejects the cell."""
    confirmed = {} if mapping is None else dict(mapping)

    def cell(raw: str) -> Cell:
        whole = _looked_up(raw, confirmed)
        parts = split_parts(tidied(raw)[0], separators)
        found = [whole] if whole is not None else [_looked_up(part, confirmed) for part in parts]
        if not found or None in found:
            return _nothing_or(raw, "unmapped_value")
        options = list(dict.fromkeys(option for option in found if option))
        note = "repeated_dropped" if len(options) < sum(bool(option) for option in found) else None
        left = "left_empty" if "" in found else None
        return kept(options, note, left) if options else Cell(note=left)

    return cell


def boolean(*, yes: Sequence[str] = YES, no: Sequence[str] = NO) -> CellRecipe:
    """True or false by the words that stand for them, whatever their case."""
    words = {word.casefold(): True for word in yes} | {word.casefold(): False for word in no}
    if len(words) < len({word.casefold() for word in yes}) + len({word.casefold() for word in no}):
        raise SpecError(
            "a word means both yes and no",
            expected="each word in one of the two lists",
            found=", ".join(sorted({w.casefold() for w in yes} & {w.casefold() for w in no})),
            todo="take it out of one of them",
        )

    def cell(raw: str) -> Cell:
        value, note = tidied(raw)
        found = words.get(value.casefold())
        return _nothing_or(raw, "not_a_boolean") if found is None else kept(found, note)

    return cell


def _looked_up(raw: str, confirmed: Mapping[str, str]) -> str | None:
    if raw in confirmed:
        return confirmed[raw]
    return confirmed.get(tidied(raw)[0])


def _nothing_or(raw: str, reason: str) -> Cell:
    if is_empty(raw) or placeholder(raw):
        return EMPTY
    return refused("damaged_by_excel" if raw.strip() in BROKEN_CELLS else reason)
