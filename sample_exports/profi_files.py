"""Files that clients, sessions, notes and invoices carry: a manifest, what lies beside it, and large ones made when needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from unicodedata import normalize

from sample_exports.profi_calendar import Session
from sample_exports.profi_people import Client, coach_email
from sample_exports.profi_rows import FRESHSALES, MAIN_ENDS, PIPEDRIVE, Size, share
from sample_exports.profi_sessions import Guests
from sample_exports.promio_rows import Row, Verdict

COLUMNS = (
    "path", "file_name", "bytes", "sha256", "content_type", "owner_type", "owner_key", "uploaded_at", "uploaded_by",
)  # fmt: skip
LIMIT = 25 * 1024 * 1024
LARGE = (("at the edge", LIMIT), ("one byte over", LIMIT + 1), ("in decimal megabytes", 25_000_000), ("over", 31_457_280))
"""Files of which only the manifest is kept: what each stands for, and how many bytes it has, all of them zero."""

PIECE = bytes(1 << 20)


@dataclass(frozen=True)
class Listed:
    """A file of the manifest: what lies on the disk, or None, and how many zero bytes it would have if it were made."""

    row: Row
    content: bytes | None = None
    zeros: int = 0


def make_large_files(folder: Path) -> tuple[Path, ...]:
    """Make the large files of a delivery where its manifest says, sparse: they take no room; the paths come back."""
    made = []
    for number, (_, size) in enumerate(LARGE, start=1):
        path = folder / _large_path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            target.truncate(size)
        made.append(path)
    return tuple(made)


def _large_path(number: int) -> str:
    return f"files/large/recording-notes-{number}.pdf"


def digest_of_zeros(size: int) -> str:
    """SHA-256 of so many zero bytes."""
    found = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        found.update(PIECE)
    found.update(bytes(size % len(PIECE)))
    return found.hexdigest()


class FileWriter:
    """Lists files with what is wrong about them."""

    KINDS = (
        "missing", "zero_bytes", "other_bytes", "recording", "slash_in_name", "umlaut_apart", "long_name",
        "same_name", "same_name",
        "owner_unknown", "path_outside",
    )  # fmt: skip

    def __init__(self, rng: Random, guests: Guests, clients: Sequence[Client], sessions: Sequence[Session]) -> None:
        self.rng, self.guests = rng, guests
        self.clients = [client for client in clients if client.kind == "plain"]
        self.all_sessions = sessions
        self.sessions = [each for each in sessions if not each.group and each.seats[0].client and each.status == "completed"]

    def files(self, size: Size, notes: Sequence[Row], invoices: Sequence[Row]) -> list[Listed]:
        """The manifest: every kind of trouble, the large ones, the bills, and then what is just a file."""
        listed = [self._odd(n, kind) for n, kind in enumerate(self.KINDS * share(size.files, 0.002))]
        listed += [self._large(number, *each) for number, each in enumerate(LARGE, start=1)]
        listed += [self._bill(row) for row in invoices if row.cells["pdf"]]
        listed += [self._of_note(row) for row in notes[7::20][:2]]
        listed += self._of_odd_sessions()
        return listed + [self._plain(n) for n in range(size.files - len(listed))]

    # ------------------------------------------------------------ one file

    def _plain(self, n: int) -> Listed:
        client = self.clients[n * 3 % len(self.clients)]
        if n % 3 == 2 and self.sessions:
            session = self.sessions[n * 5 % len(self.sessions)]
            return self._listed(
                f"files/sessions/{session.id}/handout-{n}.txt", f"handout-{n}.txt", self._text(n), "session", session.id
            )
        return self._listed(
            f"files/clients/{client.id}/agreement-{n}.txt", f"agreement-{n}.txt", self._text(n), "client", client.id
        )

    def _of_odd_sessions(self) -> list[Listed]:
        """Files of sessions that an answer of the scope leaves out: of one client, of groups that met or were called off."""
        before = [each for each in self.all_sessions if each.start < MAIN_ENDS and self._of_session(each.id)]
        kinds = {
            "of_session_called_off": [each for each in before if not each.group and each.status == "cancelled"][-1:],
            "of_group": [each for each in before if each.group and each.status == "completed"][:1],
            "of_group_called_off": [each for each in before if each.group and each.status == "cancelled"][:1],
        }
        return [
            self._listed(
                f"files/sessions/{at.id}/{kind}.txt", f"{kind}.txt", self._text(0), "session", at.id, (("path", kind),)
            )
            for kind, found in kinds.items()
            for at in found
        ]

    def _odd(self, n: int, kind: str) -> Listed:
        client = self.clients[n % len(self.clients)]
        path, name, dirt = f"files/clients/{client.id}/{kind}-{n}.txt", f"{kind}-{n}.txt", (("path", kind),)
        match kind:
            case "missing":
                return self._listed(path, name, self._text(n), "client", client.id, dirt, there=False, problem="file_missing")
            case "recording":
                name = f"session-{n}.mp4"
                return self._listed(
                    f"recordings/{name}", name, self._text(n), "client", client.id, dirt, there=False, problem="file_missing"
                )
            case "zero_bytes":
                return self._listed(path, name, b"", "client", client.id, dirt, problem="file_empty")
            case "other_bytes":
                wrong = hashlib.sha256(b"something else").hexdigest()
                return self._listed(path, name, self._text(n), "client", client.id, dirt, digest=wrong, problem="file_differs")
            case "slash_in_name":
                name = "goals 2026/27.txt"
            case "umlaut_apart":
                path, name = f"files/clients/{client.id}/fu\u0308r-{n}.txt", f"fu\u0308r-{n}.txt"
            case "long_name":
                name = "w" * 236 + ".txt"
            case "same_name":
                path, name = f"files/clients/{client.id}/{n}/agreement.txt", "agreement.txt"
            case "owner_unknown":
                return self._listed(path, name, self._text(n), "client", "CL-9999", dirt)
            case "path_outside":
                return self._listed(
                    f"../../outside-{n}.txt",
                    name,
                    self._text(n),
                    "client",
                    client.id,
                    dirt,
                    there=False,
                    problem="file_outside",
                )
        return self._listed(path, name, self._text(n), "client", client.id, dirt)

    def _large(self, number: int, words: str, size: int) -> Listed:
        client, path = self.clients[number], _large_path(number)
        row = self._row(
            path,
            path.rpartition("/")[2],
            size,
            digest_of_zeros(size),
            "client",
            client.id,
            (("bytes", words.replace(" ", "_")),),
        )
        return Listed(_with(row, Verdict("loaded", "", f"files/{path}")), None, size)

    def _bill(self, invoice: Row) -> Listed:
        path, number = str(invoice.cells["pdf"]), str(invoice.cells["invoice_no"])
        there = bool(self.guests.of(str(invoice.cells["client_email"])))
        return self._listed(
            path, path.rpartition("/")[2], b"%PDF-1.4\n% " + number.encode() + b"\n", "invoice", number, known=there
        )

    def _of_note(self, note: Row) -> Listed:
        address = str(note.cells["client_email"])
        loaded = note.verdicts[f"{FRESHSALES}/notes"].bucket == "loaded" and bool(address)
        path = f"files/notes/{note.key}/worksheet.txt"
        return self._listed(path, "worksheet.txt", self._text(7), "note", note.key, known=loaded)

    def _listed(
        self,
        path: str,
        name: str,
        content: bytes,
        owner: str,
        key: str,
        dirt: tuple[tuple[str, str], ...] = (),
        *,
        there: bool = True,
        digest: str = "",
        problem: str = "",
        known: bool = True,
    ) -> Listed:
        row = self._row(path, name, len(content), digest or hashlib.sha256(content).hexdigest(), owner, key, dirt)
        verdict = Verdict("loaded", "", f"files/{normalize('NFC', path)}")
        if problem:
            verdict = Verdict("rejected", problem)
        elif not known or key == "CL-9999" or (owner == "session" and not self._of_session(key)):
            verdict = Verdict("held", "parent_missing")
        return Listed(_with(row, verdict), content if there else None)

    def _of_session(self, key: str) -> bool:
        session = next(each for each in self.all_sessions if each.id == key)
        return any(seat.client is not None and self.guests.of(seat.client.email) for seat in session.seats)

    def _row(
        self, path: str, name: str, size: int, digest: str, owner: str, key: str, dirt: tuple[tuple[str, str], ...]
    ) -> Row:
        cells = {
            "path": path, "file_name": name, "bytes": str(size), "sha256": digest,
            "content_type": {".pdf": "application/pdf", ".mp4": "video/mp4"}.get(name[-4:], "text/plain"),
            "owner_type": owner, "owner_key": key, "uploaded_at": "2026-05-04 11:20",
            "uploaded_by": coach_email("Nora Lindqvist"),
        }  # fmt: skip
        return Row(path, cells, {}, dirt=dirt)

    def _text(self, n: int) -> bytes:
        return f"Northlight, file {n}, {self.rng.randrange(10**6)}\n".encode()


def _with(row: Row, verdict: Verdict) -> Row:
    """The row with where it ends: as a file on both routes, but for large ones, which wait for somebody at Pipedrive."""
    large = verdict.bucket == "loaded" and int(str(row.cells["bytes"])) > LIMIT
    return replace(
        row,
        verdicts={
            f"{FRESHSALES}/files": verdict,
            f"{PIPEDRIVE}/files": Verdict("held", "file_over_limit") if large else verdict,
        },
    )


def write_files(folder: Path, listed: Sequence[Listed]) -> None:
    """The files that lie beside the manifest; the large ones are left to `make_large_files`."""
    for each in listed:
        if each.content is not None:
            # Whoever packed the files wrote their accents otherwise than the manifest does.
            path = folder / normalize("NFC", str(each.row.cells["path"]))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.content)
