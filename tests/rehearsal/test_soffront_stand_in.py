"""The stand-in of Soffront: each thing that no page tells is a switch, and each switch does what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from typer.testing import CliRunner

from workbench.cli import app
from workbench.errors import SpecError
from workbench.rehearsal import running, switches
from workbench.rehearsal.soffront import PASSWORD, SWITCHES, USER

KEY = "developer-key-0123456789"


class Desk:
    """A client of one stand-in with a token."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.token = self.sign()["Token"]

    def sign(self, key: str = KEY, user: str = USER, password: str = PASSWORD) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.text(f"token/{'/'.join(quote(w, safe='') for w in (key, user, password))}"))
        return said

    def text(self, path: str) -> str:
        return re.sub(r"^callback\((.*)\);$", r"\1", self.http.get(path).text)

    def ask(self, method: str, rest: str = "") -> httpx.Response:
        return self.http.get(f"{method}/{self.token}{rest}")

    def rows(self, object_: str, **params: str | int) -> list[dict[str, Any]]:
        answer = self.http.get(f"records/{self.token}/{object_}", params=params)
        return list(json.loads(re.sub(r"^callback\((.*)\);$", r"\1", answer.text))["Records"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def open_desk(tenant: Path | None = None, faults: tuple[str, ...] = (), **switched: str) -> Desk:
            state = tmp_path / f"state-{len(list(tmp_path.glob('state-*')))}"
            one = stack.enter_context(
                running("soffront", state=state, token=KEY, tenant=tenant, switches=switched, faults=faults, time_scale=60)
            )
            made = Desk(one.url)
            stack.callback(made.http.close)
            return made

        yield open_desk


def big(folder: Path, count: int = 1200) -> Path:
    folder.mkdir()
    rows = [
        {"ThingID": n, "Name": f"n{n}", "ModifiedDate": f"2025-01-01T{n // 60 % 24:02}:{n % 60:02}"}
        for n in range(1, count + 1)
    ]
    (folder / "things.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "objects.json").write_text(json.dumps({"objects": [{"name": "things", "key": "ThingID"}]}))
    return folder


def keys(rows: list[dict[str, Any]]) -> list[int]:
    return [row["ThingID"] for row in rows]


def test_the_token_call_is_as_documented_and_a_wrong_word_is_status_0(desk: Any) -> None:
    one = desk()
    assert one.sign() == {"Status": 1, "Token": one.sign()["Token"], "Message": ""} or one.sign()["Status"] == 1
    for wrong in ({"key": "no"}, {"user": "no"}, {"password": "no"}):
        said = one.sign(**wrong)
        assert (said["Status"], said["Token"]) == (0, "")


def test_objects_fields_rows_one_row_and_count_are_told(desk: Any) -> None:
    one = desk()
    listed = one.ask("objects").json()["Objects"]
    assert {"Name": "Renewal", "Label": "Renewals", "IsCustom": True, "Parent": ""} in listed
    assert "AccountID" in [field["Name"] for field in one.ask("fields", "/accounts").json()["Fields"]]
    assert one.ask("count", "/accounts").json() == {"Status": 1, "Count": 3}
    assert len(one.rows("accounts")) == 3 and one.rows("Renewal") == []
    assert one.ask("record", "/accounts/2").json()["Records"][0]["AccountName"] == "Harbour Foods"


def test_attachments_are_listed_and_sent_and_a_lost_one_is_refused(desk: Any) -> None:
    one = desk()
    assert [row["FileName"] for row in one.ask("attachments", "/accounts/1").json()["Attachments"]] == ["offer.txt"]
    got = one.ask("attachment", "/1")
    assert (got.content, got.headers["content-type"]) == (b"Ten per cent", "text/plain")
    assert one.ask("attachment", "/2").json()["Status"] == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(desk: Any, method: str) -> None:
    one = desk()
    answer = one.http.request(method, f"record/{one.token}/accounts/1", json={"AccountName": "x"})
    assert answer.json()["Status"] == 0
    assert one.rows("accounts")[0]["AccountName"] == "Müller & Söhne"


def test_rowcount_above_the_ceiling_is_obeyed_cut_or_refused(desk: Any, tmp_path: Path) -> None:
    tenant = big(tmp_path / "t")
    assert len(desk(tenant, rowcount_above="obey").rows("things", rowcount=1000)) == 1000
    assert len(desk(tenant, rowcount_above="cut").rows("things", rowcount=1000)) == 500
    one = desk(tenant, rowcount_above="refuse")
    assert one.ask("records", "/things?rowcount=1000").json()["Status"] == 0
    assert len(one.rows("things", rowcount=500)) == len(one.rows("things")) == 500


def test_the_second_page_comes_by_offset_by_cursor_or_not_at_all(desk: Any, tmp_path: Path) -> None:
    tenant = big(tmp_path / "t")
    assert keys(desk(tenant).rows("things", startrow=501, rowcount=2)) == [501, 502]
    one = desk(tenant, paging="cursor")
    first = one.ask("records", "/things?rowcount=3").json()
    assert keys(one.rows("things", rowcount=2, cursor=first["NextCursor"])) == [4, 5]
    one = desk(tenant, paging="ceiling")
    assert keys(one.rows("things", startrow=501, rowcount=2)) == [1, 2]
    assert keys(one.rows("things", where="ThingID>700", rowcount=2)) == [701, 702]


def test_the_first_row_has_number_0_or_1(desk: Any, tmp_path: Path) -> None:
    tenant = big(tmp_path / "t")
    assert keys(desk(tenant, start_index="0").rows("things", startrow=1, rowcount=1)) == [2]
    assert keys(desk(tenant, start_index="1").rows("things", startrow=1, rowcount=1)) == [1]


def test_the_count_is_a_call_or_none_and_beside_a_page_its_own_or_of_all(desk: Any, tmp_path: Path) -> None:
    tenant = big(tmp_path / "t")
    assert desk(tenant, count_call="off").ask("count", "/things").json()["Status"] == 0
    said = ("absent", "page", "total")
    pages = [desk(tenant, count_in_page=which).ask("records", "/things?rowcount=5").json() for which in said]
    assert [page.get("Count") for page in pages] == [None, 5, 1200]


def test_rows_are_touched_or_added_while_somebody_pages(desk: Any, tmp_path: Path) -> None:
    tenant = big(tmp_path / "t", 30)
    one = desk(tenant, order="modified", orderby="ignore", change_every="2")
    seen = [key for start in (1, 11, 21) for key in keys(one.rows("things", startrow=start, rowcount=10, orderby="ThingID"))]
    assert len(set(seen)) < 30  # one slipped through
    one = desk(tenant, change_every="2")
    assert [len(one.rows("things", rowcount=99)) for _ in range(2)] == [30, 31]
    one = desk(tenant, order="modified", orderby="honour")
    assert keys(one.rows("things", rowcount=9, orderby="ThingID")) == list(range(1, 10))


@pytest.mark.parametrize(("form", "status"), [("status", 200), ("http", 401), ("html", 200)])
def test_a_token_ends_after_calls_or_seconds_and_says_so_in_one_of_three_ways(desk: Any, form: str, status: int) -> None:
    one = desk(token_calls="2", expired_form=form)
    assert [one.ask("count", "/accounts").json()["Status"] for _ in range(2)] == [1, 1]
    dead = one.ask("count", "/accounts")
    assert dead.status_code == status
    assert ("<html" in dead.text) is (form == "html")
    one.token = one.sign()["Token"]
    assert one.ask("count", "/accounts").json()["Status"] == 1
    one = desk(token_seconds="0.001", expired_form=form)
    assert one.ask("count", "/accounts").status_code == status and '"Count"' not in one.ask("count", "/accounts").text


def test_a_refusal_comes_under_200_or_under_400(desk: Any) -> None:
    assert desk().ask("count", "/nothing").status_code == 200
    assert desk(error_status="400").ask("count", "/nothing").status_code == 400


def test_a_page_of_html_and_bursts_of_503_come_every_so_many_calls(desk: Any) -> None:
    one = desk(html_every="3")
    assert [("<html" in one.ask("count", "/accounts").text) for _ in range(3)] == [False, True, False]
    one = desk(burst_every="3", burst_length="2")
    assert [one.ask("count", "/accounts").status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_answers_may_be_wrapped_in_a_call(desk: Any) -> None:
    one = desk(jsonp="on")
    assert one.ask("count", "/accounts").text == 'callback({"Status":1,"Count":3});'


@pytest.mark.parametrize(
    ("style", "found"),
    [("iso", "2024-02-01T09:30:00"), ("ms", "/Date(1706779800000+0000)/"), ("us", "02/01/24 09:30 AM")],
)
def test_dates_come_in_three_styles(desk: Any, style: str, found: str) -> None:
    assert desk(dates=style).rows("accounts")[0]["CreatedDate"] == found


def test_picklists_owners_numbers_and_empty_cells_have_their_forms(desk: Any) -> None:
    rows = {
        name: desk(**said).rows("accounts")
        for name, said in {
            "usual": {},
            "code": {"picklists": "code"},
            "id": {"owners": "id"},
            "name": {"owners": "name"},
            "text": {"numbers": "text"},
            "blank": {"empty": "blank"},
            "absent": {"empty": "absent"},
        }.items()
    }
    assert (rows["usual"][0]["Industry"], rows["code"][0]["Industry"]) == ("Energy", 1)
    assert [rows[name][1]["Owner"] for name in ("usual", "id", "name")] == ["lkim", "2", "Lee Kim"]
    assert (rows["usual"][0]["AccountID"], rows["text"][0]["AccountID"]) == (1, "1")
    assert (rows["usual"][2]["Industry"], rows["blank"][2]["Industry"]) == (None, "")
    assert "Industry" not in rows["absent"][2]


def test_a_page_of_many_rows_times_out_and_a_smaller_one_comes(desk: Any, tmp_path: Path) -> None:
    one = desk(big(tmp_path / "t"), slow_rows="300")
    assert one.ask("records", "/things?rowcount=500").status_code == 504
    assert len(one.rows("things", rowcount=250)) == 250


def test_an_object_may_be_listed_and_forbidden_and_a_field_listed_and_absent(desk: Any) -> None:
    one = desk()
    assert one.ask("records", "/Payroll").json()["Status"] == 0
    assert "LegacyCode" not in one.rows("accounts")[0]
    assert "LegacyCode" in [field["Name"] for field in one.ask("fields", "/accounts").json()["Fields"]]
    one = desk(forbidden="off", hidden_fields="off")
    assert one.rows("Payroll") == [] and "LegacyCode" in one.rows("accounts")[0]


@pytest.mark.parametrize("form", ["marker", "not_object", "bytes", "broken_json", "poison"])
def test_a_corrupt_row_has_one_of_five_forms(desk: Any, tmp_path: Path, form: str) -> None:
    got = desk(big(tmp_path / "t", 1), corrupt_share="1", corrupt_form=form).ask("records", "/things")
    seen = {
        "marker": b'[{"ThingID": "1", "error": "unreadable"}]',
        "not_object": b'["unreadable item"]',
        "bytes": b"\xff\xfe",
        "broken_json": b'"Records":[{"ThingID": 1',
        "poison": b"<html>",
    }[form]
    assert seen in got.content
    assert (got.status_code == 500) is (form == "poison")


@pytest.mark.parametrize(("form", "status"), [("429", 429), ("503", 503)])
def test_beyond_the_limit_it_says_later_in_the_form_that_is_chosen(desk: Any, form: str, status: int) -> None:
    for said, shape in (("seconds", r"\d+"), ("date", r"\w{3}, .* GMT"), ("none", "")):
        one = desk(calls_per_minute="2", limit_form=form, retry_after=said)
        answers = [one.ask("count", "/accounts") for _ in range(3)]
        assert answers[-1].status_code == status
        assert re.fullmatch(shape, answers[-1].headers.get("retry-after", ""))


def test_the_path_filter_of_its_host_is_the_clients_matter_and_odd_letters_arrive_encoded(desk: Any) -> None:
    assert desk().sign(password="a/b:c&d%e+f?g#h")["Status"] == 0


def test_every_switch_of_the_page_of_unknowns_is_there_and_says_where_it_stands() -> None:
    table = switches("soffront").set_index("name")
    assert {switch.name for switch in SWITCHES} <= set(table.index)
    assert table["source"].ne("").all()


def test_a_folder_that_is_no_tenant_is_told_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(SpecError, match="no tenant of a source"),
        running("soffront", state=tmp_path / "s", token=KEY, tenant=tmp_path),
    ):
        pass
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("source", ["soffront", "fasttrack"])
def test_the_command_knows_it_by_its_package_alone(source: str) -> None:
    done = CliRunner().invoke(app, ["rehearse", source, "--switches"])
    assert done.exit_code == 0 and "corrupt_share" in done.output
