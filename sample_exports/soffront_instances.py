"""The same facts under the names of other instances: B renames fields behind the API, C gives files on premise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sample_exports.soffront_rows import OBJECTS
from sample_exports.tenant import Item, Json, ObjectSpec, State, Verdict, lines_of
from sample_exports.tenant_files import write_file
from sample_exports.tenant_truth import ROWS, write_table

B_NAMES: Mapping[str, str] = {
    "AccountName": "Org_Nm", "Owner": "AssignedRep", "Stage": "SalesStep", "CloseDate": "Exp_Close", "Groups": "Segments",
    "CategoryName": "Topic", "ModifiedDate": "LastUpd", "ServiceTier": "Svc_Lvl", "LifecycleStage": "LifeStg",
}  # fmt: skip
C_NAMES: Mapping[str, str] = {
    "AccountName": "COMPANY", "Owner": "SALES_REP_ID", "Stage": "OPP_STATUS", "CloseDate": "EST_CLOSE_DT",
    "Groups": "GRP_CODES", "CategoryName": "KB_CAT", "ModifiedDate": "MOD_TS", "AccountID": "ACCT_ID",
    "ParentAccountID": "PARENT_ACCT_ID", "ContactID": "CONTACT_ID", "DealName": "OPP_NAME", "DealID": "OPP_ID",
}  # fmt: skip
"""Field → its name there; a field that is not listed keeps its name in B, and is spelt in capitals in C."""

FILES: Mapping[str, str] = {
    "users": "USERS", "groups": "GROUPS", "accounts": "ACCOUNT", "contacts": "CONTACT", "deals": "OPPORTUNITY",
    "activities": "ACTIVITY", "tickets": "TICKET", "ticket_messages": "TICKET_MESSAGE", "kb_categories": "KB_CATEGORY",
    "kb_articles": "KB_ARTICLE", "projects": "PROJECT", "project_tasks": "PROJECT_TASK", "InstalledAsset": "INSTALLED_ASSET",
    "Renewal": "RENEWAL",
}  # fmt: skip
MEMO = 4000
"""Characters at which the on-premise export cuts a memo."""

NEWLINE = "\r\n"


def c_name(name: str) -> str:
    """The field as instance C calls it: ``CreatedDate`` is CREATED_DATE."""
    return C_NAMES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def instance_b(state: State) -> tuple[State, tuple[ObjectSpec, ...]]:
    """The state and its metadata as instance B would give them."""
    items = [replace(item, row={B_NAMES.get(name, name): value for name, value in item.row.items()}) for item in state.items]
    objects = tuple(
        replace(each, fields=tuple(replace(one, name=B_NAMES.get(one.name, one.name), label="") for one in each.fields))
        for each in OBJECTS
    )
    return replace(state, folder="tenant-b", items=items), objects


def write_on_premise(out: Path, state: State) -> None:
    """Write instance C: a text file for each table in on-premise/, and where its rows end in expected/on_premise.csv."""
    folder = out / "on-premise"
    folder.mkdir(parents=True, exist_ok=True)
    truth: list[tuple[object, ...]] = []
    for spec in OBJECTS:
        if spec.name not in FILES:
            continue
        items = [item for item, _ in lines_of(state.items) if item.table == spec.name]
        lines, broken = _lines(spec, items)
        blob = NEWLINE.join(lines) + NEWLINE
        (folder / f"{FILES[spec.name]}.txt").write_bytes(blob.encode("cp1252"))
        truth += _truth(spec, items, broken)
    write_table(out / "expected" / "on_premise.csv", ROWS, truth)


def _lines(spec: ObjectSpec, items: Sequence[Item]) -> tuple[list[str], frozenset[int]]:
    """The header and one line a row; one apostrophe in 250 is not doubled, and its row cannot be told apart any more."""
    lines, broken = [";".join(c_name(each.name) for each in spec.fields)], set[int]()
    for number, item in enumerate(items, 1):
        cells = [item.row.get(each.name) for each in spec.fields]
        torn = spec.name == "accounts" and "O'Rourke" in str(item.row.get("AccountName"))
        if torn:
            broken.add(number)
        lines.append(";".join(_cell(cell, torn=torn) for cell in cells))
    return lines, frozenset(broken)


def _cell(value: Json, *, torn: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)[:MEMO]
    return f"'{text}'" if torn else "'" + text.replace("'", "''") + "'"


def _truth(spec: ObjectSpec, items: Sequence[Item], broken: frozenset[int]) -> list[tuple[object, ...]]:
    rows = list[tuple[object, ...]]()
    file = f"{FILES[spec.name]}.txt"
    for number, item in enumerate(items, 1):
        for feed, end in item.verdicts.items():
            now = Verdict("rejected", "broken_quotes") if number in broken else end
            rows.append(("on_premise", feed, file, number + 1, item.key, now.bucket, now.reason, now.record))
    return rows


def make_attach_tree(state: State, folder: Path) -> list[Path]:
    """Write the attachments of instance C as it keeps them: ``ATTACH/<table>/<id>/<name>``; the paths come back."""
    listed = {file.id: file for file in state.files}
    made = []
    for item in state.items:
        if item.table == "attachments" and listed[item.key].status == 200:
            file, table = listed[item.key], str(item.row["ParentObject"])
            place = folder / "ATTACH" / FILES.get(table, table) / str(item.row["ParentID"]) / file.name
            made.append(write_file(place, file.id, file.size if file.sent < 0 else file.sent))
    return made
