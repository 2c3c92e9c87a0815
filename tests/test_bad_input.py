"""Whatever is wrong with what we are given ends in words that say what to do, and leaves nothing half-written."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import programs
import pytest
from typer.testing import CliRunner, Result

from workbench import rehearsal
from workbench.cli import app
from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.errors import (
    DecisionMissing,
    DestinationBusy,
    EngagementError,
    EngagementLocked,
    ExportError,
    GateClosed,
    IntegrityError,
    Refused,
    WorkbenchError,
    WrongKey,
)
from workbench.notebooks import render
from workbench.package import build
from workbench.stages import discovery, intake, mapping, owners, production, provisioning, sample, transform

HERE = Path(__file__).resolve().parents[1]
SAMPLE = HERE / "sample_exports" / "promio"
ROUTE = "promio_to_freshsales"
KEY = "canary-0123456789abcdef"
ADA = "Ada Byron <ada@example.org>"
RESTLESS = ("-wal", "-shm", ".lock")
"""Ends of the files that come and go with every opening of the database."""


def _digests(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its bytes."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(RESTLESS)]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _ends(done: Result, code: int, *words: str) -> None:
    """The command ended with the code, in these words, with something to do, and without a stack."""
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert not [word for word in words if word not in done.stderr], done.stderr
    assert "→" in done.stderr


def _refused(act: Callable[[], object], kind: type[WorkbenchError], *words: str) -> None:
    with pytest.raises(kind) as told:
        act()
    shown = str(told.value)
    assert not [word for word in words if word not in shown], shown
    assert told.value.todo
    assert KEY not in shown


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


# ------------------------------------------------------------ an engagement over the sample


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = new_engagement(tmp_path_factory.mktemp("pristine") / "e", route=ROUTE, customer="Bright Roof", exports=SAMPLE)
    made.store.dispose()
    return made.root


@pytest.fixture
def root(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WORKBENCH_KEY", raising=False)
    return Path(shutil.copytree(pristine, tmp_path / "e"))


@pytest.fixture
def engagement(root: Path) -> Iterator[Engagement]:
    opened = open_engagement(root)
    yield opened
    opened.store.dispose()


# ------------------------------------------------------------ files


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("calls.csv", "Call ID\n1\n")
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("reputation.csv", b"", ("empty", "0 bytes", "get the file again")),
        ("reputation.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ("old Excel workbook (xls)", "save it as XLSX")),
        ("reputation.csv", b"%PDF-1.7\n" + bytes(600), ("a PDF document", "CSV or XLSX")),
        ("reputation.csv", _zip(), ("a zip archive", "unpack it")),
        ("reputation.csv", b"<!DOCTYPE html><html>Please log in</html>", ("a web page", "export it again")),
        ("assets_inventory.xlsx", b"%PDF-1.7\n" + bytes(600), ("a PDF document", "CSV or XLSX")),
        ("assets_inventory.xlsx", b"PK\x03\x04" + bytes(600), ("damaged", "cut off on the way")),
    ],
)
def test_a_file_that_is_no_export_is_named_and_nothing_is_staged(
    engagement: Engagement, name: str, content: bytes, words: tuple[str, ...]
) -> None:
    (engagement.exports() / name).write_bytes(content)
    before = _digests(engagement.root)
    _refused(lambda: intake.run(engagement), ExportError, name, *words)
    assert _digests(engagement.root) == before
    assert engagement.phase("intake").state == "open"


def _blocked(engagement: Engagement, *words: str) -> None:
    """Intake has a problem in these words, and the next phase cannot begin because of it."""
    problems = intake.run(engagement).problems
    assert [problem for problem in problems if all(word in problem for word in words)], problems
    assert engagement.phase("intake").state == "blocked"
    with pytest.raises(GateClosed) as closed:
        engagement.gate("discovery")
    assert words[0] in str(closed.value)


def test_a_missing_file_closes_the_gate_and_says_what_is_there(engagement: Engagement) -> None:
    (engagement.exports() / "calls.csv").unlink()
    _blocked(engagement, "calls/missing", "calls*.csv is not among the files", "leads.csv")


def test_a_wrong_sheet_closes_the_gate_and_says_which_there_are(engagement: Engagement) -> None:
    path = engagement.exports() / "campaigns.xlsx"
    book = openpyxl.load_workbook(path)
    book["Campaigns"].title = "Kampagnen"
    book.save(path)
    _blocked(engagement, "campaigns/missing", "campaigns.xlsx has no sheet Campaigns", "Kampagnen, Performance")


def _header(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(",".join(change(head.decode("utf-8-sig").strip().split(","))).encode() + b"\n" + rest)


def test_a_header_with_a_name_twice_is_refused_with_both_places(engagement: Engagement) -> None:
    _header(engagement.exports() / "customers.csv", lambda names: [*names[:-1], names[1]])
    before = _digests(engagement.root)
    _refused(lambda: intake.run(engagement), ExportError, "twice", "'Customer Name' in columns 2, 22", "customers.csv, line 1")
    assert _digests(engagement.root) == before


def test_a_missing_column_closes_the_gate_by_its_name(engagement: Engagement) -> None:
    _header(engagement.exports() / "customers.csv", lambda names: ["Number", *names[1:]])
    _blocked(engagement, "customers/columns", "the header lacks Customer ID")


@pytest.mark.parametrize(("gone", "words"), [("exports", "exports/main"), ("exports/main", "exports/main")])
def test_a_delivery_that_is_gone_is_told(root: Path, gone: str, words: str) -> None:
    shutil.rmtree(root / gone)
    engagement = open_engagement(root)
    _refused(lambda: intake.run(engagement), ExportError, "no delivery 'main'", words, "no delivery at all")
    engagement.store.dispose()


def test_a_delivery_without_files_is_told(engagement: Engagement) -> None:
    for path in engagement.exports().iterdir():
        path.unlink()
    _refused(lambda: intake.run(engagement), ExportError, "has no files", "leads*.csv", "exports/main")


@pytest.mark.parametrize("content", ["{", "[]", '{"tables": 7}', '{"tables": {"leads": 7}}'])
def test_a_request_that_is_none_is_told(engagement: Engagement, content: str) -> None:
    (engagement.root / "exports" / "request.json").write_text(content)
    _refused(lambda: intake.run(engagement), ExportError, "request cannot be read", "request.json", "mend the file")


@pytest.mark.parametrize("content", [b"\xff\xfe" + "calls.csv 940 rows".encode("utf-16-le"), b"\x81\xff\x00 calls.csv"])
def test_a_letter_in_any_encoding_is_no_reason_to_stop(engagement: Engagement, content: bytes) -> None:
    (engagement.exports() / "cover_letter.txt").write_bytes(content)
    assert intake.run(engagement).problems == ()


# ------------------------------------------------------------ folders


def test_new_refuses_what_it_cannot_copy_and_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nested" / "june").mkdir(parents=True)
    (tmp_path / "file.csv").write_text("Name\nAda\n")
    before = _digests(tmp_path), sorted(path.name for path in tmp_path.iterdir())
    for exports, words in [
        ("nowhere", ("is missing", "found: nothing")),
        ("file.csv", ("is missing", "found: a file")),
        ("nothing", ("holds no files", "found: nothing")),
        ("nested", ("holds no files", "only the folders june", "subfolder main")),
    ]:
        made = _run("new", tmp_path / "deep" / "e", "--route", ROUTE, "--exports", tmp_path / exports)
        _ends(made, 1, "ExportError", exports, *words)
        assert (_digests(tmp_path), sorted(path.name for path in tmp_path.iterdir())) == before


def test_receive_refuses_an_empty_folder_and_a_delivery_that_is_there(root: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    before = _digests(root)
    _ends(_run("receive", root, tmp_path / "nothing"), 1, "holds no files")
    _ends(_run("receive", root, SAMPLE / "delta", "--delivery", "main"), 1, "is there already", "another name")
    assert _digests(root) == before
    assert not [path for path in root.iterdir() if path.name.startswith(".receiving")]


def test_a_folder_with_other_work_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    _ends(_run("new", tmp_path, "--route", ROUTE), 1, "not empty", str(tmp_path), "name a new folder")
    _ends(_run("new", tmp_path / "thesis.txt" / "e", "--route", ROUTE), 1, "cannot be written", "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "command",
    [("status",), ("run",), ("package",), ("rollback",), ("receive", SAMPLE / "delta"), ("export-decisions", "d.xlsx")],
)
def test_a_folder_that_is_no_engagement_is_told_by_every_command(tmp_path: Path, command: tuple[object, ...]) -> None:
    (tmp_path / "leads.csv").write_text("Name\nAda\n")
    name, *more = command
    _ends(_run(name, tmp_path, *more), 1, "this is no engagement", "engagement.toml", str(tmp_path), "workbench new DIR")
    assert [path.name for path in tmp_path.iterdir()] == ["leads.csv"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("back.xlsx", b"%PDF-1.7", ("not a workbook that we sent", "no XLSX file", "saved as XLSX")),
        ("back.xlsx", (SAMPLE / "main" / "campaigns.xlsx").read_bytes(), ("not a workbook that we sent", "lacks the mark")),
        ("d.jsonl", b"junk", ("a line is not a decision", "d.jsonl: line 1", "none was taken over")),
        ("d.jsonl", b"[]", ("a line is not a decision", "d.jsonl: line 1")),
        ("d.jsonl", b"\xc8\x00", ("file of decisions cannot be read", "export-decisions")),
    ],
)
def test_decisions_that_are_none_change_nothing(
    root: Path, tmp_path: Path, name: str, content: bytes, words: tuple[str, ...]
) -> None:
    (tmp_path / name).write_bytes(content)
    before = _digests(root)
    _ends(_run("decide", root, tmp_path / name, "--as", ADA), 1, "EditError", str(name), *words)
    assert _digests(root) == before


@pytest.mark.parametrize(("content", "words"), [(b"\xc8\xff", "no plain text"), (b"", "0 words"), (b"two words", "2 words")])
def test_a_key_file_that_holds_no_key_makes_no_engagement(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "key").write_bytes(content)
    _ends(_run("new", tmp_path / "e", "--route", ROUTE, "--key-file", tmp_path / "key"), 1, "file with the key", words)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_notebook_that_is_none_any_more_is_named(root: Path) -> None:
    for folder, command in (("notebooks", ("run", root, "--to", "intake")), ("executed", ("package", root))):
        (root / folder / "01_intake.ipynb").write_text("{broken")
        _ends(_run(*command), 1, "no notebook any more", f"{folder}/01_intake.ipynb", "again")
    assert not (root / "package.zip").exists()


# ------------------------------------------------------------ settings and routes


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f'"{ROUTE}"', '"promio_to_nowhere"', ("no route 'promio_to_nowhere'", ROUTE)),
        ("customer =", "custmer =", ("the key 'custmer'", "customer", "engagement.toml: custmer")),
        ("customer =", "customer", ("not valid TOML", "line")),
        ('"suite"', '"deluxe"', ("no such edition", "suite, classic", "deluxe")),
        ("time_scale = 1.0", 'time_scale = "fast"', ("engagement.toml: time_scale", "number")),
        ("[destination]", "[destination]\nbulk_rowz = 10", ("no such setting", "bulk_rows", "bulk_rowz")),
    ],
)
def test_a_setting_that_may_not_be_is_named(root: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    path = root / "engagement.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    before = _digests(root)
    _ends(_run("status", root), 1, *words)
    assert _digests(root) == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('destination = "freshsales"', 'destination = "freshsails"', ("no destination 'freshsails'", "freshsales")),
        ('source = "promio"', 'source = "promo"', ("no source 'promo'", "promio")),
        ('recipe = "phone"', 'recipe = "fone"', ("no such recipe", "phone, url", "fone", "accounts: Phone")),
        ("max_length = 255", "max_lenght = 255", ("max_lenght is not an option", "max_length", "accounts")),
        ('object = "deal"', 'object = "dael"', ("no object 'dael'", "contact, lead, deal")),
        ('table = "leads"', 'table = "laeds"', ("no table 'laeds'", "leads", "feeds: leads")),
        ('to = "website"', 'to = "web_site"', ("no field 'web_site'", "website", "feeds: accounts")),
        ("about = ", "abuot = ", ("the key 'abuot'", "not known", "mine.toml")),
        ("feeds]]", "feeds]", ("not valid TOML", "mine.toml")),
    ],
)
def test_a_route_that_does_not_fit_is_refused_before_anything_is_made(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    text = (HERE / "workbench" / "routes" / f"{ROUTE}.toml").read_text()
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1))
    _ends(_run("new", tmp_path / "e", "--route", tmp_path / "mine.toml"), 1, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


# ------------------------------------------------------------ what keeps the memory


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: _flip(root / "journal.jsonl", 40), ("journal was changed", "line 1", "put back the untouched file")),
        (
            lambda root: _flip(root / "workbench.db", 3),
            ("engagement is damaged", "workbench.db", "do not load"),
        ),
        (lambda root: _flip(root / "workbench.db", 4096 + 1), ("database of the engagement is damaged", "do not load")),
        (lambda root: (root / "workbench.db").write_text("leads;customers\n" * 900), ("is damaged", "not a database")),
        (lambda root: (root / "workbench.db").write_bytes(b""), ("workbench.db of the engagement is gone", "an empty file")),
        (lambda root: (root / "workbench.db").unlink(), ("workbench.db of the engagement is gone", "no such file")),
        (lambda root: (root / "journal.jsonl").unlink(), ("journal.jsonl of the engagement is gone", "put back")),
    ],
)
def test_a_damaged_memory_stops_every_command_and_is_not_begun_anew(
    root: Path, damage: Callable[[Path], object], words: tuple[str, ...]
) -> None:
    damage(root)
    before = _digests(root)
    _ends(_run("status", root), 1, "IntegrityError", *words)
    _ends(_run("run", root), 1, "IntegrityError")
    assert _digests(root) == before


def test_a_text_in_the_database_that_is_none_any_more_is_told(root: Path) -> None:
    engagement = open_engagement(root)
    engagement.decisions.confirm("scope", "campaign_pipeline", "canary answer", by=ADA)
    engagement.store.dispose()
    path = root / "workbench.db"
    path.write_bytes(path.read_bytes().replace(b"canary answer", b"canary\xffanswer"))
    _ends(_run("export-decisions", root, root.parent / "d.jsonl"), 1, "database of the engagement is damaged", "do not load")
    assert not (root.parent / "d.jsonl").exists()


def test_a_key_that_others_can_read_is_refused(root: Path) -> None:
    engagement = _connected(root, "http://127.0.0.1:9/crm/sales/api")
    (root / ".credentials").chmod(0o644)
    _refused(engagement.connect, EngagementError, "others on this machine can read the key")
    engagement.store.dispose()


# ------------------------------------------------------------ accounts that do not answer as they should


class _Script(BaseHTTPRequestHandler):
    """Gives every request the one answer of its server."""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Account)
        self.server.asked.append(self.command)
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # named by http.server

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class _Account(ThreadingHTTPServer):
    def __init__(self, answer: tuple[int, Mapping[str, str], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Script)
        self.answer, self.asked = answer, list[str]()


HTML, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, JSON, b'{"login": "failed"}'), WrongKey, ("does not know this key", "401", "copy it again")),
        ((403, JSON, b'{"message": "no"}'), WrongKey, ("may not do this", "403", "administrator")),
        ((403, HTML, b"<html>blocked</html>"), DestinationBusy, ("no usable answer", "403, without valid JSON", "base_url")),
        ((200, HTML, b"<html>log in</html>"), DestinationBusy, ("no usable answer", "200, without valid JSON", "base_url")),
        ((404, HTML, b"<html>no</html>"), Refused, ("does not show the fields", "404", "check base_url")),
        ((200, JSON, b'{"hello": 1}'), Refused, ("does not show the fields", "a list of fields", "check base_url")),
        ((200, JSON, b"[]"), Refused, ("does not show the fields", "a list of fields")),
        ((302, {"Location": "https://login.example.org/"}, b""), EngagementError, ("login.example.org", "correct base_url")),
        (
            (429, {**JSON, "Retry-After": "3600"}, b"{}"),
            DestinationBusy,
            ("asked to wait", "longer than a run waits", "resume"),
        ),
        ((500, HTML, b"oops"), DestinationBusy, ("no usable answer", "it answered 500", "resume")),
    ],
)
def test_an_account_that_does_not_answer_as_it_should_is_told_and_nothing_is_proposed(
    root: Path, answer: tuple[int, Mapping[str, str], bytes], kind: type[WorkbenchError], words: tuple[str, ...]
) -> None:
    with _Account(answer) as account:
        threading.Thread(target=account.serve_forever, daemon=True).start()
        engagement = _connected(root, f"http://127.0.0.1:{account.server_port}/crm/sales/api")
        before = _digests(root)
        _refused(lambda: mapping.propose(engagement), kind, *words)
        assert _digests(root) == before
        assert engagement.decisions.proposals("field").empty
        assert set(account.asked) == {"GET"}
        account.shutdown()
    engagement.store.dispose()


def _connected(root: Path, url: str) -> Engagement:
    """The engagement with an address and a key, and with its exports read; an hour of limits passes in a second."""
    path = root / "engagement.toml"
    text = path.read_text().replace('base_url = ""', f'base_url = "{url}"').replace("time_scale = 1.0", "time_scale = 3600.0")
    path.write_text(text)
    (root / ".credentials").write_text(KEY)
    (root / ".credentials").chmod(0o600)
    engagement = open_engagement(root)
    intake.run(engagement)
    return engagement


def test_nobody_at_the_address_is_told_with_the_port(root: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it meanwhile
        port = closed.getsockname()[1]
        engagement = _connected(root, f"http://127.0.0.1:{port}/crm/sales/api")
        _refused(lambda: mapping.propose(engagement), DestinationBusy, f"nobody answers at 127.0.0.1:{port}", "base_url")
    engagement.store.dispose()


@pytest.mark.parametrize(
    "url", ["brightroof.myfreshworks.com/crm/sales/api", "ftp://example.org/api", "http://example.org/api"]
)
def test_an_address_that_is_none_is_refused_before_the_key_is_sent(root: Path, url: str) -> None:
    engagement = _connected(root, url)
    _refused(lambda: mapping.propose(engagement), EngagementError, "no address of an API", "https://", "base_url")
    engagement.store.dispose()


def test_a_missing_address_and_a_missing_key_are_told(engagement: Engagement, tmp_path: Path) -> None:
    _refused(engagement.connect, EngagementError, "address of the destination is missing", "base_url")
    keyless = new_engagement(tmp_path / "k", route=ROUTE, base_url="http://127.0.0.1:9/api")
    _refused(keyless.connect, EngagementError, "key of the destination is missing", "WORKBENCH_KEY")
    keyless.store.dispose()


# ------------------------------------------------------------ rehearsals


def _foreign_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE invoices (number TEXT)")
    db.commit()
    db.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("Dear Sir or Madam, this is a letter and no database."), "not a database"),
        (_foreign_database, "a database with invoices"),
        (lambda path: path.mkdir(), "state"),
    ],
)
def test_a_state_file_that_is_none_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / "state")
    before = _digests(tmp_path)
    done = _run("rehearse", "freshsales", "--state", tmp_path / "state", "--token", "t")
    _ends(done, 1, "no tenant of a rehearsal", "a name that is free", words, str(tmp_path / "state"))
    assert _digests(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tenant", "nowhere"), ("no tenant nowhere", "freshsales_suite")),
        (("--tenant", "nowhere.toml"), ("no tenant nowhere.toml",)),
        (("--switch", "minut_cap=0"), ("no switch minut_cap", "minute_cap")),
        (("--switch", "limits=maybe"), ("limits", "on")),
        (("--time-scale", "0"), ("time does not stand still", "above 0")),
    ],
)
def test_a_rehearsal_of_what_does_not_exist_makes_no_file(
    tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    _ends(_run("rehearse", "freshsales", "--state", tmp_path / "state", "--token", "t", *options), 1, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_makes_no_file(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run("rehearse", "freshsales", "--state", tmp_path / "state", "--token", "t", "--port", port)
    _ends(done, 1, "PortInUse", f"port {port} is taken", "another port")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------ decisions, gates and sign-offs


@dataclass(frozen=True)
class Signed:
    """A tenant that holds the sample, and two states of the engagement that loaded it."""

    tenant: rehearsal.Rehearsal
    asked: Path  # read and profiled; nobody has decided anything
    signed: Path  # staged, the sample loaded and signed


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    folder = tmp_path_factory.mktemp("signed")
    with rehearsal.running("freshsales", state=folder / "tenant.db", token=KEY, time_scale=1200) as tenant:
        made = new_engagement(folder / "signed", route=ROUTE, exports=SAMPLE, base_url=tenant.url, key=KEY, time_scale=1200.0)
        render(made)
        intake.run(made)
        discovery.propose(made)
        discovery.run(made)
        made.store.dispose()
        shutil.copytree(made.root, folder / "asked")
        _decide_and_sign(made)
        made.store.dispose()
        yield Signed(tenant, folder / "asked", made.root)


def _decide_and_sign(engagement: Engagement) -> None:
    lines = (SAMPLE / "decisions.jsonl").read_text().splitlines()
    kept = engagement.root / "decided.jsonl"
    kept.write_text("\n".join(line for line in lines if json.loads(line)["kind"] != "signoff"))
    engagement.decisions.read_jsonl(kept)
    kept.unlink()
    mapping.propose(engagement)
    mapping.propose_options(engagement)
    mapping.run(engagement)
    owners.propose(engagement)
    owners.run(engagement)
    provisioning.run(engagement)
    transform.run(engagement)
    sample.plan(engagement)
    seen = sample.run(engagement)
    assert not seen.wrong
    words = {"name": "Dana Ortiz", "role": "Sales lead", "statement": "I have checked the sample"}
    engagement.decisions.confirm("signoff", "sample", {**words, "evidence": dict(seen.evidence)}, by=ADA)


@pytest.fixture
def after(signed: Signed, tmp_path: Path) -> Iterator[Engagement]:
    """A copy of the signed engagement; at its end the tenant has to be as it was."""
    before = rehearsal.canonical(signed.tenant.dump())
    opened = open_engagement(shutil.copytree(signed.signed, tmp_path / "e"))
    yield opened
    opened.store.dispose()
    assert rehearsal.canonical(signed.tenant.dump()) == before


def test_a_missing_decision_ends_the_run_with_3_and_the_list(signed: Signed, tmp_path: Path) -> None:
    root = shutil.copytree(signed.asked, tmp_path / "e")
    before = rehearsal.canonical(signed.tenant.dump())
    done = _run("run", root, "--from", "mapping", "--to", "mapping")
    _ends(done, 3, "DecisionMissing", "field decisions are missing", "accounts/Customer ID", "send the customer the workbook")
    assert rehearsal.canonical(signed.tenant.dump()) == before
    opened = open_engagement(root)
    assert opened.phase("mapping").state == "open"
    opened.store.dispose()


def test_a_mapping_changed_after_the_sign_off_ends_the_run_with_4(after: Engagement) -> None:
    after.decisions.confirm("field", "accounts/Street", {"target": ""}, by=ADA)
    done = _run("run", after.root, "--from", "production", "--to", "production")
    _ends(done, 4, "GateClosed", "sign-off is void", "as Dana Ortiz signed", "where: decisions", "signed again")
    assert after.phase("production").state == "open"


def test_an_export_changed_after_the_sign_off_closes_the_load(after: Engagement) -> None:
    _flip(after.exports() / "leads.csv", -12)
    staged = _digests(after.root / "staged")
    _refused(lambda: production.run(after), GateClosed, "sign-off is void", "where: exports", "signed again")
    assert _digests(after.root / "staged") == staged


def test_a_staged_table_with_a_changed_byte_is_not_loaded(after: Engagement) -> None:
    path = after.root / "staged" / "main" / "records" / "contacts.parquet"
    _flip(path, path.stat().st_size // 3)
    _refused(lambda: production.run(after), IntegrityError, "staged table cannot be read", "contacts.parquet", "again")


def test_what_is_not_staged_is_named(after: Engagement) -> None:
    (after.root / "staged" / "main" / "sample_differences.parquet").unlink()
    _refused(lambda: production.run(after), EngagementError, "sample_differences is not staged", "run the phase")


def test_an_unsigned_sample_is_not_loaded_in_full(after: Engagement) -> None:
    after.decisions.confirm("signoff", "sample", "", by=ADA)
    _refused(lambda: production.run(after), GateClosed, "not signed off", "have the customer sign")


def test_an_owner_who_is_nobody_there_closes_the_gate_by_name(after: Engagement) -> None:
    after.decisions.confirm("owner", "tom.becker@brightroof.example", "nobody@example.org", by=ADA)
    owners.run(after)
    assert after.phase("owners").state == "blocked"
    words = ("owners is blocked", "tom.becker@brightroof.example", "nobody@example.org", "finish owners")
    _refused(lambda: after.gate("sample"), GateClosed, *words)


def test_an_undecided_owner_is_missing_by_name(signed: Signed, tmp_path: Path) -> None:
    engagement = open_engagement(shutil.copytree(signed.asked, tmp_path / "e"))
    owners.propose(engagement)
    with pytest.raises(DecisionMissing) as told:
        owners.run(engagement)
    assert "tom.becker@brightroof.example" in told.value.missing
    engagement.store.dispose()


def test_a_second_run_is_told_who_holds_the_engagement(after: Engagement) -> None:
    holding = "import sys, time\nfrom workbench.engagement import open_engagement\n"
    holding += "with open_engagement(sys.argv[1]).lock():\n    print('held', flush=True)\n    time.sleep(60)\n"
    with programs.started(["-c", holding, str(after.root)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told = ("another run", f"process {other.pid}", "wait")
        _refused(lambda: production.run(after), EngagementLocked, *told)
        staged = _digests(after.root / "staged")
        _refused(lambda: intake.run(after), EngagementLocked, *told)  # a load reads what these two keep
        _refused(lambda: transform.run(after), EngagementLocked, *told)
        assert _digests(after.root / "staged") == staged
        other.kill()
    with after.lock():
        assert after.phase("production").state == "open"


# ------------------------------------------------------------ a full disk


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from workbench.cli import app
import workbench.engagement, workbench.notebooks, workbench.package
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
app(sys.argv[2:])
"""


def _run_full(limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command that cannot write files longer than `limit` bytes, as on a disk that fills up."""
    return programs.ran(["-c", FULL, str(limit), *map(str, arguments)])


@pytest.mark.parametrize("limit", [0, 3_000, 60_000])
def test_a_full_disk_leaves_no_half_made_engagement(tmp_path: Path, limit: int) -> None:
    done = _run_full(limit, "new", tmp_path / "deep" / "e", "--route", ROUTE, "--exports", SAMPLE)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "room" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_last_package_and_the_deliveries_as_they_were(root: Path) -> None:
    built = build(root)
    (root / "package" / "more.txt").write_bytes(os.urandom(130_000))
    kept = built.archive.read_bytes()
    exports = root.parent / "delta"
    exports.mkdir()
    (exports / "leads.csv").write_bytes(b"Name\n" + b"Ada\n" * 30_000)
    for arguments in (("package", root), ("receive", root, exports, "--delivery", "delta")):
        done = _run_full(100_000, *arguments)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert "room" in done.stderr
    assert built.archive.read_bytes() == kept
    assert not (root / "exports" / "delta").exists()
    assert not [path.name for path in root.iterdir() if path.name.startswith((".receiving", ".package"))]


# ------------------------------------------------------------ packages


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda package: _flip(package / "index.html", 2), "changed  index.html"),
        (lambda package: (package / "index.html").unlink(), "missing  index.html"),
        (lambda package: (package / "more.html").write_text("<p>more</p>"), "added    more.html"),
        (lambda package: _flip(package / "manifest.json", 20), "manifest"),
        (lambda package: _flip(package / "journal.jsonl", 30), "changed  journal.jsonl"),
    ],
)
def test_a_package_that_was_changed_is_not_good_and_says_which_file(
    root: Path, change: Callable[[Path], object], words: str
) -> None:
    (root / "package" / "index.html").write_text("<p>done</p>")
    build(root)
    assert _run("verify", root / "package").exit_code == 0
    change(root / "package")
    done = _run("verify", root / "package")
    assert done.exit_code == 1
    assert words in done.output
    assert "Traceback" not in done.output


def test_a_file_that_no_table_takes_is_a_problem_until_somebody_waives_it(engagement: Engagement) -> None:
    folder = engagement.exports()
    shutil.copyfile(folder / "leads.csv", folder / "leads_part_2.csv")
    (folder / "notes").mkdir()
    unread = "files/unread: nothing reads leads_part_2.csv, notes/"
    assert unread in intake.run(engagement).problems
    assert unread in engagement.phase("intake").reasons
    engagement.decisions.confirm("waiver", "files/unread", "sent by mistake", by="Kim Larsen <kim@consultants.example>")
    assert unread not in intake.run(engagement).problems


def test_columns_that_begin_with_an_underscore_are_the_customers_own(engagement: Engagement) -> None:
    path = engagement.exports() / "customers.csv"
    path.write_bytes(path.read_bytes().replace(b"Customer ID,", b"_row,", 1).replace(b",Company,", b",_company,", 1))
    intake.run(engagement)
    table = engagement.load("tables/customers")
    assert {"_row", "_row of the export", "_company"} <= set(table.columns)
    assert table["_row of the export"].notna().all()
    found = discovery.run(engagement).frame
    assert {"_row of the export", "_company"} <= set(found.loc[found["table"] == "customers", "column"])
