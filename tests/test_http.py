"""The HTTP client against a real server on loopback that answers as it is told."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.destinations import Secret
from workbench.destinations.freshsales_picture import place_of
from workbench.destinations.freshsales_reading import Reader
from workbench.destinations.freshsales_settings import Dials
from workbench.destinations.http import Answer, Http, Limiter, Policy, Request, Wait, Window
from workbench.errors import DestinationBusy, EngagementError, Refused, Uncertain, WrongKey
from workbench.specs import load_destination

KEY = "canary-5f1e0c"
Reply = tuple[int, dict[str, str], bytes]


class Script:
    """What the server shall answer, and what it was asked."""

    def __init__(self, *replies: Reply | str) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str]] = []
        self.keys: list[str] = []
        self.times: list[float] = []


def answer(status: int = 200, body: object = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(body).encode()


@contextmanager
def serving(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path))
            script.keys.append(self.headers.get("Authorization", ""))
            script.times.append(time.monotonic())
            reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            if isinstance(reply, str):
                self.close_connection = True
                if reply == "hang":
                    time.sleep(0.5)
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(script: Script, on_wait: Callable[[Wait], None] | None = None, **policy: object) -> Iterator[Http]:
    settings = {"first_wait": 0.01, "longest_wait": 0.05, "timeout": 0.2, **policy}
    with serving(script) as url:
        http = Http(url, ("Authorization", Secret(f"Token token={KEY}")), policy=Policy(**settings), on_wait=on_wait)  # type: ignore[arg-type]
        yield http
        http.close()


READ = Request("GET", "things", read=True)
WRITE = Request("POST", "things", body={"name": "é"})


@pytest.mark.parametrize("fault", [answer(500), answer(503), "drop", "hang", (200, {}, b'{"cut')])
def test_a_read_is_repeated_until_it_succeeds_and_every_wait_is_told(fault: Reply | str) -> None:
    waits: list[Wait] = []
    script = Script(fault, fault, answer(200, {"a": 1}))
    with client(script, on_wait=waits.append) as http:
        assert http.call(READ).data == {"a": 1}
    assert len(script.asked) == 3
    assert [wait.reason.startswith("a read failed") for wait in waits] == [True, True]


@pytest.mark.parametrize("fault", [answer(500), answer(502), "drop", "hang", (200, {}, b'{"cut')])
def test_a_write_without_an_answer_is_uncertain_and_never_sent_again(fault: Reply | str) -> None:
    script = Script(fault)
    with client(script) as http, pytest.raises(Uncertain):
        http.call(WRITE)
    assert len(script.asked) == 1


def test_a_read_that_keeps_failing_ends_in_words_after_the_last_attempt() -> None:
    script = Script(answer(500))
    with client(script, read_attempts=3) as http, pytest.raises(DestinationBusy, match="no usable answer"):
        http.call(READ)
    assert len(script.asked) == 3


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_a_429_is_always_repeated_because_nothing_was_done(request_: Request) -> None:
    waits: list[Wait] = []
    script = Script((429, {"Content-Type": "text/html"}, b"slow down"), answer(429), answer(201, {"id": 1}))
    with client(script, on_wait=waits.append) as http:
        assert http.call(request_).status == 201
    assert len(script.asked) == 3
    assert {wait.reason for wait in waits} == {"the destination asked to wait"}


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("Retry-After", "0.3", 0.3), ("x-ratelimit-reset", "0.3", 0.3), ("Retry-After", "soon", 0), ("Retry-After", "-1", 0),
     ("Retry-After", "86400", 0), ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)  # fmt: skip
def test_a_header_says_how_long_and_nonsense_in_it_does_not_stop_us(name: str, value: str, least: float) -> None:
    script = Script(answer(429, None, **{name: value}), answer(200, {}))
    with client(script) as http:
        http.call(READ)
    assert least <= script.times[1] - script.times[0] < least + 0.3


def test_a_limit_that_stays_used_up_ends_in_words() -> None:
    with client(Script(answer(429)), patience=0.1) as http, pytest.raises(DestinationBusy, match="too many requests"):
        http.call(WRITE)


def test_nobody_sends_once_the_headers_say_that_nothing_is_left() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0.3"}
    script = Script(answer(200, {}, **headers), answer(200, {}))
    with client(script) as http:
        http.call(WRITE)
        http.call(WRITE)
    assert script.times[1] - script.times[0] >= 0.3


def test_a_busy_answer_of_one_call_is_repeated_like_a_429() -> None:
    script = Script(answer(405), answer(202, {"ok": True}))
    request = Request("POST", "things", body={}, busy=lambda got: got.status == 405)
    with client(script) as http:
        assert http.call(request).data == {"ok": True}
    assert len(script.asked) == 2


@pytest.mark.parametrize(("status", "words"), [(401, "does not know this key"), (403, "may not do this")])
def test_a_wrong_key_says_which_header_and_what_to_check(status: int, words: str) -> None:
    with client(Script(answer(status))) as http, pytest.raises(WrongKey, match=words) as caught:
        http.call(READ)
    assert status == 403 or "Authorization" in caught.value.todo


def test_a_page_that_blocks_us_is_a_wait_and_no_wrong_key() -> None:
    page = (403, {"Content-Type": "text/html"}, b"<html>blocked</html>")
    with client(Script(page)) as http, pytest.raises(DestinationBusy):
        http.call(WRITE)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_is_an_answer_even_when_it_comes_as_a_page(status: int) -> None:
    script = Script((status, {"Content-Type": "text/html"}, b"<html>no</html>"))
    with client(script) as http:
        assert http.call(WRITE).status == status
    assert len(script.asked) == 1


def test_the_key_does_not_follow_a_redirect_to_another_host() -> None:
    stranger = Script(answer(200, {}))
    with serving(stranger) as elsewhere:
        script = Script((302, {"Location": f"{elsewhere}/things"}, b""))
        with client(script) as http, pytest.raises(EngagementError, match="does not lead to the API"):
            http.call(READ)
    assert stranger.asked == []


@pytest.mark.parametrize("address", ["http://crm.example/api", "https://user:pw@crm.example/api", "crm.example/api"])
def test_an_address_that_would_show_the_key_is_refused(address: str) -> None:
    with pytest.raises(EngagementError):
        Http(address, ("Authorization", Secret(KEY)), policy=Policy())


def test_an_answer_beyond_the_cap_is_not_kept() -> None:
    script = Script(answer(200, "x" * 5000))
    with client(script, body_cap=1000) as http, pytest.raises(Uncertain, match="nobody can say"):
        http.call(WRITE)


def test_nobody_listening_is_told_as_such_and_nothing_is_uncertain() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    http = Http(f"http://127.0.0.1:{port}/api", ("Authorization", Secret(KEY)), policy=Policy(first_wait=0.01))
    with pytest.raises(DestinationBusy, match="no usable answer") as caught:
        http.call(WRITE)
    assert "nobody answers" in caught.value.found


def test_the_key_is_in_the_header_alone_and_in_no_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    faults: list[Reply | str] = [answer(401), answer(500), "drop", "hang", answer(429)]
    shown = []
    for fault in faults:
        script = Script(fault)
        with client(script, patience=0.02, read_attempts=2) as http:
            for request in (READ, WRITE):
                try:
                    http.call(request)
                except Exception as error:
                    chain = [error, error.__cause__, error.__context__]
                    shown.append("".join(traceback.format_exception(error)) + repr(chain) + repr(vars(error)))
            shown.append(repr(http) + repr(vars(http)))
        assert script.keys[0] == f"Token token={KEY}"
        assert all(KEY not in path for _, path in script.asked)
    assert len(shown) >= 10
    assert KEY not in "".join(shown) + caplog.text


def test_no_window_ever_holds_more_than_its_allowance() -> None:
    limiter = Limiter([Window(0.3, 5), Window(1.0, 12)], report=lambda wait: None)
    sent: list[float] = []

    def worker() -> None:
        for _ in range(6):
            limiter.take()
            sent.append(time.monotonic())

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.sort()
    assert len(sent) == 24
    assert all(sent[place + 5] - sent[place] >= 0.3 for place in range(19))
    assert all(sent[place + 12] - sent[place] >= 1.0 for place in range(12))


def test_threads_share_no_connection_and_close_leaves_none_open() -> None:
    script = Script(answer(200, {}))
    with client(script) as http:
        results: list[Answer] = []
        threads = [threading.Thread(target=lambda: results.append(http.call(READ))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [result.good for result in results] == [True] * 8


def test_a_path_can_stand_beside_the_last_part_of_the_base() -> None:
    script = Script(answer(200, {}))
    with client(script) as http:
        http.call(Request("GET", "../settings/contacts", params={"q": "ä b"}, read=True))
    assert script.asked == [("GET", "/settings/contacts?q=%C3%A4+b")]


@pytest.mark.parametrize("location", [{}, {"Location": "https://[broken"}])
def test_a_redirect_that_leads_nowhere_ends_in_words(location: dict[str, str]) -> None:
    with client(Script((302, location, b""))) as http, pytest.raises(EngagementError, match="does not lead to the API"):
        http.call(Request("GET", "contacts/1", read=True))


def test_a_record_whose_children_are_not_shown_is_not_taken_for_one_without_children() -> None:
    """The rollback would delete it, and what people have hung on it."""
    spec = load_destination("freshsales")
    place = place_of(spec, "contact", classic=False)
    with client(Script(answer(404), answer(400, {"errors": {"code": 400, "message": ["no such include"]}}))) as http:
        reader = Reader(http, Dials())
        assert reader.children(place, "7") == []
        with pytest.raises(Refused, match="does not show"):
            reader.children(place, "7")
