"""A package proves itself: any changed byte is found and named, offline, by anybody."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.engagement import Engagement, new_engagement
from workbench.errors import EditError, EngagementError, IntegrityError
from workbench.package import PRIVATE_KEY, Package, build, signing_key, verify
from workbench.stages import handoff
from workbench.verification import ARCHIVE, JOURNAL, MANIFEST, PUBLIC_KEY, SIGNATURE, check

CANARY = "canary-key-0123456789"


def _engagement(root: Path) -> Engagement:
    made = new_engagement(root, route="promio_to_freshsales", customer="Bright Roof", key=CANARY)
    (made.root / "package" / "index.html").write_text("<p>the result</p>")
    (made.root / "package" / "reports").mkdir()
    (made.root / "package" / "reports" / "Übersicht.txt").write_text("4 rows\n")
    (made.root / "executed" / "01_intake.ipynb").write_text("{}")
    made.finish("intake", passed=True)
    return made


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engagement]:
    made = _engagement(tmp_path_factory.mktemp("package") / "e")
    yield made
    made.store.dispose()


@pytest.fixture(scope="module")
def built(engagement: Engagement) -> Package:
    return build(engagement.root)


@pytest.fixture
def folder(built: Package, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built.folder, tmp_path / "copy"))


def _states(path: Path, fingerprint: str = "") -> dict[str, str]:
    findings = check(path, fingerprint=fingerprint).findings
    return {finding.file: finding.state for finding in findings if finding.state != "ok"}


def test_folder_and_zip_verify_with_everything_named(built: Package) -> None:
    names = {
        "index.html",
        "reports/Übersicht.txt",
        "notebooks/01_intake.ipynb",
        "README.txt",
        "verify.py",
        JOURNAL,
        MANIFEST,
        SIGNATURE,
        PUBLIC_KEY,
    }
    for path, more in ((built.folder, set()), (built.archive, {ARCHIVE})):
        verification = verify(path, fingerprint=built.fingerprint)
        assert verification.good
        assert set(verification.frame["file"]) == names | more
        assert set(verification.frame["state"]) == {"ok"}
    assert verify(built.folder.parent).good  # the engagement was meant


def test_the_manifest_names_engagement_versions_and_the_end_of_the_journal(built: Package, engagement: Engagement) -> None:
    manifest = json.loads((built.folder / MANIFEST).read_bytes())
    assert manifest["engagement"] == engagement.settings.engagement_id
    assert manifest["journal"]["head"] == engagement.journal.head()
    assert manifest["versions"]["pandas"].startswith("3.")
    assert [row["path"] for row in manifest["files"]] == sorted(row["path"] for row in manifest["files"])


def test_the_same_contents_give_the_same_bytes(built: Package, engagement: Engagement, tmp_path: Path) -> None:
    again = build(engagement.root, tmp_path / "again.zip")
    assert again.archive.read_bytes() == built.archive.read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_bit_of_any_file_is_found_and_named(folder: Path, data: st.DataObject) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        found = _states(folder)
    finally:
        path.write_bytes(content)
    assert found.get(path.relative_to(folder).as_posix()) == "changed"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.9999999), bit=st.integers(0, 7))
def test_any_changed_bit_of_the_zip_is_found(built: Package, tmp_path: Path, place: float, bit: int) -> None:
    content = bytearray(built.archive.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    copy = tmp_path / "copy.zip"
    copy.write_bytes(content)
    assert _states(copy)


def test_every_bit_of_the_seal_counts(folder: Path) -> None:
    for name in (SIGNATURE, PUBLIC_KEY):
        good = (folder / name).read_bytes()
        for at in range(len(good)):
            (folder / name).write_bytes(good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :])
            assert _states(folder) == {name: "changed"}, (name, at)
        (folder / name).write_bytes(good)
    assert not _states(folder)


def test_a_changed_journal_is_named_with_its_line(folder: Path) -> None:
    path = folder / JOURNAL
    path.write_bytes(path.read_bytes().replace(b'"passed"', b'"failed"'))
    frame = verify(folder).frame.set_index("file")
    assert frame.at[JOURNAL, "state"] == "changed"
    assert "line 2" in frame.at[JOURNAL, "detail"]


def test_a_missing_an_added_and_a_swapped_file_are_told(folder: Path) -> None:
    (folder / "index.html").rename(folder / "extra.html")
    assert _states(folder) == {"index.html": "missing", "extra.html": "added"}
    (folder / "extra.html").rename(folder / "index.html")
    one, other = folder / "index.html", folder / "README.txt"
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    assert _states(folder) == {"index.html": "changed", "README.txt": "changed"}


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, PUBLIC_KEY])
def test_a_package_without_its_seal_is_not_good(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert _states(folder)[name] == "missing"
    (folder / name).mkdir()
    assert _states(folder)[name] == "missing"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[" * 100_000, b'{"files": [{"path": 1}], "journal": {}}', b"\xff\xfe"]
)
def test_a_manifest_that_is_none_is_a_finding_and_no_crash(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    assert _states(folder)[MANIFEST] == "changed"


def test_a_link_counts_as_a_changed_file(folder: Path, tmp_path: Path) -> None:
    (folder / "index.html").rename(tmp_path / "index.html")
    (folder / "index.html").symlink_to(tmp_path / "index.html")
    assert _states(folder) == {"index.html": "changed"}


def test_a_package_signed_anew_by_somebody_else_fails_against_the_fingerprint(tmp_path: Path) -> None:
    made = _engagement(tmp_path / "e")
    honest = build(made.root)
    (made.root / PRIVATE_KEY).unlink()
    forged = build(made.root)
    made.store.dispose()
    assert verify(forged.folder).good  # all of it fits together: the fingerprint alone tells
    assert not verify(forged.folder, fingerprint=honest.fingerprint).good
    assert _states(forged.folder, honest.fingerprint) == {PUBLIC_KEY: "changed"}
    assert signing_key(made.root).fingerprint == forged.fingerprint


def test_a_zip_is_verified_down_to_order_doubles_and_compression(built: Package, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.archive) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    assert _states(packed)[ARCHIVE] == "changed"
    longer = tmp_path / "longer.zip"
    longer.write_bytes(built.archive.read_bytes() + b"\0")
    assert _states(longer)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(built.archive.read_bytes()[:-30])
    assert _states(cut) == {ARCHIVE: "changed"}
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"")
    assert _states(empty) == {ARCHIVE: "changed"}


def test_the_verifier_in_the_package_works_alone(built: Package, folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / "verify.py", alone)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-W", "error", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=alone, check=False)

    assert run(str(folder / "verify.py")).returncode == 0
    good = run("verify.py", str(built.archive), built.fingerprint)
    assert (good.returncode, good.stderr) == (0, "")
    assert built.fingerprint in good.stdout
    (folder / "index.html").write_text("<p>another result</p>")
    bad = run("verify.py", str(folder))
    assert bad.returncode == 1
    assert "changed  'index.html'" in bad.stdout


def test_a_package_never_carries_the_key_of_the_destination(tmp_path: Path) -> None:
    made = _engagement(tmp_path / "e")
    book = openpyxl.Workbook()
    book.active["A1"] = CANARY  # type: ignore[index]
    buffer = io.BytesIO()
    book.save(buffer)
    forms = {
        "plain.html": CANARY.encode(),
        "coded.txt": base64.b64encode(CANARY.encode()),
        "reversed.txt": CANARY[::-1].encode(),
        "book.xlsx": buffer.getvalue(),
    }
    assert CANARY.encode() not in forms["book.xlsx"]
    for name, content in forms.items():
        path = made.root / "package" / name
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match="key of the destination") as told:
            build(made.root)
        assert name in str(told.value)
        assert CANARY not in str(told.value)
        path.unlink()
    assert CANARY.encode() not in build(made.root).archive.read_bytes()
    assert (made.root / PRIVATE_KEY).stat().st_mode & 0o777 == 0o600
    made.store.dispose()


def test_a_journal_that_does_not_hold_is_not_signed(tmp_path: Path) -> None:
    made = _engagement(tmp_path / "e")
    made.journal.path.write_bytes(made.journal.path.read_bytes().replace(b"Bright", b"Bricht"))
    with pytest.raises(IntegrityError, match="nothing is signed"):
        build(made.root)
    made.store.dispose()


def test_a_notebook_that_is_gone_is_not_signed_from_an_older_copy(tmp_path: Path) -> None:
    made = _engagement(tmp_path / "e")
    build(made.root)
    (made.root / "executed" / "01_intake.ipynb").rename(made.root / "executed" / "02_discovery.ipynb")
    names = build(made.root).frame["path"].tolist()
    made.store.dispose()
    assert "notebooks/02_discovery.ipynb" in names
    assert "notebooks/01_intake.ipynb" not in names


def test_what_cannot_be_packed_or_checked_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngagementError, match="no such package"):
        verify(tmp_path / "none.zip")
    made = _engagement(tmp_path / "e")
    (made.root / "package" / "link").symlink_to("/etc/hostname")
    with pytest.raises(EngagementError, match="links"):
        build(made.root)
    (made.root / "package" / "link").unlink()
    (made.root / "package.zip").mkdir()
    with pytest.raises(EditError, match="the package cannot be written") as told:
        build(made.root)
    assert "package.zip" in told.value.where or "directory" in told.value.found
    assert "make room on the disk" in told.value.todo
    (made.root / PRIVATE_KEY).write_text("nonsense")
    with pytest.raises(IntegrityError, match="signing key"):
        build(made.root)
    made.store.dispose()


def test_documents_that_cannot_be_written_are_told_in_words(tmp_path: Path) -> None:
    made = _engagement(tmp_path / "e")
    (made.root / "package" / "documents").write_text("in the way")
    with pytest.raises(EditError, match="the documents cannot be written") as told:
        handoff.run(made)
    assert told.value.where.endswith("documents") and told.value.todo
    assert made.phase("handoff").state == "open"
    made.store.dispose()
