"""Lay down a tenant's rows and files as the extraction would: a table an object, the files, and what became of each."""

from __future__ import annotations

import json
from pathlib import Path

from sample_exports.tenant_files import digest, write_file

MANIFEST = "files.manifest.ndjson"


def make_delivery(tenant: Path, folder: Path, *, largest: int | None = None) -> Path:
    """Write one delivery into a folder, which comes back; files over ``largest`` bytes are left out, and not fetched.

    Rows lie there as the source has them, those that cannot be read among them: the extraction proper would have set
    those aside before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(tenant.glob("*.ndjson")):
        (folder / path.name).write_bytes(path.read_bytes())
    lines = []
    for each in json.loads((tenant / "files.json").read_text(encoding="utf-8"))["files"]:
        left_out = largest is not None and each["sent"] > largest
        lines.append(_fetched(each, folder, there=each["status"] == 200 and not left_out))
    (folder / MANIFEST).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return folder


def _fetched(file: dict[str, str | int], folder: Path, *, there: bool) -> dict[str, object]:
    """One file written, and its line of the manifest; a file that does not come has neither path nor digest."""
    key, size = str(file["id"]), int(file["sent"])
    path = Path("files") / key / str(file["name"])
    if there:
        write_file(folder / path, key, size)
    problem = "" if there and size == file["bytes"] else "size_differs" if there else f"answer_{file['status']}"
    return {
        "id": key,
        "object": "",
        "name": file["name"],
        "path": str(path) if there else "",
        "stated_bytes": file["bytes"],
        "content_type": file["content_type"],
        "problem": "zero_bytes" if there and not size else problem,
        "sha256": digest(key, size) if there else "",
        "bytes": size if there else 0,
    }
