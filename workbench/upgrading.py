"""Newer templates for an engagement that is under way: our cells follow theirs, and what the consultant wrote stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import nbformat

from workbench.clock import now
from workbench.engagement import Engagement
from workbench.rendering import RECORD, STEMS, digest, node, read_notebook, rendered, tags_of, write_notebook, write_start

__all__ = ["Upgrade", "upgrade"]

Cell = nbformat.NotebookNode

BOTH = (
    "**Changed on both sides.** You had edited the next cell, and the newer template changes it too. Yours stands, and runs as "
    "you had left it. The template's does not run; it is this:\n\n````{language}\n{source}\n````\n\n"
    "Take over from it what you want, then delete this note."
)
GONE = (
    "**No longer in the template.** You had edited the next cell, so it stays. "
    "Delete it where it is not wanted, and this note with it."
)
NOTE = "upgrade"
"""The tag of such a note."""
START = -1  # before the first cell
WIDTH = 100
ALIKE = 0.5
"""From this likeness on, of 1, a cell is an older one that was changed; of two in one template half have less than 0.4."""


@dataclass(frozen=True)
class Upgrade:
    """What a newer template makes of one notebook; each cell by its first line."""

    stem: str
    path: Path
    backup: Path | None = None  # the notebook as it was, beside it; none where nothing was written over
    added: tuple[str, ...] = ()  # by the template
    changed: tuple[str, ...] = ()  # by the template alone
    dropped: tuple[str, ...] = ()  # by the template, and never edited
    both: tuple[str, ...] = ()  # edited by the consultant, and changed or dropped by the template
    kept: tuple[str, ...] = ()  # written by the consultant, or edited where the template is the same as ever
    left_out: tuple[str, ...] = ()  # deleted by the consultant, where the template is the same as ever

    @property
    def needed(self) -> bool:
        """Whether there is anything to bring into the notebook."""
        return bool(self.added or self.changed or self.dropped or self.both)

    def text(self) -> str:
        """What becomes of the notebook, one line a cell."""
        if not self.needed:
            return f"{self.stem}: up to date"
        parts = (
            (self.added, "+", "added"),
            (self.changed, "~", "changed"),
            (self.dropped, "-", "dropped"),
            (self.both, "!", "changed on both sides: yours stands, look at the note above it"),
            (self.kept, "=", "yours and kept"),
            (self.left_out, "·", "left out, as you had"),
        )
        counted = ", ".join(f"{len(cells)} {words}" for cells, _, words in parts if cells)
        before = [f"  as it was: {self.backup.name}"] if self.backup else []
        lines = [f"  {sign} {cell}" for cells, sign, _ in parts for cell in cells]
        return "\n".join([f"{self.stem}: {counted}", *lines, *before])


def upgrade(engagement: Engagement, *, write: bool = True) -> list[Upgrade]:
    """Bring the ten notebooks up to the templates of today, and say of each what became of it.

    A cell of ours that nobody edited follows its template, its tags too. What the consultant wrote stays where it stood,
    and so does an edited cell; where its template has changed as well, a note above it shows what that says now, and
    only the consultant's runs. A notebook that changes is kept as it was, beside it. EditError where one cannot
    be read; none is written then. Without `write` it is only told.
    """
    folder = engagement.root / "notebooks"
    merged = [_merged(engagement, folder / f"{stem}.ipynb") for stem in STEMS]
    if not write:
        return [told for told, _ in merged]
    folder.mkdir(exist_ok=True)
    stamp = re.sub(r"[-:.]", "", now()[:26])
    done = [_written(told, notebook, stamp) for told, notebook in merged]
    write_start(engagement)
    if changed := [told.stem for told in done if told.needed]:
        engagement.journal.append("upgraded", subject="notebooks", detail={"notebooks": changed})
    return done


def _merged(engagement: Engagement, path: Path) -> tuple[Upgrade, nbformat.NotebookNode | None]:
    """What becomes of one notebook, and the notebook to write; none where the one that is there will do."""
    new = rendered(engagement, path.stem)
    if not path.exists():
        return Upgrade(path.stem, path, added=tuple(_first_line(cell) for cell in new.cells)), new
    there = read_notebook(path)
    merge = _Merge(there, new.cells, stem=path.stem)
    merge.run()
    told = merge.told(path)
    there["cells"] = merge.cells
    there["metadata"][RECORD] = new.metadata[RECORD]
    return told, there if told.needed else None


def _written(told: Upgrade, notebook: nbformat.NotebookNode | None, stamp: str) -> Upgrade:
    if notebook is None:
        return told
    backup = told.path.with_name(f"{told.stem}.before-{stamp}.ipynb") if told.path.exists() else None
    if backup is not None:
        with backup.open("xb") as kept:
            kept.write(told.path.read_bytes())
    write_notebook(notebook, told.path)
    return replace(told, backup=backup)


@dataclass(frozen=True)
class _Alignment:
    """Where the cells of the older template, by position, are in the newer one."""

    places: Mapping[int, int]  # the cell that has taken its place, or behind which it would stand
    same: frozenset[int]  # those that say what they said
    gone: frozenset[int]  # those whose place nothing has taken


class _Merge:
    """The cells that are there and those of the newer template, on their way into one notebook."""

    def __init__(self, there: nbformat.NotebookNode, new: Sequence[Cell], *, stem: str) -> None:
        self.cells: list[Cell] = []
        self._found: dict[str, list[str]] = {}
        self._new = new
        self._ids = {str(cell.id) for cell in new}
        made_of = there.metadata.get(RECORD, {})
        record = list(made_of.get("template", ()))
        self._tagged = list(made_of.get("tags", ()))  # none in a record from before tags were kept
        self._ours, self._own = _sorted_out(there.cells, stem, known=len(record) or None)
        # Without a record nobody knows what the cells said at first: what is not in the template now counts as edited.
        last = max(self._ours, default=-1)
        self._base = record or [digest(self._ours[n]) if n in self._ours else "" for n in range(last + 1)]
        self._sure = bool(record)
        self._aligned = _alignment(self._base, new, self._ours)

    def run(self) -> None:
        """Fill `cells`, in the order of the template, and remember what became of which."""
        stays = {self._aligned.places[position]: position for position in self._aligned.same}
        self._below(START)
        for place, cell in enumerate(self._new):
            if place in stays:
                self._stay(stays[place], cell)
            else:
                self._come(place, cell)
            self._below(place)

    def told(self, path: Path) -> Upgrade:
        """What has become of the cells of the notebook at this path."""
        names = ("added", "changed", "dropped", "both", "kept", "left_out")
        added, changed, dropped, both, kept, left_out = (tuple(self._found.get(name, ())) for name in names)
        return Upgrade(path.stem, path, None, added, changed, dropped, both, kept, left_out)

    def _stay(self, position: int, cell: Cell) -> None:
        """A cell that says the same in both templates: as the consultant has it, or left out as they have."""
        mine = self._ours.get(position)
        if mine is None:
            self._tell("left_out", cell)
            return
        before = tags_of(mine)
        self._tag(mine, position, cell)
        if tags_of(mine) != before:
            self._tell("changed", mine, more=f" (tags: {', '.join(tags_of(mine)) or 'none'})")
        elif digest(mine) != digest(cell):
            self._tell("kept", mine)
        self.cells.append(_named(mine, str(cell.id)))

    def _come(self, place: int, cell: Cell) -> None:
        """A cell that is new, or that takes the place of one that was there; not that of one which was edited."""
        before = [n for n in self._replaced(place) if n not in self._aligned.gone]
        if not any(self._edited(n, place) for n in before):
            self._tell("changed" if before else "added", cell)
            self.cells.append(cell)

    def _tag(self, mine: Cell, position: int, cell: Cell) -> None:
        """Give and take the tags that the template gives and takes; those of the consultant stay."""
        once = list(self._tagged[position]) if position < len(self._tagged) else []
        has, wanted = tags_of(mine), tags_of(cell)
        kept = [tag for tag in has if tag in wanted or tag not in once]
        tags = [*kept, *(tag for tag in wanted if tag not in kept and tag not in once)]
        if tags:
            mine["metadata"]["tags"] = tags
        else:
            mine["metadata"].pop("tags", None)

    def _below(self, place: int) -> None:
        """What comes behind a place of the template: what was edited there, and what the consultant wrote."""
        if place == START:
            self._add_own(START)
        for position in sorted(n for n, its in self._aligned.places.items() if its == place and n in self._ours):
            if position not in self._aligned.same:
                self._keep_edited(position, place)
            self._add_own(position)

    def _add_own(self, position: int) -> None:
        for cell in self._own.get(position, ()):
            if not _is_note(cell):
                self._tell("kept", cell)
            self.cells.append(self._apart(cell, str(cell.id)))

    def _keep_edited(self, position: int, place: int) -> None:
        mine, gone = self._ours[position], position in self._aligned.gone
        if not self._edited(position, place):
            if gone:
                self._tell("dropped", mine)
            return
        self._tell("both", mine)
        if gone:
            self.cells += [self._noted(GONE), self._apart(mine, f"yours-{digest(mine)}")]
            return
        cell = self._new[place]
        if self.cells and _is_note(self.cells[-1]):
            self.cells.pop()  # what an earlier upgrade said of the same cell
        self._tag(mine, position, cell)
        self.cells += [self._noted(_both(cell)), _named(mine, str(cell.id))]

    def _noted(self, text: str) -> Cell:
        note = node({"cell_type": "markdown", "metadata": {"tags": [NOTE]}, "source": text})
        return self._apart(note, f"note-{digest(note)}")

    def _replaced(self, place: int) -> list[int]:
        behind = [n for n, its in self._aligned.places.items() if its == place and n in self._ours]
        return [n for n in behind if n not in self._aligned.same]

    def _edited(self, position: int, place: int) -> bool:
        """Whether the consultant changed a cell of ours into what is not the newer template's either."""
        says = digest(self._ours[position])
        followed = position not in self._aligned.gone and says == digest(self._new[place])
        return not followed and not (self._sure and says == self._base[position])

    def _tell(self, name: str, cell: Cell, *, more: str = "") -> None:
        self._found.setdefault(name, []).append(_first_line(cell) + more)

    def _apart(self, cell: Cell, wanted: str) -> Cell:
        """The cell under this id, or under one like it that no other cell bears."""
        free = next(each for each in (wanted, *(f"{wanted[:50]}-{n}" for n in range(2, 1000))) if each not in self._ids)
        self._ids.add(free)
        return _named(cell, free)


def _both(cell: Cell) -> str:
    """A note with what the newer template says, as text that nothing runs."""
    language = "python" if cell.cell_type == "code" else "markdown"
    return BOTH.format(language=language, source=cell.source)


def _is_note(cell: Cell) -> bool:
    """Whether this is a note of an upgrade that nobody has written into."""
    return NOTE in tags_of(cell) and str(cell.id).startswith(f"note-{digest(cell)}")


def _sorted_out(cells: Sequence[Cell], stem: str, *, known: int | None) -> tuple[dict[int, Cell], dict[int, list[Cell]]]:
    """The cells that came from the template by their position in it; the others by that of the one they stand behind."""
    ours: dict[int, Cell] = {}
    own: dict[int, list[Cell]] = {}
    behind = START
    for cell in cells:
        found = re.fullmatch(rf"{stem}-(\d{{3}})", str(cell.get("id", "")))
        position = int(found[1]) if found else START
        if found and position not in ours and (known is None or position < known):
            ours[position], behind = cell, position
        else:
            own.setdefault(behind, []).append(cell)
    return ours, own


def _alignment(base: Sequence[str], new: Sequence[Cell], ours: Mapping[int, Cell]) -> _Alignment:
    places: dict[int, int] = {}
    same: set[int] = set()
    gone: set[int] = set()
    matcher = SequenceMatcher(None, list(base), [digest(cell) for cell in new], autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        equal = {position: begin + position - first for position in range(first, last)} if kind == "equal" else {}
        taken = equal or _pairs({n: ours[n] for n in range(first, last) if n in ours}, new, range(begin, end))
        behind = begin - 1
        for position in range(first, last):
            places[position] = behind = taken.get(position, behind)
        same.update(equal)
        gone.update(set(range(first, last)) - set(taken))
    return _Alignment(places, frozenset(same), frozenset(gone))


def _pairs(old: Mapping[int, Cell], new: Sequence[Cell], places: range) -> dict[int, int]:
    """Which cell has become which: the likest first, none twice, and none past another."""
    likeness = {(n, place): _likeness(cell, new[place]) for n, cell in old.items() for place in places}
    pairs: dict[int, int] = {}
    for n, place in sorted(likeness, key=lambda pair: -likeness[pair]):
        fits = all((n < other) == (place < its) and n != other and place != its for other, its in pairs.items())
        if fits and likeness[n, place] >= ALIKE:
            pairs[n] = place
    return pairs


def _likeness(one: Cell, other: Cell) -> float:
    if one.cell_type != other.cell_type:
        return 0.0
    return SequenceMatcher(None, str(one.source), str(other.source)).ratio()


def _named(cell: Cell, name: str) -> Cell:
    cell["id"] = name
    return cell


def _first_line(cell: Cell) -> str:
    lines = [line for line in str(cell.source).splitlines() if line.strip()]
    first = lines[0].strip() if lines else "(empty)"
    return first if len(first) <= WIDTH else f"{first[: WIDTH - 1]}…"
