"""The phase notebooks as their templates make them, and how a notebook is read and written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from workbench.engagement import PHASES, Engagement
from workbench.engagement.glance import glance
from workbench.engagement.locking import START_LOCK, held
from workbench.errors import EditError
from workbench.templates import templates_folder

__all__ = [
    "KERNELSPEC",
    "RECORD",
    "START",
    "STEMS",
    "digest",
    "node",
    "read_notebook",
    "render",
    "rendered",
    "tags_of",
    "trust_start",
    "write_notebook",
    "write_start",
]

STEMS = (*(f"{position:02d}_{phase}" for position, phase in enumerate(PHASES, start=1)), "rollback")
"""The ten notebooks by file name; the first nine in the order in which they run."""

START = "start"
"""The notebook that stands above the others, in the engagement's own folder."""
FOLLOWED = "start"
"""The tag of its cell that shows how the engagement stands."""

KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
RECORD = "workbench"
"""Where the metadata of a notebook say what it was rendered from."""


def render(engagement: Engagement, *, overwrite: bool = False) -> list[Path]:
    """Write the ten notebooks and the start page into the engagement, and return the paths of the ten.

    A notebook that is there already stays as the consultant left it, unless `overwrite` says otherwise.
    """
    folder = engagement.root / "notebooks"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{stem}.ipynb" for stem in STEMS]
    for path in paths:
        if overwrite or not path.exists():
            write_notebook(rendered(engagement, path.stem), path)
    write_start(engagement)
    return paths


def write_start(engagement: Engagement) -> Path:
    """Write the start page as things stand now, and return its path; what the consultant added to it stays.

    It is left alone while a kernel keeps it current, so that no second hand writes into an open page, and where it is no
    notebook any more.
    """
    path = engagement.root / f"{START}.ipynb"
    with held(engagement.root / START_LOCK) as free, suppress(EditError):
        if free:
            notebook = read_notebook(path) if path.exists() else rendered(engagement, START)
            for cell in notebook.cells:
                if FOLLOWED in tags_of(cell) and cell.cell_type == "code":
                    cell["outputs"] = [node(_standing(engagement))]
            write_notebook(notebook, path)
    return path


def trust_start(path: Path) -> bool:
    """Let Jupyter draw the start page as it was written; not where it shows anything that is not ours."""
    from nbformat.sign import NotebookNotary  # opens the user's database of signatures

    notebook = read_notebook(path)
    if any(cell.get("outputs") for cell in notebook.cells if FOLLOWED not in tags_of(cell)):
        return False
    notary = NotebookNotary()  # type: ignore[no-untyped-call]
    notary.sign(notebook)  # type: ignore[no-untyped-call]
    notary.store.close()
    return True


def _standing(engagement: Engagement) -> dict[str, object]:
    seen = glance(engagement, base="")
    shown = {"text/html": seen._repr_html_(), "text/plain": repr(seen)}
    return {"output_type": "display_data", "data": shown, "metadata": {}}


def rendered(engagement: Engagement, stem: str) -> nbformat.NotebookNode:
    """One notebook as its template makes it today, with a record of the cells that it was made of."""
    notebook: nbformat.NotebookNode = jupytext.read(templates_folder() / "notebooks" / f"{stem}.py", fmt="py:percent")
    words = {"{customer}": engagement.settings.customer or "the customer", "{route}": engagement.route.title}
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"{stem}-{position:03d}"
        cell["metadata"] = node({name: cell.metadata[name] for name in ("tags", "jupyter") if cell.metadata.get(name)})
        if cell.cell_type == "markdown":
            cell["source"] = _filled(cell.source, words)
    made_of = {
        RECORD: {"template": [digest(cell) for cell in notebook.cells], "tags": [tags_of(cell) for cell in notebook.cells]}
    }
    notebook["metadata"] = node({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}, **made_of})
    return notebook


def digest(cell: nbformat.NotebookNode) -> str:
    """What a cell says, in sixteen signs, whatever it showed when it ran."""
    return sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:16]


def tags_of(cell: nbformat.NotebookNode) -> list[str]:
    """The tags of a cell, in their order."""
    return [str(tag) for tag in cell.metadata.get("tags", ())]


def _filled(text: str, words: Mapping[str, str]) -> str:
    """The text with its few names put in; a customer's name is text here, never Markdown or HTML."""
    for mark, word in words.items():
        plain = "".join(f"\\{sign}" if sign in "\\`*_[]()!#|~$:.@" else sign for sign in escape(word))
        text = text.replace(mark, " ".join(plain.split()))
    return text


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook from its file; EditError where it is none any more."""
    try:
        notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError) as broken:
        raise EditError(
            "this is no notebook any more",
            found=" ".join(str(broken).split())[:200],
            where=str(path),
            todo="take the file away and render or run the notebook again",
        ) from None
    return notebook


def node(content: Mapping[str, Any]) -> nbformat.NotebookNode:
    """The same as nbformat has it."""
    made: nbformat.NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    return made


def _text(notebook: nbformat.NotebookNode) -> str:
    return f"{nbformat.writes(notebook, version=4)}\n"  # type: ignore[no-untyped-call]


def write_notebook(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the file whole or not at all."""
    nbformat.validate(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_text(_text(notebook), encoding="utf-8")
    half.replace(path)
