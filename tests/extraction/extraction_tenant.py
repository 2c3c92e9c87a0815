"""A tenant of Soffront made for a test, its stand-in, and an extraction from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from workbench.destinations import Secret
from workbench.extraction import Extraction, SourceAccount, extract_into
from workbench.rehearsal import Rehearsal, running
from workbench.rehearsal.engine.corruption import flaw_of
from workbench.rehearsal.soffront import PASSWORD, USER

KEY = "developer-key-0123456789"
SIZES = {"accounts": 2500, "deals": 3001, "tickets": 4499, "articles": 500, "renewals": 0}
Scalar = str | int | float | bool


def key_of(name: str) -> str:
    """The field that names a row of an object."""
    return f"{name[:-1].capitalize()}ID"


def make_tenant(folder: Path, sizes: Mapping[str, int]) -> Path:
    """A folder with so many rows of each object."""
    folder.mkdir(parents=True)
    objects = []
    for name, count in sizes.items():
        key = key_of(name)
        named = {"name": key, "type": "int", "required": True}
        fields = [named, {"name": "Name"}, {"name": "ModifiedDate", "type": "datetime"}]
        objects.append({"name": name, "label": name, "key": key, "fields": fields})
        days = [f"2025-01-{n % 28 + 1:02}T10:00:00" for n in range(count)]
        rows = [{key: n, "Name": f"Ä row, {n}", "ModifiedDate": day} for n, day in enumerate(days, 1)]
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    (folder / "objects.json").write_text(json.dumps({"objects": objects}))
    return folder


@contextmanager
def served(
    folder: Path,
    sizes: Mapping[str, int] = SIZES,
    *,
    switches: Mapping[str, str] | None = None,
    faults: Sequence[str] = (),
    scale: float = 60,
    tenant: Path | None = None,
) -> Iterator[Rehearsal]:
    """A stand-in of Soffront over a tenant of these sizes, or over one that is there."""
    path = tenant or make_tenant(folder / "tenant", sizes)
    with running(
        "soffront", state=folder / "state", token=KEY, tenant=path, time_scale=scale, switches=switches, faults=faults, seed=7
    ) as stand_in:
        yield stand_in


def account(stand_in: Rehearsal, *, scale: float = 60, **settings: Scalar) -> SourceAccount:
    """Whoever may read it."""
    return SourceAccount(stand_in.url, Secret(KEY), Secret(USER), Secret(PASSWORD), settings, scale)


def extracted(stand_in: Rehearsal, folder: Path, *, scale: float = 60, **settings: Scalar) -> Extraction:
    """All of it, read into `folder`/exports."""
    return extract_into(folder / "exports", "soffront", account(stand_in, scale=scale, **settings), beside=folder)


def keys_in(folder: Path, name: str) -> list[int]:
    """The keys of the healthy rows of a table, in its order."""
    path = folder / "exports" / f"{name}.ndjson"
    return [int(row[key_of(name)]) for row in healthy(path)] if path.exists() else []


def healthy(path: Path) -> list[dict[str, int]]:
    """The rows of a table that are rows."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "error" not in row:
            found.append(row)
    return found


def corrupt_keys(name: str, count: int, *, share: float, form: str = "mixed") -> set[int]:
    """Which rows of an object the stand-in cannot read."""
    return {n for n in range(1, count + 1) if flaw_of(name, str(n), share=share, form=form)}


def assert_whole(done: Extraction, folder: Path, sizes: Mapping[str, int] = SIZES) -> None:
    """Every row once, and as many as the source counts."""
    for name, count in sizes.items():
        assert sorted(keys_in(folder, name)) == list(range(1, count + 1)), name
    assert not done.frame["closes"].eq(False).any()
    assert done.frame["problem"].eq("").all(), done.frame["problem"].tolist()
