"""The HTTP client against a real server on loopback that answers as it is told."""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.destinations import Book, Secret
from workbench.destinations.freshsales.picture import place_of
from workbench.destinations.freshsales.reading import Reader
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Answer, Http, Limiter, Policy, Request, Wait, Window
from workbench.destinations.http.verdicts import Happening, classify
from workbench.destinations.limits.saying import asked
from workbench.errors import DestinationBusy, EngagementError, Refused, Uncertain, WrongKey
from workbench.specs import load_destination

KEY = "canary-5f1e0c"
Reply = tuple[int, dict[str, str], bytes]


class Pages:
    """A book in memory."""

    text = ""

    def read(self) -> str:
        return self.text

    def keep(self, text: str) -> None:
        self.text = text


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

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # the usual five drop some of a dozen threads that connect at once

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(
    script: Script,
    on_wait: Callable[[Wait], None] | None = None,
    *,
    book: Book | None = None,
    renew: Callable[[], Secret] | None = None,
    **policy: object,
) -> Iterator[Http]:
    settings = {"first_wait": 0.01, "longest_wait": 0.05, "longest_told": 0.5, "timeout": 0.2, "block": 0.3, **policy}
    with serving(script) as url:
        http = Http(
            url,
            ("Authorization", Secret(f"Token token={KEY}")),
            policy=Policy(**settings),  # type: ignore[arg-type]
            on_wait=on_wait,
            book=book,
            renew=renew,
        )
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
    ("headers", "least"),
    [({}, 0), ({"Retry-After": "0.3"}, 0.3), ({"x-ratelimit-reset": "0.3"}, 0.3), ({"Retry-After": "soon"}, 0),
     ({"Retry-After": "-1"}, 0), ({"Retry-After": "nan"}, 0), ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
     ({"Retry-After": "86400"}, 0.5), ({"Retry-After": "86400", "x-ratelimit-reset": "0.2"}, 0.2),
     ({"Retry-After": "0.1", "x-ratelimit-reset": "0.3"}, 0.3)],
)  # fmt: skip
def test_a_429_is_waited_for_in_all_its_forms_and_never_for_longer_than_we_believe(
    headers: dict[str, str], least: float
) -> None:
    waits: list[Wait] = []
    script = Script(answer(429, None, **headers), answer(200, {}))
    with client(script, on_wait=waits.append) as http:
        http.call(READ)
    assert least <= script.times[1] - script.times[0] < least + 0.3
    assert [wait.reason for wait in waits] == ["the destination asked to wait"]
    assert waits[0].seconds >= least


@pytest.mark.parametrize("skew", [-300, 0, 300, 86400])
def test_a_date_to_wait_for_is_read_by_the_clock_of_whoever_said_it(skew: int) -> None:
    now = time.time() + skew
    headers = {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + 7, usegmt=True)}
    assert asked(headers, longest=3700) == 7
    assert asked({"date": headers["date"], "x-ratelimit-reset": str(int(now) + 7)}, longest=3700) == 7
    assert asked({"x-ratelimit-reset": "30000", "date": headers["date"]}, longest=3700) == 30  # which only milliseconds can be


def test_nobody_sends_before_the_end_of_a_stop_but_those_who_have_sent() -> None:
    script = Script(answer(200, {}), answer(429, None, **{"Retry-After": "0.4"}), answer(200, {}))
    with client(script) as http:
        http.call(WRITE)
        threads = [threading.Thread(target=http.call, args=(WRITE,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    refused = script.times[1]
    on_their_way = [at for at in script.times[2:] if at - refused < 0.1]
    assert len(script.asked) == 14
    assert all(at - refused >= 0.39 for at in script.times[2:] if at not in on_their_way)
    assert len(script.times[2:]) - len(on_their_way) >= 1


DAY = Window(86400, 1000, name="day", unit="tokens", resets="midnight")


@pytest.mark.parametrize(
    "headers",
    [{"x-daily-ratelimit-token-remaining": "0", "x-ratelimit-remaining": "7", "Retry-After": "3"},
     {"x-ratelimit-remaining": "7"}, {"x-daily-requests-left": "0"}],
)  # fmt: skip
def test_a_budget_of_the_day_that_is_gone_ends_the_run_and_says_when_to_resume(headers: dict[str, str]) -> None:
    book = Pages()
    script = Script(answer(429, None, **headers))
    with client(script, windows=(DAY,), patience=1.0, book=book) as http:
        with pytest.raises(DestinationBusy, match="budget of the day") as caught:
            http.call(WRITE)
        with pytest.raises(DestinationBusy, match="budget of the day"):
            http.call(WRITE)
        assert "00:00:0" in caught.value.todo
    with (
        client(script, windows=(DAY,), patience=1.0, book=book) as http,
        pytest.raises(DestinationBusy, match="budget of the day"),
    ):
        http.call(WRITE)
    assert len(script.asked) == 1  # neither this run nor the next one asks again before midnight


def test_a_429_of_the_moment_is_not_taken_for_the_end_of_the_day() -> None:
    headers = {"x-daily-ratelimit-token-remaining": "900", "x-ratelimit-remaining": "7", "Retry-After": "0.1"}
    script = Script(answer(429, None, **headers), answer(201, {"id": 1}))
    with client(script, windows=(DAY,)) as http:
        assert http.call(WRITE).status == 201


def test_the_page_of_a_guard_stops_everybody_and_then_one_call_goes_first() -> None:
    page = (403, {"Content-Type": "text/html"}, b"<html>blocked</html>")
    script = Script(page, answer(200, {}), answer(200, {}))
    waits: list[Wait] = []
    with client(script, on_wait=waits.append, windows=(Window(2, 100),)) as http:
        with pytest.raises(Uncertain, match="nobody can say"):
            http.call(WRITE)  # nobody knows whether it came past the guard
        threads = [threading.Thread(target=http.call, args=(READ,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(script.asked) == 9
    assert all(at - script.times[0] >= 0.3 for at in script.times[1:])
    assert waits[0].reason == "the destination blocks this key"


def test_a_block_is_kept_for_the_next_run_and_one_that_goes_on_begins_anew() -> None:
    page = (403, {"Content-Type": "text/html"}, b"<html>blocked</html>")
    book = Pages()
    script = Script(page, page, answer(200, {}))
    with client(script, book=book, block=0.6) as http, pytest.raises(Uncertain):
        http.call(WRITE)
    with client(script, book=book, block=0.6) as http:
        assert http.call(READ).good
    assert script.times[1] - script.times[0] >= 0.59
    assert script.times[2] - script.times[1] >= 0.6


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
        reader = Reader(http, Dials(), lag=0.0)
        assert reader.children(place, "7") == []
        with pytest.raises(Refused, match="does not show"):
            reader.children(place, "7")


# ---------------------------------------------------------------- what an answer means


def happened(status: int = 200, **more: object) -> Happening:
    return Happening(**{"sent": True, "status": status, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("got", "verdict"),
    [
        (happened(200, data={"id": 1}), "done"),
        (happened(201, data={"id": 1}), "done"),
        (happened(204), "done"),
        (happened(200, flaw="without valid JSON"), "unknown"),
        (happened(200, flaw="without valid JSON", page=True), "unknown"),
        (happened(201, flaw="its answer is cut off"), "unknown"),
        (happened(429, data={}), "later"),
        (happened(429, flaw="without valid JSON", page=True), "later"),
        *((happened(status), "refused") for status in (400, 402, 404, 405, 409, 410, 413, 415, 422)),
        (happened(400, flaw="without valid JSON", page=True), "refused"),
        (happened(401), "stale"),
        (happened(403, data={"errors": {}}), "refused"),
        (happened(403, flaw="without valid JSON", page=True), "blocked"),
        *((happened(status), "elsewhere") for status in (301, 302, 303, 307, 308, 421)),
        *((happened(status, data={"id": 1}), "unknown") for status in (408, 425, 500, 501, 502, 503, 504, 520, 103)),
        (Happening(sent=True, words="reset"), "unknown"),
        (Happening(sent=False, words="refused, no name, no handshake"), "unsent"),
    ],
)
def test_the_table_of_answers_takes_nothing_for_certain_that_is_not(got: Happening, verdict: str) -> None:
    assert classify(got) == verdict


def whole_request(connection: socket.socket) -> bytes:
    """What came until a head was whole, and the body that it announces; nothing where the other end has gone."""
    got = b""
    try:
        while (piece := connection.recv(65536)) and (got := got + piece):
            head, whole, body = got.partition(b"\r\n\r\n")
            announced = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if whole and len(body) >= int(announced[1] if announced else 0):
                return got
    except OSError:
        pass
    return b""


def raw(*replies: bytes, after: str = "close") -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each request of a connection with the next of these bytes, and then closes or keeps it."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(3)
    left = list(replies)

    def serve() -> None:
        while left:
            try:
                connection, _ = listener.accept()
            except OSError:  # nobody came, or the test is over
                return
            with connection:
                connection.settimeout(3)
                while left:
                    asked_for = whole_request(connection)
                    if not asked_for:
                        break
                    heard.append(asked_for)
                    connection.sendall(left.pop(0))
                    if after == "close":
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api", heard
    finally:
        left.clear()
        listener.close()
        thread.join()


answering = contextmanager(raw)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GOOD = HEAD + b'content-length: 8\r\n\r\n{"id":1}'
BOMB = gzip.compress(b'{"a":"' + b" " * (40 << 20) + b'"}')


@pytest.mark.parametrize(
    "reply",
    [
        HEAD + b'content-length: 80\r\n\r\n{"id":1}',
        HEAD + b'content-length: 4\r\n\r\n{"id":1}',
        HEAD + b'transfer-encoding: chunked\r\n\r\n8\r\n{"id":1}\r\n',
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"content-encoding: br\r\ncontent-length: 3\r\n\r\nabc",
        HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
        HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB,
        HEAD + b"content-length: 20\r\n\r\n<html>be back</html>",
        HEAD + b"content-length: 200002\r\n\r\n" + b"[" * 100001 + b"]" * 100001,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40000 + b"\r\n{}",
        b"",
    ],
)
def test_a_damaged_answer_leaves_a_write_uncertain_whatever_the_damage(reply: bytes) -> None:
    with answering(reply) as (url, _), pytest.raises(Uncertain):
        Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=1, body_cap=1 << 20)).call(WRITE)


def test_a_bomb_is_not_unpacked_beyond_the_cap() -> None:
    tracemalloc.start()
    with answering(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB) as (url, _):
        with pytest.raises(DestinationBusy):
            Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=1, read_attempts=1, body_cap=1 << 20)).call(READ)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_packed_answer_of_a_sane_size_is_read() -> None:
    packed = gzip.compress(b'{"id":7}')
    with answering(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed) as (url, heard):
        assert Http(url, ("x-api-token", Secret(KEY)), policy=Policy()).call(READ).data == {"id": 7}
    assert b"Accept-Encoding: gzip" in heard[0]


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"], ids=["head", "body"]
)
def test_an_answer_that_drips_ends_with_the_time_out(head: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head)
                while True:
                    try:
                        connection.sendall(b"y")
                    except OSError:
                        return
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(Uncertain):
            Http(f"http://127.0.0.1:{listener.getsockname()[1]}", ("k", Secret(KEY)), policy=Policy(timeout=0.4)).call(WRITE)
        assert time.monotonic() - begun < 60
        thread.join()


# ---------------------------------------------------------------- connections


def test_a_write_on_a_connection_that_was_closed_meanwhile_goes_out_on_a_new_one() -> None:
    with answering(GOOD, GOOD) as (url, heard):
        http = Http(url, ("x-api-token", Secret(KEY)), policy=Policy())
        http.call(WRITE)
        time.sleep(0.05)  # the end of the connection is here by now
        assert http.call(WRITE).data == {"id": 1}
    assert len(heard) == 2


def test_a_write_that_left_on_a_connection_which_closes_just_then_is_uncertain() -> None:
    with answering(GOOD, b"", after="keep") as (url, heard):
        http = Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=5))
        http.call(WRITE)
        with pytest.raises(Uncertain):
            http.call(WRITE)
    assert len(heard) == 2


@pytest.mark.parametrize(
    ("taken", "error"),
    [(0, DestinationBusy), (40, DestinationBusy), (-1, Uncertain)],
    ids=["nothing", "part of the head", "part of the body"],
)
def test_a_connection_that_breaks_before_the_head_is_out_leaves_nothing_uncertain(
    taken: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[bytes] = []
    send = socket.socket.send

    def broken(sock: socket.socket, content: bytes) -> int:
        pieces.append(content)
        if len(pieces) > 1 or not taken:
            raise BrokenPipeError
        return send(sock, content[:taken])

    with answering(GOOD) as (url, heard):
        http = Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=0.2))
        monkeypatch.setattr(socket.socket, "send", broken)
        with pytest.raises(error):
            http.call(WRITE)
        monkeypatch.undo()
        http.close()
    assert (len(pieces), heard) == (2 if taken else 1, [])
    assert b"\r\n\r\n{" in pieces[0]  # head and body leave together, as far as the connection takes them


def test_what_comes_after_an_answer_is_never_taken_for_the_next_one() -> None:
    with answering(GOOD + GOOD.replace(b"1}", b"9}"), GOOD, after="keep") as (url, heard):
        http = Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=2))
        assert [http.call(WRITE).data for _ in range(2)] == [{"id": 1}, {"id": 1}]
    assert len(heard) == 2


def test_a_connection_is_used_again_and_a_handful_serves_many_calls() -> None:
    script = Script(answer(200, {}))
    with client(script) as http:
        for _ in range(20):
            http.call(WRITE)
        assert len(http._wire._idle) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/api", "https://127.0.0.1:{port}/api", "https://nowhere.invalid/api"])
def test_what_never_left_is_no_uncertainty(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with answering(b"no tls here\r\n") as (url, _):
        there = address.format(port=url.rpartition(":")[2].partition("/")[0])
        http = Http(there, ("x-api-token", Secret(KEY)), policy=Policy(timeout=2, first_wait=0.01))
        with pytest.raises(DestinationBusy, match="no usable answer"):
            http.call(WRITE)


def test_the_proxy_of_the_house_is_asked_for_a_tunnel_and_never_sees_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as (url, heard):
        place = url.removesuffix("/api").replace("http://", "http://us:er%40@")
        monkeypatch.setenv("https_proxy", place)
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(DestinationBusy, match="no usable answer"):
            Http("https://crm.example/api", ("x-api-token", Secret(KEY)), policy=Policy(timeout=2)).call(WRITE)
    assert heard[0].startswith(b"CONNECT crm.example:443")
    assert KEY.encode() not in heard[0]


# ---------------------------------------------------------------- the key


def test_a_key_that_has_run_out_is_renewed_once_for_all_threads() -> None:
    renewed: list[str] = []
    ended = threading.Event()
    script = Script(answer(401), answer(401), answer(401), answer(401), answer(200, {}))

    def renew() -> Secret:
        renewed.append("once")
        ended.wait(0.1)
        return Secret("Bearer new")

    with client(script, renew=renew) as http:
        threads = [threading.Thread(target=http.call, args=(WRITE,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert renewed == ["once"]
    assert len(script.asked) == 8
    assert script.keys[-1] == "Bearer new"


def test_a_renewed_key_that_is_refused_too_is_wrong() -> None:
    with client(Script(answer(401)), renew=lambda: Secret("Bearer new")) as http, pytest.raises(WrongKey):
        http.call(WRITE)


@pytest.mark.parametrize("key", ["", "  ", f"{KEY}\r\nx-evil: 1", f"{KEY}é", f"{KEY}\0"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(WrongKey) as caught:
        Http("https://crm.example/api", ("x-api-token", Secret(key)), policy=Policy())
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in told.replace("key = ", "") or "tests/test_http.py" in told
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [answer(401), answer(403), (403, {"Content-Type": "text/html"}, b"<html>"), answer(429), answer(500), "drop", "hang",
     (302, {"Location": "https://elsewhere.example/"}, b""), (200, {}, b"{")],
)  # fmt: skip
@pytest.mark.parametrize("request_", [READ, WRITE])
def test_the_key_is_in_no_traceback_even_with_the_values_of_all_frames(
    fault: Reply | str, request_: Request, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with client(Script(fault), patience=0.02, read_attempts=2, block=0.01) as http:
        with pytest.raises(Exception) as caught:
            http.call(request_)
        seen, error = set(), caught.value
        told = [caplog.text, repr(http), repr(vars(http)), repr(vars(http._wire))]
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            told.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
            error = error.__context__  # type: ignore[assignment]
    assert KEY not in "".join(told)


def test_the_key_is_in_no_frame_when_sending_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the innermost frame, and a traceback with values is made of all of them."""
    with answering(GOOD) as (url, _):
        http = Http(url, ("x-api-token", Secret(KEY)), policy=Policy(timeout=2))

        def interrupted(sock: socket.socket, content: bytes) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(socket.socket, "send", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            http.call(WRITE)
        monkeypatch.undo()
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "exchange" in told and KEY not in told


def test_the_clock_of_a_rehearsal_never_reaches_an_account_in_earnest() -> None:
    with pytest.raises(EngagementError, match="rehearsal's clock"):
        Http("https://crm.example/api", ("x-api-token", Secret(KEY)), policy=Policy(time_scale=60))
    Http("http://127.0.0.1:9/api", ("x-api-token", Secret(KEY)), policy=Policy(time_scale=60))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [READ, WRITE])
def test_no_redirect_is_followed_not_even_to_the_same_host(status: int, request_: Request) -> None:
    script = Script((status, {"Location": "/api/other"}, b""), answer(200, {}))
    with client(script) as http, pytest.raises(EngagementError, match="does not lead to the API"):
        http.call(request_)
    assert len(script.asked) == 1
