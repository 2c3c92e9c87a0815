"""The phase notebooks: executed headless, and made into pages that need no kernel."""

from __future__ import annotations

import ast
import asyncio
import copy
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from workbench import errors
from workbench.engagement import PHASES, Engagement
from workbench.errors import DecisionMissing, EditError, EngagementError, Rejected, WorkbenchError
from workbench.rendering import KERNELSPEC, STEMS, node, read_notebook, render, write_notebook
from workbench.templates import templates_folder

__all__ = [
    "STEMS",
    "Executed",
    "Progress",
    "execute",
    "normalise",
    "refresh_reference",
    "render",
    "run_all",
    "stem_of",
    "to_html",
    "write_pages",
]

TIMEOUT = 3600
"""Seconds that one cell may take. A client without a limit has been seen to wait for ever for a reply that was lost."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# Asked of the kernel after a cell has failed: the error as it was raised, since its text lists a dozen missing things at most.
ERROR_PARTS = (
    "__import__('json').dumps({name: getattr(__import__('sys').last_value, name, '') for name in "
    "('message', 'expected', 'found', 'where', 'todo', 'words', 'missing')}, default=list)"
)


@dataclass(frozen=True)
class Executed:
    """One notebook that ran to its end."""

    stem: str
    path: Path
    cells: int  # code cells that ran
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a run of several notebooks stands."""

    stem: str
    position: int  # of `stem`, from 1
    count: int
    state: str  # running, passed, failed


def stem_of(phase: str) -> str:
    """The notebook of a phase, by the phase's name or its own; an EditError lists the names there are."""
    for stem in STEMS:
        if phase in (stem, stem.partition("_")[2]):
            return stem
    raise EditError(f"there is no phase {phase!r}", expected=", ".join((*PHASES, "rollback")), found=phase)


# ---------------------------------------------------------------- executing


def execute(engagement: Engagement, stem: str, *, timeout: int = TIMEOUT) -> Executed:
    """Run one notebook in a kernel of its own, with the recorded decisions and nobody to ask.

    What it printed is kept in the engagement's folder `executed` whether it passes or fails. An error of the workbench that
    a cell raised is raised here as the same type; `timeout` is in seconds a cell. Ctrl-C is a KeyboardInterrupt, in the
    kernel first and then here.
    """
    path = engagement.root / "notebooks" / f"{stem}.ipynb"
    if not path.is_file():
        raise EngagementError(
            f"the notebook {stem} is missing",
            where=str(path.parent),
            todo="in Python: workbench.notebooks.render(engagement) writes the missing ones",
        )
    notebook = read_notebook(path)
    out = engagement.root / "executed" / path.name
    raised: list[WorkbenchError] = []
    client = _client(notebook, path, raised, timeout)
    began = time.monotonic()
    try:
        # What a kernel says while it is stopped is of no use to anybody; what a cell prints comes over the wire.
        client.execute(env=_environment(engagement), stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, _Stopped) as stopped:
        if client.stopped:
            raise KeyboardInterrupt from None
        raise _reason(stopped, raised, stem, out) from None
    finally:
        write_notebook(_without_widgets(notebook), out)
    if client.stopped:
        raise KeyboardInterrupt
    return Executed(stem, out, client.code_cells_executed, time.monotonic() - began)


class _Stopped(Exception):
    """Somebody pressed Ctrl-C between two cells."""


class _Client(NotebookClient):
    """A client that Ctrl-C stops wherever it stands.

    Its parent takes the signal, stops the kernel and tells nobody: the next notebook, and so a load, would begin all the same.
    """

    stopped = begun = False

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        # Here the parent has just put up its own handler. Outside the main thread there is none to take over.
        with suppress(RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._stop)
        await super().async_start_new_kernel(**kwargs)

    async def go_on(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        self.begun = True
        if self.stopped:
            raise _Stopped

    def _stop(self) -> None:
        self.stopped = True
        pid = getattr(getattr(self.km, "provisioner", None), "pid", None)
        if self.begun and isinstance(pid, int):  # a kernel that still starts would only die of it
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


def _client(notebook: nbformat.NotebookNode, path: Path, raised: list[WorkbenchError], timeout: int) -> _Client:
    async def ask_why(cell: nbformat.NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        assert client.kc is not None  # it has just run a cell
        question = client.kc.execute("", silent=True, store_history=False, user_expressions={"parts": ERROR_PARTS})
        answer = await client.async_wait_for_reply(question)
        raised.extend(_raised(execute_reply["content"], answer))

    client = _Client(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_error=ask_why,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    client.on_cell_start = client.go_on
    return client


def _environment(engagement: Engagement) -> dict[str, str]:
    return {
        **os.environ,
        "WORKBENCH_ENGAGEMENT": str(engagement.root),
        "WORKBENCH_HEADLESS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _raised(reply: Mapping[str, Any], answer: Mapping[str, Any] | None) -> list[WorkbenchError]:
    """The error that the kernel holds, as the type it has here; nothing where it is none of ours."""
    kind = getattr(errors, str(reply.get("ename", "")), None)
    text = ((answer or {}).get("content", {}).get("user_expressions", {}).get("parts", {}).get("data", {})).get("text/plain")
    if not (isinstance(kind, type) and issubclass(kind, WorkbenchError)) or not text:
        return []
    return [_rebuilt(kind, json.loads(ast.literal_eval(text)))]


def _rebuilt(kind: type[WorkbenchError], parts: Mapping[str, Any]) -> WorkbenchError:
    message, where, todo = str(parts["message"]), str(parts["where"]), str(parts["todo"])
    if issubclass(kind, DecisionMissing):
        return kind(message, missing=tuple(parts["missing"]), where=where, todo=todo)
    if issubclass(kind, Rejected):
        return kind(message, words=str(parts["words"]), where=where, todo=todo)
    return kind(message, expected=str(parts["expected"]), found=str(parts["found"]), where=where, todo=todo)


def _reason(stopped: Exception, raised: list[WorkbenchError], stem: str, out: Path) -> WorkbenchError:
    if raised:
        return raised[-1]
    if isinstance(stopped, CellTimeoutError):
        return errors.WaitError(f"a cell of {stem} took too long", where=str(out), todo="run it again with more time")
    if isinstance(stopped, CellExecutionError):
        found = f"{stopped.ename}: {stopped.evalue}"
        return WorkbenchError(f"a cell of {stem} failed", found=found, where=str(out), todo="open the notebook named above")
    return WorkbenchError(f"the kernel of {stem} ended", where=str(out), todo="run it again; it goes on where it stopped")


def run_all(
    engagement: Engagement,
    *,
    first: str | None = None,
    last: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    timeout: int = TIMEOUT,
) -> pd.DataFrame:
    """Execute the phase notebooks in order, from `first` to `last`, and stop with the error of the first that fails.

    The frame has one row a notebook: notebook, phase, state, cells, seconds, path.
    """
    begin = STEMS.index(stem_of(first)) if first else 0
    end = STEMS.index(stem_of(last)) if last else len(PHASES) - 1
    chosen = STEMS[begin : end + 1]
    tell = on_progress or (lambda progress: None)
    done = []
    for position, stem in enumerate(chosen, start=1):
        tell(Progress(stem, position, len(chosen), "running"))
        try:
            done.append(execute(engagement, stem, timeout=timeout))
        except WorkbenchError:
            tell(Progress(stem, position, len(chosen), "failed"))
            raise
        tell(Progress(stem, position, len(chosen), "passed"))
    return _summary(done)


def _summary(done: list[Executed]) -> pd.DataFrame:
    rows = [(one.stem, one.stem.partition("_")[2] or one.stem, "passed", one.cells, one.seconds, str(one.path)) for one in done]
    return pd.DataFrame(rows, columns=["notebook", "phase", "state", "cells", "seconds", "path"])


# ---------------------------------------------------------------- references


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what differs from one run to the next: widget views and state, versions, timings, random ids."""
    plain = _without_widgets(copy.deepcopy(notebook))
    stem = str(plain.cells[0].get("id", "cell")).rpartition("-")[0] if plain.cells else "cell"
    for position, cell in enumerate(plain.cells):
        cell["id"] = f"{stem}-{position:03d}"
        tags = cell.metadata.get("tags")
        cell["metadata"] = node({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output["metadata"] = node({})
    plain["metadata"] = node({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    return plain


def refresh_reference(engagement: Engagement, folder: Path) -> list[Path]:
    """Put every executed notebook of the engagement, normalised, into `folder`; nbval compares against these."""
    written = []
    for stem in STEMS:
        source = engagement.root / "executed" / f"{stem}.ipynb"
        if source.is_file():
            write_notebook(normalise(read_notebook(source)), folder / source.name)
            written.append(folder / source.name)
    if not written:
        raise EngagementError("nothing has been executed yet", where=str(engagement.root), todo="workbench run DIR")
    return written


def _without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


# ---------------------------------------------------------------- pages


def to_html(notebook_path: Path, out: Path, *, customer: str = "", beside: Sequence[str] = ()) -> Path:
    """One page that shows the executed notebook with no kernel, no network, no script and no widget state.

    Its title is the heading of the notebook, with the customer after it. `beside` are the stems of pages in the same
    folder, to which it leads.
    """
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="audit",
        extra_template_basedirs=[str(templates_folder())],
        embed_images=True,
        exclude_anchor_links=True,
        config=Config({"NbConvertBase": {"display_data_priority": DISPLAYED}}),
    )
    notebook = _without_widgets(read_notebook(notebook_path))
    title = " · ".join(filter(None, (_heading(notebook) or notebook_path.stem, customer)))
    pages = [(f"{stem}.html", _short(stem), stem == notebook_path.stem) for stem in beside]
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}, "pages": pages})
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_suffix(".part")
    half.write_text(page, encoding="utf-8")
    half.replace(out)
    return out


def write_pages(engagement: Engagement) -> list[Path]:
    """The page of every executed notebook beside it, so that the package shows them without a kernel; stale ones go."""
    folder = engagement.root / "executed"
    stems = [stem for stem in STEMS if (folder / f"{stem}.ipynb").is_file()]
    for page in folder.glob("*.html"):
        page.unlink()
    customer = engagement.settings.customer
    return [to_html(folder / f"{stem}.ipynb", folder / f"{stem}.html", customer=customer, beside=stems) for stem in stems]


def _heading(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook; empty where it has none."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    lines = (line for text in texts for line in text.splitlines())
    return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "")


def _short(stem: str) -> str:
    """`1 Intake` of `01_intake`, `Rollback` of `rollback`."""
    number, _, phase = stem.rpartition("_")
    return f"{number.lstrip('0')} {phase.capitalize()}".strip()


DISPLAYED = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain"]
