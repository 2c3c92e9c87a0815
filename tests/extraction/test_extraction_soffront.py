"""Whatever Soffront's services turn out to be like, every row comes once, and what cannot be read is set aside."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pandas as pd
import pytest
from extraction_tenant import KEY, SIZES, account, assert_whole, corrupt_keys, extracted, keys_in, make_tenant, served

from workbench.destinations import Secret
from workbench.errors import EngagementError, IntegrityError, SpecError, WrongKey
from workbench.extraction import SourceAccount, extract_into
from workbench.extraction.contract import Target
from workbench.readers import read_export
from workbench.rehearsal.soffront import USER

EDGES = {"accounts": 1000, "deals": 1001, "tickets": 1499, "articles": 500, "renewals": 0}
SMALL = {"accounts": 620, "deals": 310}


def pages(log: pd.DataFrame, name: str) -> int:
    """Calls for pages of an object."""
    return int(log["path"].str.contains(f"/records/[^/]+/{name}\\?.*startrow", regex=True).sum())


def test_the_page_edges_cost_as_many_calls_as_the_short_page_rule_says(tmp_path: Path) -> None:
    with served(tmp_path) as stand_in:
        done = extracted(stand_in, tmp_path, first=1)
        log = stand_in.log()
    assert_whole(done, tmp_path)
    assert done.good and done.frame["closes"].all()
    counted = dict(zip(done.frame["object"], done.frame["pages"], strict=True))
    assert counted == {"accounts": 6, "deals": 7, "tickets": 9, "articles": 2, "renewals": 1}
    assert {name: pages(log, name) for name in SIZES} == counted
    assert done.calls == len(log)


@pytest.mark.parametrize(
    "switched",
    [
        {"count_call": "off"},
        {"count_in_page": "page"},
        {"count_in_page": "page", "count_call": "off"},
        {"count_in_page": "total", "count_call": "off"},
        {"start_index": "0"},
        {"start_index": "1"},
        {"paging": "cursor"},
        {"paging": "ceiling"},
        {"paging": "ceiling", "count_call": "off"},
        {"orderby": "ignore"},
        {"jsonp": "on"},
        {"dates": "ms", "numbers": "text", "empty": "absent"},
        {"error_status": "400"},
        {"slow_rows": "300"},
        {"token_calls": "6"},
        {"token_calls": "7", "expired_form": "html"},
        {"token_calls": "7", "expired_form": "http"},
        {"token_seconds": "20"},
        {"html_every": "9"},
        {"burst_every": "11"},
    ],
    ids=lambda switched: " ".join(f"{name}={value}" for name, value in switched.items()),
)
def test_every_row_comes_once_whatever_the_guide_will_say(tmp_path: Path, switched: dict[str, str]) -> None:
    with served(tmp_path, EDGES, switches=switched) as stand_in:
        done = extracted(stand_in, tmp_path)
        assert set(stand_in.log()["method"]) == {"GET"}
    assert_whole(done, tmp_path, EDGES)


@pytest.mark.parametrize("above", ["obey", "cut", "refuse"])
@pytest.mark.parametrize("count", ["on", "off"])
def test_a_ceiling_below_what_was_asked_for_loses_no_row(tmp_path: Path, above: str, count: str) -> None:
    switched = {"rowcount_above": above, "count_call": count, "count_in_page": "page"}
    with served(tmp_path, EDGES, switches=switched) as stand_in:
        done = extracted(stand_in, tmp_path, rows=2000)
    assert_whole(done, tmp_path, EDGES)


def test_rows_that_slip_between_two_pages_are_found_by_a_second_look_at_the_keys(tmp_path: Path) -> None:
    moved = {"order": "modified", "orderby": "ignore", "change_every": "2"}
    with served(tmp_path, {"accounts": 2500}, switches=moved) as stand_in:
        done = extracted(stand_in, tmp_path)
        single = stand_in.log()["path"].str.contains("/record/").sum()
    assert single > 0  # so the pages alone had not had them
    assert_whole(done, tmp_path, {"accounts": 2500})
    assert int(done.frame["repeated"].sum()) > 0


def test_rows_that_are_added_meanwhile_are_told_by_the_two_counts(tmp_path: Path) -> None:
    with served(tmp_path, {"accounts": 2500}, switches={"change_every": "2"}) as stand_in:
        done = extracted(stand_in, tmp_path, first=1)
    row = done.frame.iloc[0]
    assert row["counted_before"] == 2500 and row["counted_after"] > 2500
    assert row["closes"] and row["distinct"] in range(2500, row["counted_after"] + 1)
    assert set(range(1, 2501)) <= set(keys_in(tmp_path, "accounts"))


@pytest.mark.parametrize(
    ("paging", "form"),
    [("offset", form) for form in ("marker", "not_object", "bytes", "broken_json", "poison", "mixed")]
    + [("cursor", form) for form in ("marker", "not_object", "bytes", "broken_json")],
)
def test_a_corrupt_row_is_set_aside_with_its_bytes_and_stops_no_other(tmp_path: Path, form: str, paging: str) -> None:
    switched = {"corrupt_share": "0.02", "corrupt_form": form, "paging": paging}
    with served(tmp_path, SMALL, switches=switched) as stand_in:
        done = extracted(stand_in, tmp_path)
    for name, count in SMALL.items():
        bad = corrupt_keys(name, count, share=0.02, form=form)
        assert bad
        assert sorted(keys_in(tmp_path, name)) == sorted(set(range(1, count + 1)) - bad)
        assert (done.quarantine["object"] == name).sum() == len(bad)
    assert done.frame["closes"].all()
    kept = [json.loads(line) for line in (tmp_path / "exports" / "raw" / "quarantine.jsonl").read_text().splitlines()]
    assert len(kept) == len(done.quarantine)
    assert all(base64.b64decode(row["raw_base64"]) and row["reason"] for row in kept)
    if form == "bytes":
        assert all(b"\xff\xfe" in base64.b64decode(row["raw_base64"]) for row in kept)


def test_an_object_that_cannot_be_walked_to_its_end_says_so_and_the_others_come(tmp_path: Path) -> None:
    poisoned = {"corrupt_share": "0.02", "corrupt_form": "poison", "paging": "cursor", "count_call": "off"}
    with served(tmp_path, {"accounts": 620, "renewals": 0}, switches=poisoned) as stand_in:
        done = extracted(stand_in, tmp_path, paging="cursor")
    told = done.frame.set_index("object")
    assert "no way behind it" in told.loc["accounts", "problem"]
    assert told.loc["renewals", "problem"] == ""
    assert not done.good and "do not add up" in done._repr_html_()


def test_intake_reads_the_tables_and_rejects_what_was_set_aside(tmp_path: Path) -> None:
    with served(tmp_path, SMALL, switches={"corrupt_share": "0.05"}) as stand_in:
        done = extracted(stand_in, tmp_path)
    told = done.frame.set_index("object")
    for name, count in SMALL.items():
        export = read_export(tmp_path / "exports" / f"{name}.ndjson")
        assert (len(export), len(export.rejects)) == (told.loc[name, "distinct"], told.loc[name, "quarantined"])
        assert len(export) + len(export.rejects) == count
        page, _, place = export.frame["_page"].iloc[0].partition("#")
        assert (tmp_path / "exports" / page).exists() and place.isdecimal()


def test_a_row_comes_byte_for_byte(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"accounts": 1})
    raw = '{"AccountID": 7, "Name": "1.50", "Amount": 1.50, "Big": 12345678901234567890, "Text": "a\\nb \\u00e4 {}"}'
    (tenant / "accounts.ndjson").write_text(raw + "\n")
    with served(tmp_path, tenant=tenant) as stand_in:
        extracted(stand_in, tmp_path)
    line = (tmp_path / "exports" / "accounts.ndjson").read_text().strip()
    assert line == raw[:-1] + ',"_page":"raw/accounts/000001.json#1"}'


def test_an_object_that_the_user_may_not_see_is_told_and_has_no_table(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"accounts": 3, "secrets": 3})
    said = json.loads((tenant / "objects.json").read_text())
    said["objects"][1]["forbidden"] = True
    (tenant / "objects.json").write_text(json.dumps(said))
    with served(tmp_path, tenant=tenant) as stand_in:
        done = extracted(stand_in, tmp_path)
    assert "no permission" in done.frame.set_index("object").loc["secrets", "problem"]
    assert not done.good
    assert not (tmp_path / "exports" / "secrets.ndjson").exists()
    assert len(keys_in(tmp_path, "accounts")) == 3


def test_only_the_objects_that_are_named_are_read(tmp_path: Path) -> None:
    with served(tmp_path, SMALL) as stand_in:
        done = extracted(stand_in, tmp_path, objects="deals")
    assert done.frame["object"].tolist() == ["deals"]


def test_attachments_are_fetched_with_size_and_digest_and_a_failing_one_stops_no_other(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"accounts": 1})
    said = json.loads((tenant / "objects.json").read_text())
    fields = [{"name": name, "required": name == "AttachmentID"} for name in ("AttachmentID", "FileName", "Bytes")]
    said["objects"].append({"name": "attachments", "key": "AttachmentID", "fields": fields})
    (tenant / "objects.json").write_text(json.dumps(said))
    files = [
        {"id": "1", "name": "../../plan.txt", "text": "Ten per cent"},
        {"id": "2", "name": "gone.pdf", "bytes": 9, "status": 410},
        {"id": "3", "name": "big.bin", "bytes": 3_000_000},
        {"id": "4", "name": "none.txt", "bytes": 0},
        {"id": "5", "name": "page.html", "text": "<html>mine</html>", "content_type": "text/html"},
    ]
    (tenant / "files.json").write_text(json.dumps({"files": files}))
    rows = [{"AttachmentID": int(f["id"]), "FileName": f["name"], "Bytes": f.get("bytes", 99)} for f in files]
    (tenant / "attachments.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with served(tmp_path, tenant=tenant) as stand_in:
        done = extracted(stand_in, tmp_path)
        again = extracted(stand_in, tmp_path)
    told = done.files.set_index("id")
    assert told["problem"].to_dict() == {"1": "size_differs", "2": "refused", "3": "", "4": "zero_bytes", "5": "size_differs"}
    assert told["bytes"].to_dict() == {"1": 12, "2": 0, "3": 3_000_000, "4": 0, "5": 17}
    outside = [path for path in tmp_path.rglob("plan.txt") if "files" not in path.parts]
    assert not outside
    assert all((tmp_path / "exports" / path).is_file() for path in told["path"] if path)
    assert again.calls == 0 and again.files.equals(done.files)


def test_other_names_and_shapes_are_a_file_of_the_engagement(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", SMALL)
    changed = {
        "methods": {"records": "rows/{object}/{token}", "count": "howmany/{token}/{object}"},
        "parameters": {"start": "from", "rows": "top"},
        "envelope": {"records": "Rows", "count": "Total", "token": "Ticket"},
        "field": {"required": "IsMandatory"},
    }
    text = "\n".join(f"[{table}]\n" + "\n".join(f'{k} = "{v}"' for k, v in said.items()) for table, said in changed.items())
    (tmp_path / "guide.toml").write_text(text)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'folder = "{tenant}"\n' + text.replace("[", "[profile."))
    with served(tmp_path, tenant=recipe) as stand_in:
        done = extracted(stand_in, tmp_path, profile="guide.toml")
        assert stand_in.log()["path"].str.contains("/rows/accounts/").any()
    assert_whole(done, tmp_path, SMALL)


def test_a_profile_that_cannot_be_read_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[nonsense]\n")
    with served(tmp_path, SMALL) as stand_in, pytest.raises(SpecError, match="not known"):
        extracted(stand_in, tmp_path, profile="bad.toml")


def test_a_wrong_password_ends_in_words_and_asks_for_no_row(tmp_path: Path) -> None:
    with served(tmp_path, SMALL) as stand_in:
        wrong = SourceAccount(stand_in.url, Secret(KEY), Secret(USER), Secret("not-it"), {}, 60)
        with pytest.raises(WrongKey, match="gives no token") as told:
            extract_into(tmp_path / "exports", "soffront", wrong)
        assert len(stand_in.log()) < 5
    assert "not-it" not in str(told.value)


def test_nothing_but_a_question_can_be_made() -> None:
    with pytest.raises(IntegrityError, match="only reads"):
        Target("record/1", question=b"{}")
    with pytest.raises(IntegrityError, match="only reads"):
        Target("graphql", question=b'{"query":"mutation { delete }"}', asks="graphql")


def test_a_source_without_an_api_is_told_in_words(tmp_path: Path) -> None:
    with served(tmp_path, SMALL) as stand_in, pytest.raises(EngagementError, match="nothing is known"):
        extract_into(tmp_path / "exports", "promio", account(stand_in))


def test_a_refused_object_is_asked_for_again_by_the_next_run(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"accounts": 3, "secrets": 3})
    said = json.loads((tenant / "objects.json").read_text())
    said["objects"][1]["forbidden"] = True
    (tenant / "objects.json").write_text(json.dumps(said))
    with served(tmp_path, tenant=tenant) as stand_in:
        assert not extracted(stand_in, tmp_path).good
        before = len(stand_in.log())
    with served(tmp_path, tenant=tenant, switches={"forbidden": "off"}) as stand_in:
        assert extracted(stand_in, tmp_path).good
        assert not stand_in.log()[before:]["path"].str.contains("/records/[^/]+/accounts", regex=True).any()
    assert len(keys_in(tmp_path, "secrets")) == 3


def test_a_source_that_heeds_neither_offset_nor_key_is_given_up_in_words(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"accounts": 1200})
    said = json.loads((tenant / "objects.json").read_text())
    said["objects"][0]["fields"] = []
    (tenant / "objects.json").write_text(json.dumps(said))
    with served(tmp_path, tenant=tenant, switches={"paging": "ceiling"}) as stand_in:
        done = extracted(stand_in, tmp_path)
        assert len(stand_in.log()) < 40
    assert "heeds no offset" in done.frame["problem"].iloc[0]
    assert not done.good


def test_two_objects_whose_names_no_file_may_have_are_kept_apart(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"a_bs": 3})
    (tenant / "a").mkdir()
    (tenant / "a" / "bs.ndjson").write_text('{"A_bID": 9}\n')
    said = json.loads((tenant / "objects.json").read_text())
    said["objects"].append({**said["objects"][0], "name": "a/bs"})
    (tenant / "objects.json").write_text(json.dumps(said))
    with served(tmp_path, tenant=tenant) as stand_in:
        done = extracted(stand_in, tmp_path)
    assert done.good and done.frame["distinct"].tolist() == [3, 1]
    assert len(list((tmp_path / "exports").glob("a_bs*.ndjson"))) == 2


def test_a_page_that_never_comes_is_asked_for_in_halves(tmp_path: Path) -> None:
    with served(tmp_path, {"accounts": 1200}) as stand_in:
        stand_in.order_fault("hang_before", path="/records/", method="any", after=2, count=2)
        done = extracted(stand_in, tmp_path, timeout_seconds=1.5)
        log = stand_in.log()
    assert (log["fault"] == "hang_before").sum() == 2
    assert log["path"].str.contains("rowcount=250").any()
    assert_whole(done, tmp_path, {"accounts": 1200})


def test_a_file_that_never_comes_whole_stops_no_other_and_is_asked_for_again(tmp_path: Path) -> None:
    tenant = make_tenant(tmp_path / "own", {"attachments": 4})
    (tenant / "attachments.ndjson").write_text(
        "".join(f'{{"AttachmentID":{n},"FileName":"f{n}","Bytes":900}}\n' for n in range(1, 5))
    )
    files = [{"id": str(n), "name": f"f{n}", "bytes": 900} for n in range(1, 5)]
    (tenant / "files.json").write_text(json.dumps({"files": files}))
    with served(tmp_path, tenant=tenant) as stand_in:
        # The second file each time; its number alone would also stand in some of the tokens, which are made by chance.
        stand_in.order_fault("cut_length", path="attachment/", method="any", after=1, count=8)
        first = extracted(stand_in, tmp_path, workers=1)
        again = extracted(stand_in, tmp_path)
    assert first.files["problem"].tolist() == ["", "no_answer", "", ""]
    assert again.files["problem"].tolist() == ["", "", "", ""] and again.calls == 2
