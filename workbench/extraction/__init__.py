"""Read a source through its own API: every page kept as it came, every row once, and its own counts beside ours."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.additions import VARIABLE, module_path
from workbench.destinations import Secret, Wait
from workbench.destinations.limits import SYSTEM, Clock
from workbench.engagement import Engagement
from workbench.engagement.deliveries import check_read
from workbench.errors import EngagementError
from workbench.extraction.accounts import source_account
from workbench.extraction.calling import Caller
from workbench.extraction.checking import look_again
from workbench.extraction.contract import Adapter, Got, Listed, SourceAccount, Target
from workbench.extraction.exporting import fetch_export
from workbench.extraction.files import fetch_files, file_rows
from workbench.extraction.result import Extraction, result_of
from workbench.extraction.shelf import Shelf
from workbench.extraction.tables import build_table, write_quarantine
from workbench.extraction.walking import Crew

__all__ = ["Extraction", "SourceAccount", "extract", "extract_into"]

__path__ = module_path(__path__, "extraction")  # adapters of one's own are modules like ours

RAW = "raw"
WORKERS = 4


def extract(
    engagement: Engagement, *, delivery: str = "main", on_wait: Callable[[Wait], None] = lambda wait: None
) -> Extraction:
    """Read a delivery from the API of the engagement's source into `exports/<delivery>`; a stopped run goes on from there.

    The address and every switch stand under [source] in engagement.toml, the key in $WORKBENCH_SOURCE_KEY. Nothing is
    ever written to the source. Raises EngagementError where the address or the key is missing, WrongKey, and WaitError
    where the source does not answer; what came until then is kept.
    """
    account = source_account(engagement.root, engagement.settings)
    folder = engagement.root / "exports" / check_read(delivery)
    done = extract_into(folder, engagement.source.name, account, beside=engagement.root, on_wait=on_wait)
    told = done.frame[["object", "distinct", "quarantined"]].to_dict("records")
    engagement.journal.append(
        "extracted", subject=delivery, detail={"objects": told, "files": len(done.files), "calls": done.calls}
    )
    return done


def extract_into(
    folder: Path,
    source: str,
    account: SourceAccount,
    *,
    beside: Path | None = None,
    on_wait: Callable[[Wait], None] = lambda wait: None,
    clock: Clock = SYSTEM,
) -> Extraction:
    """The same without an engagement: `raw/` with pages, index and quarantine, one table an object, and `files/`.

    Tables are written when the last page has come, so that a delivery is never read in part.
    """
    adapter = _adapter(source, account, beside)
    begun = clock.monotonic()
    workers = int(account.settings.get("workers", WORKERS))
    caller = Caller(account, adapter, on_wait=on_wait, clock=clock)
    try:
        with Shelf(folder / RAW).open() as shelf:
            objects = _listed(caller, adapter, shelf, _wanted(account))
            Crew(caller, adapter, shelf, workers=workers).walk([each for each in objects if adapter.export(each) is None])
            for listed in objects:
                if (export := adapter.export(listed)) is not None:
                    fetch_export(caller, adapter, shelf, listed, export=export)
            for listed in objects:
                look_again(caller, adapter, shelf, listed)
            cut_off = str(account.settings.get("cut_off", ""))
            tables = [
                build_table(shelf, adapter, listed, folder=folder, counted=_count(shelf, listed), cut_off=cut_off)
                for listed in objects
            ]
            write_quarantine(shelf, tables)
            downloads = adapter.downloads(file_rows(folder, tables, adapter))
            files = fetch_files(caller, shelf, downloads, folder=folder, workers=workers)
            spent = caller.spent().calls
            return result_of(shelf, objects, tables, files, calls=spent, seconds=clock.monotonic() - begun)
    finally:
        caller.close()


def _adapter(source: str, account: SourceAccount, beside: Path | None) -> Adapter:
    name = f"{__name__}.{source}"
    module: Any = import_module(name) if source.isidentifier() and find_spec(name) else None
    if not hasattr(module, "connect"):
        raise EngagementError(
            f"nothing is known of an API of {source}",
            expected=f"extraction/{source}.py with connect, in the package or in a folder that ${VARIABLE} names",
            todo="take its exports as files instead: workbench receive",
        )
    made: Adapter = module.connect(account, beside=beside)
    return made


def _wanted(account: SourceAccount) -> frozenset[str]:
    """The objects that the settings name; empty for all."""
    return frozenset(name.strip() for name in str(account.settings.get("objects", "")).split(",") if name.strip())


def _listed(caller: Caller, adapter: Adapter, shelf: Shelf, wanted: frozenset[str]) -> list[Listed]:
    """The objects, as an earlier run has found them, or as the source lists them now."""
    known = shelf.entries("listed")
    if known and shelf.entries("all listed"):
        adapter.recall(shelf.entries("all listed")[-1].detail["facts"])
        return [_from(entry.detail) for entry in known]

    def ask(asking: Callable[[Secret], Target]) -> Got:
        return caller.ask(asking).got

    found = [(listed, body) for listed, body in adapter.list_objects(ask) if not wanted or listed.name in wanted]
    for listed, body in found:
        detail = {"name": listed.name, "label": listed.label, "key": listed.key, "fields": list(listed.fields)}
        shelf.keep("listed", listed.name, "fields.json", body, detail)
    facts = adapter.learn(ask, [listed for listed, _ in found])
    shelf.note("all listed", "", {"objects": [listed.name for listed, _ in found], "facts": dict(facts)})
    return [listed for listed, _ in found]


def _from(detail: Any) -> Listed:
    return Listed(detail["name"], detail["label"], detail["key"], tuple(detail["fields"]))


def _count(shelf: Shelf, listed: Listed) -> int | None:
    """What the source says of its rows last, be it in an answer to the question or beside a page."""
    counts = [entry.detail["rows"] for entry in shelf.entries("count", listed.name)]
    told = shelf.entries("done", listed.name)[-1].detail["told"]
    known: list[int] = [rows for rows in (told, *counts) if rows is not None]
    return known[-1] if known else None
