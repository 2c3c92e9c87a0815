"""What the customer receives: files, a manifest of their digests, a signature, and the means to verify it offline."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from workbench import verification
from workbench.errors import EngagementError, IntegrityError, listed, on_disk
from workbench.journal import verify as verify_journal
from workbench.plain import Shown
from workbench.settings import read_secrets, read_settings, write_private
from workbench.show import escape, heading, html_table
from workbench.verification import ARCHIVE, JOURNAL, MANIFEST, PUBLIC_KEY, SIGNATURE, check, inside, write_archive

__all__ = ["Package", "SigningKey", "Verification", "build", "signing_key", "verify"]

PRIVATE_KEY, READ_ME, VERIFIER = ".signing-key.pem", "README.txt", "verify.py"
SEAL = (MANIFEST, SIGNATURE, PUBLIC_KEY, READ_ME, VERIFIER)
COPIED = {"executed": "notebooks"}
"""Folders of an engagement that go into the package, and what they are called there."""
LIBRARIES = ("crm-migration-workbench", "pandas", "pyarrow", "sqlalchemy", "httpx", "great-expectations", "cryptography")
SHORTEST_SECRET = 16
"""Keys of the vendors have 20 characters and more; a shorter word would be found in innocent text."""


@dataclass(frozen=True)
class SigningKey:
    """The key of one engagement; `fingerprint` is what the customer is told by other means."""

    private: Ed25519PrivateKey
    public: bytes  # PEM
    fingerprint: str  # SHA-256 of the PEM

    def __repr__(self) -> str:
        return f"SigningKey({self.fingerprint[:16]}…)"


@dataclass(frozen=True, repr=False)
class Package(Shown):
    """A package that was built: its folder, its zip, and what stands in its manifest."""

    folder: Path
    archive: Path
    fingerprint: str
    frame: pd.DataFrame  # path, size, sha256

    @property
    def files(self) -> int:
        """How many files the customer receives: the listed ones, the list, and its signature."""
        return len(self.frame) + 2

    def _repr_html_(self) -> str:
        line = f"{self.files} files, signed with key {self.fingerprint}"
        return heading(f"package {self.archive.name}", good=True) + f"<p>{escape(line)}</p>" + html_table(self.frame)


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """What a package is worth: every file with its state, and whether all of them are as they were signed."""

    frame: pd.DataFrame  # file, state (ok, changed, missing, added), detail
    good: bool
    engagement: str
    fingerprint: str

    def _repr_html_(self) -> str:
        wrong = self.frame[self.frame["state"] != "ok"]
        files, changed = ((frame["file"] != ARCHIVE).sum() for frame in (self.frame, wrong))
        title = f"{files} files are as they were signed" if self.good else f"{changed} of {files} files are not as signed"
        return heading(title, good=self.good) + html_table(self.frame if self.good else wrong)


@on_disk("the package")
def build(root: Path | str, out: Path | str | None = None) -> Package:
    """Seal what lies in the engagement's folder `package`, with its journal and executed notebooks, and zip it.

    Same contents give the same bytes. The zip is `package.zip` in the engagement unless `out` says otherwise.
    IntegrityError where the journal does not hold, or where the key of the destination stands in any file.
    """
    base = Path(root).expanduser().absolute()
    settings = read_settings(base)
    folder = base / "package"
    folder.mkdir(exist_ok=True)
    _gather(base, folder)
    key = signing_key(base)
    (folder / PUBLIC_KEY).write_bytes(key.public)
    shutil.copyfile(verification.__file__, folder / VERIFIER)
    (folder / READ_ME).write_text(_read_me(settings.customer, key.fingerprint), encoding="utf-8")
    _refuse_secrets(folder, read_secrets(base))
    rows = _rows(folder)
    manifest = _manifest(settings.engagement_id, folder / JOURNAL, rows)
    (folder / MANIFEST).write_bytes(manifest)
    digest = hashlib.sha256(manifest).hexdigest()
    seal = f"ed25519 {key.private.sign(manifest).hex()}\nsha256 {digest}\nkey {key.fingerprint}\n"
    (folder / SIGNATURE).write_bytes(seal.encode())
    archive = Path(out).expanduser().absolute() if out is not None else base / "package.zip"
    _zip(folder, archive)
    return Package(folder, archive, key.fingerprint, pd.DataFrame(rows, columns=["path", "size", "sha256"]))


def verify(path: Path | str, *, fingerprint: str = "") -> Verification:
    """Check a package, a folder or a zip, without network and without the engagement.

    `fingerprint` is the one that the consultant told by other means; without it a package that somebody else made and
    signed verifies too. EngagementError where there is nothing to check.
    """
    package = Path(path).expanduser()
    if not package.exists():
        raise EngagementError("there is no such package", where=str(package), todo="name the folder or the zip")
    checked = check(inside(package), fingerprint=fingerprint)
    frame = pd.DataFrame([asdict(f) for f in checked.findings], columns=["file", "state", "detail"], dtype="str")
    return Verification(frame, checked.good, checked.engagement, checked.fingerprint)


def signing_key(root: Path) -> SigningKey:
    """The key of an engagement, made when it is first asked for; its file is readable by the owner alone."""
    path = root / PRIVATE_KEY
    if not path.exists():
        fresh = Ed25519PrivateKey.generate()
        write_private(path, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise IntegrityError(
            "the signing key of the engagement is damaged", where=PRIVATE_KEY, todo="put back the copy from the backup"
        )
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(private, public, hashlib.sha256(public).hexdigest())


def _gather(base: Path, folder: Path) -> None:
    """Bring in what lies elsewhere; a former copy is replaced whole, so that nothing stale is signed."""
    journal = base / JOURNAL
    verdict = verify_journal(journal)
    if not verdict.good:
        raise IntegrityError(
            "the journal does not hold, so nothing is signed",
            found=verdict.reason,
            where=f"{JOURNAL}: line {verdict.line}",
            todo="put back the untouched file",
        )
    for source, name in COPIED.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        if (base / source).is_dir():
            shutil.copytree(base / source, folder / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    if journal.exists():
        shutil.copyfile(journal, folder / JOURNAL)


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise EngagementError("a package holds files, not links", where=name, todo="put the file itself there")
        if name not in (MANIFEST, SIGNATURE):
            with path.open("rb") as stream:
                rows.append(
                    {"path": name, "size": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
                )
    return rows


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _manifest(engagement: str, journal: Path, rows: Iterable[dict[str, Any]]) -> bytes:
    verdict = verify_journal(journal)
    told = {
        "format": 1,
        "engagement": engagement,
        "journal": {"file": JOURNAL, "entries": verdict.entries, "head": verdict.head},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
        "files": list(rows),
    }
    return (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return ""


def _refuse_secrets(folder: Path, secrets: Sequence[str]) -> None:
    needles = [form.encode() for each in secrets if len(each) >= SHORTEST_SECRET for form in _forms(each)]
    if not needles:
        return
    found = [path.relative_to(folder).as_posix() for path in _files(folder) if _holds(path.read_bytes(), needles)]
    if found:
        raise IntegrityError(
            "the key of the destination stands in the package, so it is not signed",
            found=listed(found),
            todo="take a new key from the destination, remove the files, and run the phases that made them again",
        )


def _forms(key: str) -> set[str]:
    """The ways in which a secret may stand somewhere."""
    return {key, key[::-1], quote(key, safe=""), b64encode(key.encode()).decode().rstrip("="), key.encode().hex()}


def _holds(content: bytes, needles: list[bytes]) -> bool:
    """Whether a secret stands in a file, or in a member of the file where that is a zip, as a workbook is."""
    if any(needle in content for needle in needles):
        return True
    if not content.startswith(b"PK\x03\x04"):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(needle in archive.read(member) for member in archive.namelist() for needle in needles)


def _zip(folder: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    temporary = archive.with_name(f".{archive.name}.new")
    try:
        with temporary.open("wb") as stream:
            write_archive([(p.relative_to(folder).as_posix(), _opener(p)) for p in _files(folder)], stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _read_me(customer: str, fingerprint: str) -> str:
    whose = f" of {customer}" if customer else ""
    return f"""This is the record of the CRM migration{whose}.

Open documents/index.html to read it; notebooks/ shows every phase as it ran. Nothing in here needs the network.

To verify that no byte was changed since it was signed:

    workbench verify PACKAGE                        with the workbench installed
    pip install cryptography && python verify.py    without it, inside the unpacked folder

Both compare every file with manifest.json, the manifest with its signature in manifest.sig, and the journal line by line.
They trust the key in public-key.pem. That it is the consultant's key, only its fingerprint tells. Compare it with the one
that you were given by telephone or on paper:

    {fingerprint}
"""
