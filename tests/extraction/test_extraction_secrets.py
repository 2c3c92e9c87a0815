"""Key, user, password and token stand in Soffront's addresses, and in nothing that an extraction writes, tells or raises."""

from __future__ import annotations

import base64
import logging
import pickle
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from extraction_tenant import make_tenant

from workbench.destinations import Secret
from workbench.destinations.http import Policy
from workbench.errors import EngagementError, WorkbenchError
from workbench.extraction import SourceAccount, extract_into
from workbench.extraction.contract import Target
from workbench.extraction.wire import Wire
from workbench.rehearsal import running

CANARY = {"key": "canary-key-7d1f", "user": "canary.user@example.com", "password": "canary/pass word:+%&#?"}
SIZES = {"accounts": 700}


def forms(secret: str) -> list[bytes]:
    """How a secret may look."""
    quoted = {quote(secret, safe=""), quote(secret), secret, secret[::-1]}
    return [text.encode() for text in quoted] + [base64.b64encode(secret.encode())]


def clean(blob: bytes, secrets: list[str]) -> bool:
    """Whether none of them is in it, in any form."""
    return not any(form in blob for secret in secrets for form in forms(secret))


def who(url: str, **changed: str) -> SourceAccount:
    said = {**CANARY, **changed}
    return SourceAccount(url, Secret(said["key"]), Secret(said["user"]), Secret(said["password"]), {"rows": 100}, 60)


def tokens(log_paths: list[str]) -> list[str]:
    """Every token that the stand-in has given out, as its own log shows them."""
    return sorted({path.split("/records/")[1].split("/")[0] for path in log_paths if "/records/" in path})


def recipe(folder: Path) -> Path:
    tenant = make_tenant(folder / "own", SIZES)
    path = folder / "recipe.toml"
    path.write_text(f'folder = "{tenant}"\n[account]\nuser = "{CANARY["user"]}"\npassword = "{CANARY["password"]}"\n')
    return path


def test_no_secret_is_in_a_file_a_log_or_an_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = ["drop_after=0.1,method=GET", "500_before=0.05,method=GET", "truncated=0.1,method=GET"]
    switched = {"token_calls": "9", "corrupt_share": "0.02"}
    with running(
        "soffront", state=tmp_path / "s", token=CANARY["key"], tenant=recipe(tmp_path), switches=switched, faults=faults, seed=3
    ) as stand_in:
        done = extract_into(tmp_path / "exports", "soffront", who(stand_in.url))
        paths = stand_in.log()["path"].tolist()
    given = tokens(paths)
    assert len(given) > 2  # so they were renewed
    secrets = [*CANARY.values(), *given]
    written = {path: path.read_bytes() for path in (tmp_path / "exports").rglob("*") if path.is_file()}
    assert len(written) > 10
    assert not [path for path, blob in written.items() if not clean(blob, secrets)]
    out, err = capfd.readouterr()
    shown = [caplog.text, out, err, repr(done), done._repr_html_(), repr([record.__dict__ for record in caplog.records])]
    assert not [text[:200] for text in shown if not clean(text.encode(), secrets)]


@pytest.mark.parametrize("failure", ["401", "reset", "nobody", "garbled", "crash"])
def test_no_secret_is_in_an_error_nor_in_its_stack(tmp_path: Path, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = {"reset": ["drop_before=1,method=GET"], "garbled": ["invalid_json=1,method=GET"]}.get(failure, [])
    with running("soffront", state=tmp_path / "s", token=CANARY["key"], tenant=recipe(tmp_path), faults=faults) as stand_in:
        url = stand_in.url if failure != "nobody" else "http://127.0.0.1:9/none"
        account = who(url, password="canary/other") if failure == "401" else who(url)
        if failure == "crash":

            def broken(*given: object, **more: object) -> None:
                raise RuntimeError("out of memory")

            monkeypatch.setattr(httpx.HTTPTransport, "handle_request", broken)
        with pytest.raises((WorkbenchError, RuntimeError)) as caught:
            extract_into(tmp_path / "exports", "soffront", account)
    secrets = [CANARY["key"], CANARY["password"], CANARY["user"], "canary/other"]
    texts = list(told_by(caught.value))
    assert len(texts) > 3
    assert not [text[:300] for text in texts if not clean(text.encode(), secrets)]


def told_by(error: BaseException | None) -> Iterator[str]:
    """All that an error shows of itself and of what lies behind it, the variables of every frame but this test's too."""
    while error is not None:
        yield from (repr(error), str(error), repr(error.args), repr(vars(error)))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield repr(frame.f_locals)
        error = error.__cause__ or error.__context__


def test_what_a_question_shows_of_itself_has_names_for_its_secrets() -> None:
    target = Target("token/{key}/{user}/{password}", secrets={name: Secret(value) for name, value in CANARY.items()})
    assert target.place == "GET token/{key}/{user}/{password}"
    assert clean(repr(target).encode(), list(CANARY.values()))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(target)


def test_every_letter_of_a_password_reaches_the_source_as_it_is(tmp_path: Path) -> None:
    with running("soffront", state=tmp_path / "s", token=CANARY["key"], tenant=recipe(tmp_path)) as stand_in:
        done = extract_into(tmp_path / "exports", "soffront", who(stand_in.url))
    assert done.good


@pytest.mark.parametrize(
    "url", ["http://crm.example.com/api", "https://user:pass@crm.example.com", "", "https://x.example/?key=1"]
)
def test_a_key_goes_over_https_only_and_never_stands_in_the_address(url: str) -> None:
    with pytest.raises(EngagementError, match="no address of a source") as told:
        Wire(url, timeout=Policy().timeout, body_cap=1000)
    assert "pass" not in str(told.value)


def test_a_redirect_is_never_followed_with_the_key_in_hand() -> None:
    asked: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wire = Wire(f"http://127.0.0.1:{server.server_port}", timeout=5, body_cap=1000)
        got = wire.ask(Target("token/{key}", secrets={"key": Secret("canary")}))
        wire.close()
        server.shutdown()
    assert (got.status, asked) == (302, ["/token/canary"])
