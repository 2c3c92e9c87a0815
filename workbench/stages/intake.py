"""Find out whether we got everything we asked for, and read it so that no line is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.engagement.deliveries import MAIN, REQUEST
from workbench.engagement.locking import folder_lock
from workbench.engagement.phases import INTAKE
from workbench.engagement.waivers import Waiver, waivers_table
from workbench.errors import ExportError, listed
from workbench.flow.decided import withdraw_moved
from workbench.flow.derived import derive, unlisted
from workbench.frames.overlay import said_before
from workbench.frames.select import ROW
from workbench.plain import Shown
from workbench.readers import Export, list_sheets, read_export
from workbench.readers.letters import read_cover_letter, read_request
from workbench.readers.ndjson import FORMATS
from workbench.recipes import convert
from workbench.reports.reasons import explained
from workbench.show import heading, html_table, together
from workbench.specs import Table

__all__ = ["Certificate", "run"]

LETTER = "cover_letter*.txt"
RAW = "raw/"
"""The pages of an extraction as they came, of which its tables are made."""
FILE_TITLES = {"rejected": "unreadable", "stated": "in the letter", "first": "first day", "last": "last day"}
FINDING_TITLES = {
    "table": "table",
    "column": "column",
    "words": "what was found",
    "count": "times",
    "sample": "for example",
    "todo": "what to do",
}


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """What arrived, against what was asked for and what the sender says, and what of it a person let pass."""

    frame: pd.DataFrame  # table, file, rows, rejected, stated, first, last, encoding, problem
    findings: pd.DataFrame  # table, column, code, count, sample
    problems: tuple[str, ...]  # `table/code: words`, each of which may be waived by name; those that nobody has waived
    waived: tuple[Waiver, ...] = ()  # of these files: of a problem each, or of the intake as a whole

    @property
    def certain(self) -> bool:
        """Whether nothing is left that somebody would have to mend or to waive."""
        return not self.problems

    def _repr_html_(self) -> str:
        listed = html_table(pd.DataFrame({"problem": list(self.problems)})) if self.problems else ""
        files = self.frame[self.frame["file"] != ""].rename(columns=FILE_TITLES)
        found = html_table(_graver_first(self.findings), caption="What was found in the files")
        arrived = html_table(files, caption="What arrived") if len(files) else ""
        waived = waivers_table(self.waived, caption="Waived by name, and not mended")
        said = heading(self._said(), good=self.certain)
        return together(said, listed, waived, arrived, found if len(self.findings) else "")

    def _said(self) -> str:
        if self.problems:
            count = f"{len(self.problems)} problems" if len(self.problems) > 1 else "1 problem"
            return f"{count}, and {len(self.waived)} waived" if self.waived else count
        if not len(self.frame):
            return "nothing further was delivered"
        several = "problems are" if len(self.waived) > 1 else "problem is"
        return (
            f"{len(self.waived)} {several} waived, and no other stands"
            if self.waived
            else "everything that was asked for is here"
        )


def _graver_first(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings in words, those about which something can be done before the others."""
    if findings.empty:
        return findings
    told = explained(findings, code="code")
    told = told.assign(sample=told["sample"].astype("str").str.strip()).rename(columns=FINDING_TITLES)
    asks = (told["what to do"] == "").sort_values(kind="stable").index
    return told.loc[asks, list(FINDING_TITLES.values())].reset_index(drop=True)


def run(engagement: Engagement, delivery: str = "main") -> Certificate:
    """Read every file of a delivery, keep its rows with file and line, and compare counts, headers and dates.

    Raises ExportError where the main delivery's folder is missing or empty, EngagementLocked while somebody loads. A
    missing file is a problem, not an error; a later delivery that never came is none either.
    """
    if delivery != "main" and delivery not in engagement.deliveries():
        nothing = pd.DataFrame(columns=["table", "file", "rows", "rejected", "stated", "first", "last", "encoding", "problem"])
        return Certificate(
            frame=nothing, findings=pd.DataFrame(columns=["table", "column", "code", "count", "sample"]), problems=()
        )
    folder = engagement.exports(delivery)
    names = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if not names:
        raise ExportError(
            f"the delivery {delivery!r} has no files",
            expected=", ".join(table.files[0] for table in engagement.source.tables.values()),
            where=str(folder),
            todo="put the files of the vendor into this folder, then run again",
        )
    with folder_lock(engagement.root):  # a load reads what this keeps
        intake = _Intake(engagement, delivery, folder, names)
        for name, table in engagement.source.tables.items():
            intake.take(name, table)
        return intake.certificate()


class _Intake:
    """One delivery on its way in."""

    def __init__(self, engagement: Engagement, delivery: str, folder: Path, names: list[str]) -> None:
        self.engagement, self.delivery, self.folder, self.names = engagement, delivery, folder, names
        letters = [name for name in names if fnmatch(name.lower(), LETTER)]
        self.stated = read_cover_letter(folder / letters[0]) if letters else pd.DataFrame(columns=["file", "sheet", "rows"])
        request = engagement.root / "exports" / "request.json"
        self.request = read_request(request).frame.set_index("table") if request.is_file() else None
        self.tables: dict[str, pd.DataFrame] = {}  # kept once all of them could be read: a file that cannot be changes nothing
        self.read = {REQUEST, RAW, *letters}
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[pd.DataFrame] = []
        self.findings: list[pd.DataFrame] = []
        self.problems: list[str] = []

    def take(self, name: str, table: Table) -> None:
        """Read one table, keep it, and note what is doubtful about it."""
        file = next((each for each in self.names if _of(each, table)), None)
        self.read.add(file or "")
        if file is None or not self._has_sheet(file, table):
            return self._missing(name, table, file)
        export = read_export(self.folder / file, sheet=table.sheet or None)
        frame, renamed = _canonical(export.frame, table)
        # Decisions name a row behind an @, so a row id holds none of its own.
        place = (f"{file}#{table.sheet}" if table.sheet else file).replace("@", "%40")
        start = "" if self.delivery == "main" else f"{self.delivery}/"
        frame.insert(0, ROW, [f"{start}{place}:{line}" for line in export.frame.index])
        problems = self._doubts(name, table, file, frame, export)
        self.tables[name] = frame
        self._keep_rejects(name, f"{start}{place}", export)
        self._keep_findings(name, export, renamed)
        self._line(name, place, export, table, frame, problems)
        self.problems += [f"{name}/{problem}" for problem in problems]
        return None

    def certificate(self) -> Certificate:
        """Keep what was found and close or pass the phase: problems pass only with a waiver of their own."""
        frame = self._keep_tables()
        if unread := self._unread():
            self.problems.append(f"files/unread: nothing reads {listed(unread)}")
        findings = pd.concat(self.findings, ignore_index=True) if self.findings else pd.DataFrame()
        rejects = pd.concat(self.rejects, ignore_index=True)
        for name, kept in (("intake", frame), ("findings", findings), ("rejects", rejects), ("gaps", self._gaps())):
            self.engagement.save(name, kept, delivery=self.delivery)
        standing, waived = self._judged()
        summary = {
            "files": int((frame["file"] != "").sum()),
            "rows": int(frame["rows"].sum()),
            "rejected": int(frame["rejected"].sum()),
        }
        self.engagement.save("problems", pd.DataFrame({"problem": self.problems}, dtype="str"), delivery=self.delivery)
        if self.delivery == MAIN:
            told = {**summary, "waived": [each.subject for each in waived]} if waived else summary
            self.engagement.finish("intake", passed=not standing, reasons=standing, summary=told)
        return Certificate(frame=frame, findings=findings, problems=tuple(standing), waived=waived)

    def _judged(self) -> tuple[list[str], tuple[Waiver, ...]]:
        """The problems that stand, and the waivers that have a bearing here: one lets pass what reads as it did then."""
        waivers = self.engagement.waivers()
        covered = {p: [each for each in waivers if each.lets(p, delivery=self.delivery)] for p in self.problems}
        standing = [problem for problem, found in covered.items() if not found]
        whole = [each for each in waivers if each.covers(INTAKE, "; ".join(standing))] if self.delivery == MAIN else []
        return standing, (*(found[-1] for found in covered.values() if found), *whole)

    def _keep_tables(self) -> pd.DataFrame:
        """Keep what was read, and what the route derives of it; the account of it, one row a table."""
        frame = pd.DataFrame(self.rows)
        for name, table in self.tables.items():
            withdraw_moved(self.engagement, name, table, delivery=self.delivery)
            self.engagement.save(f"tables/{name}", table, delivery=self.delivery)
        read = frame.assign(records=frame["rows"] + frame["rejected"])[["table", "records"]]
        self.engagement.save("rows_read", read, delivery=self.delivery)
        derive(self.engagement, self.delivery)
        return frame

    def _unread(self) -> list[str]:
        """What was delivered and no table takes: a second file of the same table, a file that no list names."""
        places, lost = unlisted(self.engagement, self.delivery, self.folder)
        there = [
            f"{entry.name}/" if entry.is_dir() else entry.name for entry in self.folder.iterdir() if entry.name not in places
        ]
        unread = [name for name in there if name not in self.read and not name.startswith((".", "~$"))]
        return sorted([*unread, *lost])

    def _gaps(self) -> pd.DataFrame:
        """The problems as a letter says them: table, expected, found, ask."""
        rows = [[p.split("/", 1)[0], *_in_words(*p.split("/", 1)[1].split(": ", 1))] for p in self.problems]
        return pd.DataFrame(rows, columns=["table", "expected", "found", "ask"], dtype="str")

    # ------------------------------------------------------------ one table

    def _has_sheet(self, file: str, table: Table) -> bool:
        return not table.sheet or table.sheet in set(list_sheets(self.folder / file)["name"])

    def _missing(self, name: str, table: Table, file: str | None) -> None:
        """Keep an empty table in its place, so that nothing after this has to ask whether it is there."""
        columns = ["_row", *table.column_names()]
        self.tables[name] = pd.DataFrame({c: pd.Series(dtype="str") for c in columns})
        self._keep_rejects(name, "", None)
        promised = file is None and any(_of(each, table) for each in self.stated["file"])
        wanted = promised or ((table.required or self._asked(name) is not None) and self.delivery == MAIN)
        problem = f"missing: {self._lacking(table, file)}" if wanted else ""
        nothing = {"rows": 0, "rejected": 0, "stated": pd.NA, "first": "", "last": "", "encoding": "", "problem": problem}
        self.rows.append({"table": name, "file": "", **nothing})
        if problem:
            self.problems.append(f"{name}/{problem}")

    def _lacking(self, table: Table, file: str | None) -> str:
        what = f"{table.files[0]}#{table.sheet}" if table.sheet else table.files[0]
        if file is None:
            return f"{what} is not among the files, which are {listed(self.names)}"
        return f"{file} has no sheet {table.sheet}, only {listed(list(list_sheets(self.folder / file)['name']))}"

    def _doubts(self, name: str, table: Table, file: str, frame: pd.DataFrame, export: Export) -> list[str]:
        problems = []
        lacking = [c.name for c in table.columns if c.name not in frame.columns]
        # Objects leave out what they do not say, and a table of none says nothing of its columns.
        wanted = lacking if export.report.format not in FORMATS else [n for n in lacking if n in table.key and len(frame)]
        if wanted:
            problems.append("columns: the header lacks " + ", ".join(wanted))
        for column in lacking:
            frame[column] = pd.Series(pd.NA, index=frame.index, dtype="str")
        if export.report.format not in FORMATS:
            self._carry(name, table, frame, lacking)
        stated, found = self._stated(file, table), export.report.rows + export.report.rejected
        # One more is the header, counted by whoever wrote the letter.
        if stated is not None and stated not in (found, found + 1):
            problems.append(f"count: the letter says {stated} rows, the file has {found}")
        asked = self._asked(name)
        first, last = _range(frame, table)
        if asked and self.delivery == "main":
            short = []
            if first and asked[0] and first[:7] > asked[0][:7]:
                short.append(f"asked from {asked[0]}, the first row is of {first}")
            if last and asked[1] and last[:7] < asked[1][:7]:
                short.append(f"asked until {asked[1]}, the last row is of {last}")
            if short:
                problems.append("range: " + "; ".join(short))
        return problems

    def _carry(self, name: str, table: Table, frame: pd.DataFrame, lacking: list[str]) -> None:
        """Let stand what the first delivery said where a later header lacks a column: nobody has thereby emptied it."""
        if self.delivery == MAIN or not self.engagement.has(f"tables/{name}"):
            return
        first = self.engagement.load(f"tables/{name}")
        for column, said in said_before(first, frame, [each for each in lacking if each in first], table).items():
            frame[column] = said

    def _stated(self, file: str, table: Table) -> int | None:
        mine = self.stated[self.stated["file"].str.lower() == file.lower()]
        if (table.sheet and len(mine) > 1) or (mine["sheet"] != "").any():
            mine = mine[mine["sheet"].str.lower().isin(["", table.sheet.lower()])]
            mine = mine[mine["sheet"] != ""] if (mine["sheet"] != "").any() else mine
        return int(mine["rows"].iloc[0]) if len(mine) else None

    def _asked(self, name: str) -> tuple[str, str] | None:
        if self.request is None or name not in self.request.index:
            return None
        return str(self.request.at[name, "first"]), str(self.request.at[name, "last"])

    def _keep_rejects(self, name: str, place: str, export: Export | None) -> None:
        found = export.rejects if export is not None else pd.DataFrame({"line": [], "reason": [], "raw": []})
        rows = [f"{place}:{line}" for line in found["line"]]
        frame = pd.DataFrame(
            {"table": name, "row": rows, "reason": found["reason"].astype("str"), "raw": found["raw"].astype("str")}
        )
        self.rejects.append(frame.astype("str"))

    def _keep_findings(self, name: str, export: Export, renamed: dict[str, str]) -> None:
        findings = export.findings.copy()
        findings.insert(0, "table", name)
        extra = [
            {"table": name, "column": new, "code": "column_renamed", "count": 1, "sample": old} for old, new in renamed.items()
        ]
        self.findings.append(pd.concat([findings, pd.DataFrame(extra, columns=findings.columns)], ignore_index=True))

    def _line(self, name: str, place: str, export: Export, table: Table, frame: pd.DataFrame, problems: Iterable[str]) -> None:
        first, last = _range(frame, table)
        self.rows.append(
            {
                "table": name,
                "file": place,
                "rows": export.report.rows,
                "rejected": export.report.rejected,
                "stated": self._stated(place.split("#")[0], table),
                "first": first,
                "last": last,
                "encoding": export.report.encoding,
                "problem": "; ".join(problems),
            }
        )


def _of(file: str, table: Table) -> bool:
    """Whether a file bears the name of one of the table's."""
    return any(fnmatch(file.lower(), pattern.lower()) for pattern in table.files)


def _in_words(code: str, found: str) -> tuple[str, str, str]:
    """What was expected, what was found, and what we ask for."""
    expected, ask = {
        "missing": ("a file for this table", "please send the file"),
        "columns": ("every column that was asked for", "please export again with these columns"),
        "count": ("as many rows as the letter states", "please say which number is right, and send the rows that are missing"),
        "unread": ("only files that were asked for", "please say what these files are, and whether they are to be migrated"),
        "range": ("rows for the whole period", "please export again, for the whole period"),
    }[code]
    return expected, found, ask


def _canonical(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, dict[str, str]]:
    """The frame under the vendor's usual spellings, and which columns bore another one."""
    usual = {alias.casefold(): column.name for column in table.columns for alias in (column.name, *column.aliases)}
    renamed = {c: usual[c.casefold()] for c in frame.columns if c.casefold() in usual and usual[c.casefold()] != c}
    # One column bears a name: of two that have the same usual one, the second stays the customer's own.
    firsts = dict(zip(reversed(renamed.values()), reversed(renamed), strict=True))
    renamed = {old: new for old, new in renamed.items() if firsts[new] == old and new not in frame.columns}
    if ROW in frame.columns:
        renamed[ROW] = f"{ROW} of the export"  # the name is taken: ours stands beside it
    return frame.rename(columns=renamed).reset_index(drop=True), renamed


def _range(frame: pd.DataFrame, table: Table) -> tuple[str, str]:
    """The first and the last day in the dated column, in the order in which most of it can be read; empty without one."""
    if not table.dated or table.dated not in frame:
        return "", ""
    read = [convert(frame[table.dated], "day", options={"order": order}).values.dropna() for order in ("mdy", "dmy")]
    days = max(read, key=len).astype("str")  # the first of equals
    return (str(days.min()), str(days.max())) if len(days) else ("", "")
