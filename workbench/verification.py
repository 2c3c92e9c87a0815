"""Check a migration package: every file, the manifest, its signature, and the chain of the journal.

This file also lies in each package as ``verify.py`` and works alone: it needs Python 3.11 and ``cryptography``.
Run ``python verify.py`` inside the package, or ``python verify.py PACKAGE`` with a folder or a zip.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

__all__ = [
    "ARCHIVE",
    "Chain",
    "Checked",
    "Finding",
    "check",
    "check_chain",
    "entry_hash",
    "entry_line",
    "inside",
    "write_archive",
]

MANIFEST, SIGNATURE, PUBLIC_KEY, JOURNAL = "manifest.json", "manifest.sig", "public-key.pem", "journal.jsonl"
ARCHIVE = "(the archive itself)"
START = "0" * 64
"""What the first entry of a journal names as its previous hash."""
FIELDS = ("n", "at", "who", "what", "subject", "detail", "previous", "hash")
SEAL = re.compile(rb"ed25519 ([0-9a-f]{128})\nsha256 ([0-9a-f]{64})\nkey ([0-9a-f]{64})\n")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Finding:
    """What became of one file since the package was made."""

    file: str
    state: str  # ok, changed, missing or added
    detail: str = ""


@dataclass(frozen=True)
class Chain:
    """How far a journal holds together; `line` is the first that does not, 0 where all do."""

    entries: int
    head: str
    line: int = 0
    reason: str = ""
    torn: bool = False  # only the end of the last line is missing: a write that was cut off

    @property
    def good(self) -> bool:
        return self.line == 0


@dataclass(frozen=True)
class Checked:
    """Every file with its finding, and whose package it says it is."""

    findings: tuple[Finding, ...]
    engagement: str = ""
    fingerprint: str = ""

    @property
    def good(self) -> bool:
        return bool(self.findings) and all(finding.state == "ok" for finding in self.findings)

    @property
    def files(self) -> int:
        """How many files were looked at; the archive around them is none of them."""
        return sum(finding.file != ARCHIVE for finding in self.findings)


# ------------------------------------------------------------------ journal


def entry_hash(entry: Mapping[str, Any]) -> str:
    """SHA-256 over everything in the entry but its hash; the previous hash is part of it, which makes the chain."""
    return hashlib.sha256(_text({name: entry[name] for name in FIELDS if name != "hash"}).encode()).hexdigest()


def entry_line(entry: Mapping[str, Any]) -> bytes:
    """The one way of writing an entry: ASCII, so that line ends and terminal codes in values stay escaped."""
    return _text({name: entry[name] for name in FIELDS}).replace("\x7f", "\\u007f").encode() + b"\n"


def check_chain(lines: Iterable[bytes]) -> Chain:
    """Whether each line follows from the one before it, byte for byte, and the first that does not."""
    count, head = 0, START
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return Chain(count, head, number, "the line is cut short", torn=True)
        entry, reason = _entry(line, number, head)
        if reason:
            return Chain(count, head, number, reason)
        count, head = number, entry["hash"]
    return Chain(count, head)


def _entry(line: bytes, number: int, previous: str) -> tuple[dict[str, Any], str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}, "the line is not JSON"
    if not isinstance(entry, dict) or set(entry) != set(FIELDS):
        return {}, "the line is not a journal entry"
    if entry["n"] != number:
        return entry, f"entry {entry['n']} stands where entry {number} belongs"
    if entry["previous"] != previous:
        return entry, "the entry does not follow from the one before it"
    if entry["hash"] != entry_hash(entry):
        return entry, "the entry was changed: its hash does not fit"
    return entry, "" if entry_line(entry) == line else "the line was rewritten: its bytes are not the ones we write"


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


# ------------------------------------------------------------------ package


def check(path: Path, *, fingerprint: str = "") -> Checked:
    """Every file of a package, a folder or a zip, against its signed manifest.

    `fingerprint` is the one that the consultant told the customer by other means; a package signed anew by somebody
    else fails against it.
    """
    if path.is_dir():
        return _check_files(_Folder(path), fingerprint)
    try:
        with zipfile.ZipFile(path) as archive:
            checked = _check_files(_Zip(archive), fingerprint)
            findings = (*checked.findings, _check_archive(path, archive))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as broken:
        return Checked((Finding(ARCHIVE, "changed", f"it cannot be opened: {broken}"),))
    return Checked(findings, checked.engagement, checked.fingerprint)


def inside(path: Path) -> Path:
    """The package itself, where somebody named the engagement that it lies in."""
    meant = path / "package"
    return meant if (path / "engagement.toml").is_file() and meant.is_dir() else path


def write_archive(entries: Iterable[tuple[str, Callable[[], IO[bytes]]]], out: IO[bytes]) -> None:
    """A zip whose every byte follows from names and contents: no times, no compression, nothing of the machine."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, opened in entries:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            with opened() as source, archive.open(info, "w", force_zip64=True) as target:
                for block in _blocks(source):
                    target.write(block)


class _Folder:
    """The files of a folder; a link counts as no file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        found = [path for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        path = self.root / PurePosixPath(name)
        if path.is_symlink() or not path.is_file():
            raise OSError("it is no regular file")
        with path.open("rb") as stream:
            yield stream


class _Zip:
    """The members of an archive, read in place; nothing is ever unpacked to a name of its choosing."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def names(self) -> list[str]:
        return sorted(self.archive.namelist())

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        info = self.archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or self.archive.namelist().count(name) > 1:
            raise OSError("it is stored in another way than it was written")
        with self.archive.open(info) as stream:
            yield stream


def _check_files(files: _Folder | _Zip, fingerprint: str) -> Checked:
    names = files.names()
    core, unread = _core(files, names)
    manifest = _manifest(core.get(MANIFEST, b""))
    findings = [*unread, *_check_seal(core, _listed_key(manifest), fingerprint)]
    known = {finding.file for finding in findings if finding.state != "ok"}
    listed = manifest.get("files", []) if manifest else []
    findings += [f for row in listed for f in _check_file(files, row, names) if f.file not in known]
    told = {row["path"] for row in listed} | {MANIFEST, SIGNATURE}
    findings += [
        Finding(name, "added", "it is not in the manifest")
        for name in names
        if name not in told and name not in known and manifest
    ]
    chain = _check_journal(files, manifest) if manifest and JOURNAL in names else None
    if chain is not None:
        findings = [chain if finding.file == JOURNAL else finding for finding in findings]
    return Checked(
        tuple(sorted(findings, key=lambda finding: finding.file)),
        str(manifest.get("engagement", "")) if manifest else "",
        _fingerprint(core.get(PUBLIC_KEY, b"")),
    )


def _core(files: _Folder | _Zip, names: Sequence[str]) -> tuple[dict[str, bytes], list[Finding]]:
    core, findings = {}, []
    for name in (MANIFEST, SIGNATURE, PUBLIC_KEY):
        if name not in names:
            findings.append(Finding(name, "missing", "a package without it proves nothing"))
            continue
        try:
            with files.open(name) as stream:
                core[name] = stream.read()
        except (OSError, zipfile.BadZipFile, EOFError, RuntimeError) as broken:
            findings.append(Finding(name, "changed", str(broken)))
    return core, findings


def _manifest(content: bytes) -> dict[str, Any]:
    """The manifest, or nothing where it cannot be one: its finding then comes from the signature."""
    try:
        manifest = json.loads(content)
        rows = manifest["files"]
        whole = all(isinstance(row["path"], str) and isinstance(row["sha256"], str) for row in rows)
        return manifest if whole and isinstance(manifest["journal"], dict) else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _listed_key(manifest: Mapping[str, Any]) -> str:
    rows = manifest.get("files", [])
    return next((str(row["sha256"]) for row in rows if row["path"] == PUBLIC_KEY), "")


def _check_seal(core: Mapping[str, bytes], listed_key: str, fingerprint: str) -> list[Finding]:
    if len(core) < 3:
        return []
    seal = SEAL.fullmatch(core[SIGNATURE])
    told = _fingerprint(core[PUBLIC_KEY])
    if seal is None:
        return [Finding(SIGNATURE, "changed", "it is not a signature as we write it"), Finding(MANIFEST, "ok")]
    signature, digest, key = (part.decode() for part in seal.groups())
    same_manifest = hashlib.sha256(core[MANIFEST]).hexdigest() == digest
    signed = _signed(core[PUBLIC_KEY], bytes.fromhex(signature), core[MANIFEST])
    states = _blame(signed, same_manifest, same_key=told == key, listed=told == listed_key)
    if fingerprint and fingerprint.replace(" ", "").replace(":", "").lower() != told:
        states[PUBLIC_KEY] = "it is not the key that you were told of"
    return [
        Finding(name, "changed" if states.get(name) else "ok", states.get(name, ""))
        for name in (MANIFEST, SIGNATURE, *((PUBLIC_KEY,) if states.get(PUBLIC_KEY) else ()))
    ]


def _blame(signed: bool, same_manifest: bool, *, same_key: bool, listed: bool) -> dict[str, str]:
    """Which of the three files does not fit the two others: the seal repeats the manifest's hash and the key's."""
    if signed and same_manifest and not same_key and not listed:
        return {PUBLIC_KEY: "it is the key that signed, written in another way"}
    if signed:
        return {} if same_manifest and same_key else {SIGNATURE: "it names another manifest or another key than it signs"}
    states = {}
    if not same_manifest:
        states[MANIFEST] = "it is not the manifest that was signed"
    if not same_key:
        states[PUBLIC_KEY] = "it is not the key that signed"
    return states or {SIGNATURE: "it does not fit manifest and key"}


def _signed(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(public)
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(signature, message)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _fingerprint(public: bytes) -> str:
    """SHA-256 of the whole key file, so that no byte of it can change without changing the fingerprint."""
    return hashlib.sha256(public).hexdigest() if public else ""


def _check_file(files: _Folder | _Zip, row: Mapping[str, Any], names: Sequence[str]) -> list[Finding]:
    name = row["path"]
    if name not in names:
        return [Finding(name, "missing", "it is in the manifest, but not in the package")]
    digest, size = hashlib.sha256(), 0
    try:
        with files.open(name) as stream:
            for block in _blocks(stream):
                digest.update(block)
                size += len(block)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError) as broken:
        return [Finding(name, "changed", str(broken))]
    if digest.hexdigest() != row["sha256"]:
        return [Finding(name, "changed", f"{row.get('size')} bytes were signed, {size} other ones are here")]
    return [Finding(name, "ok")]


def _check_journal(files: _Folder | _Zip, manifest: Mapping[str, Any]) -> Finding | None:
    """A finding where the journal does not hold; its line says more than its digest."""
    try:
        with files.open(JOURNAL) as stream:
            chain = check_chain(stream)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError) as broken:
        return Finding(JOURNAL, "changed", str(broken))
    if not chain.good:
        return Finding(JOURNAL, "changed", f"line {chain.line}: {chain.reason}")
    if chain.head != manifest["journal"].get("head"):
        return Finding(JOURNAL, "changed", f"it ends after entry {chain.entries}, and the manifest names another end")
    return None


def _check_archive(path: Path, archive: zipfile.ZipFile) -> Finding:
    """The zip written again from its members must be the same file: that covers headers, directory and padding."""
    entries = [(name, _opener(archive, name)) for name in archive.namelist()]
    with tempfile.TemporaryFile() as again, path.open("rb") as given:
        try:
            write_archive(entries, again)
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError, ValueError) as broken:
            return Finding(ARCHIVE, "changed", f"it cannot be read through: {broken}")
        again.seek(0)
        at = 0
        for block in _blocks(given):
            other = again.read(len(block))
            if other != block:
                return Finding(ARCHIVE, "changed", f"it differs from the one we wrote at byte {at + _differs(block, other)}")
            at += len(block)
        return Finding(ARCHIVE, "changed", "its end is missing") if again.read(1) else Finding(ARCHIVE, "ok")


def _opener(archive: zipfile.ZipFile, name: str) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(name)


def _differs(left: bytes, right: bytes) -> int:
    pairs = zip(left, right, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(CHUNK):
        yield block


def main(arguments: Sequence[str]) -> int:
    """Print what was found; 0 where everything is as it was signed, 1 where it is not."""
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    checked = check(path, fingerprint=arguments[1] if len(arguments) > 1 else "")
    for finding in checked.findings:
        if finding.state != "ok":
            sys.stdout.write(f"{finding.state:8} {finding.file!a}  {finding.detail!a}\n")
    verdict = f"good: {checked.files} files are as they were signed" if checked.good else "NOT GOOD"
    sys.stdout.write(f"{verdict}\nkey {checked.fingerprint}\n")
    return 0 if checked.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
