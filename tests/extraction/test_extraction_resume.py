"""An extraction that is killed, stopped or damaged goes on where it was, and asks for no page a second time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import threading
import time
from pathlib import Path

import pandas as pd
import programs
import pytest
from extraction_tenant import KEY, account, corrupt_keys, extracted, healthy, keys_in, served

from workbench.destinations import Wait
from workbench.errors import EngagementLocked, IntegrityError, WaitError
from workbench.extraction import extract_into
from workbench.extraction.shelf import Shelf
from workbench.rehearsal import Rehearsal
from workbench.rehearsal.soffront import PASSWORD, USER

SIZES = {"accounts": 2500, "deals": 1501, "tickets": 999}
FAULTS = ("429=0.02,method=GET,seconds=1,retry_after=seconds", "drop_after=0.03,method=GET", "503_before=0.03,method=GET")


def started(stand_in: Rehearsal, folder: Path) -> subprocess.Popen[str]:
    """The same extraction in a process of its own."""
    code = f"""
        from pathlib import Path
        from workbench.destinations import Secret
        from workbench.extraction import SourceAccount, extract_into
        who = SourceAccount({stand_in.url!r}, Secret({KEY!r}), Secret({USER!r}), Secret({PASSWORD!r}), {{"rows": 50}}, 60)
        extract_into(Path({str(folder / "exports")!r}), "soffront", who)
    """
    return programs.started(["-c", textwrap.dedent(code)], stderr=subprocess.DEVNULL)


def kept(folder: Path) -> list[tuple[str, int, int]]:
    """The pages in the index: object, first row, rows asked for."""
    index = folder / "exports" / "raw" / "index.jsonl"
    lines = index.read_bytes().split(b"\n")[:-1] if index.exists() else []
    entries = [json.loads(line) for line in lines]
    return [(e["object"], e["detail"]["start"], e["detail"]["asked"]) for e in entries if e["what"] == "page"]


def asked(log: pd.DataFrame) -> list[tuple[str, int, int]]:
    """The same as the stand-in was asked."""
    found = log["path"].str.extract(r"/records/[^/]+/(\w+)\?rowcount=(\d+)&startrow=(\d+)").dropna()
    return [(name, int(start) - 1, int(rows)) for name, rows, start in found.itertuples(index=False)]


def killed_after(stand_in: Rehearsal, folder: Path, pages: int) -> None:
    """Start an extraction and kill it once so many pages are kept."""
    process = started(stand_in, folder)
    deadline = time.monotonic() + 60
    while len(kept(folder)) < pages:
        assert process.poll() is None and time.monotonic() < deadline, "it ended before it was killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_extraction_resumes_to_the_same_rows_and_asks_for_no_page_twice(tmp_path: Path) -> None:
    switched = {"corrupt_share": "0.01"}
    with served(tmp_path, SIZES, switches=switched, faults=FAULTS) as stand_in:
        for pages in (15, 60, 110):
            killed_after(stand_in, tmp_path, pages)
        assert not (tmp_path / "exports" / "accounts.ndjson").exists()  # no part of a delivery passes for one
        before, seen = kept(tmp_path), len(stand_in.log())
        done = extracted(stand_in, tmp_path, rows=50)
        after = asked(stand_in.log()[seen:])
    assert not set(before) & set(after)
    for name, count in SIZES.items():
        bad = corrupt_keys(name, count, share=0.01)
        assert sorted(keys_in(tmp_path, name)) == sorted(set(range(1, count + 1)) - bad)
    assert len(done.quarantine) == sum(len(corrupt_keys(name, count, share=0.01)) for name, count in SIZES.items())
    assert done.frame["closes"].all()


def test_the_rows_are_those_of_an_extraction_that_nobody_killed(tmp_path: Path) -> None:
    tables = []
    for run in ("whole", "killed"):
        folder = tmp_path / run
        with served(folder, SIZES) as stand_in:
            if run == "killed":
                killed_after(stand_in, folder, 40)
            extracted(stand_in, folder, rows=50)
        rows = {name: healthy(folder / "exports" / f"{name}.ndjson") for name in SIZES}
        tables.append({name: [{k: v for k, v in row.items() if k != "_page"} for row in found] for name, found in rows.items()})
    assert tables[0] == tables[1]


@pytest.mark.parametrize("paging", ["cursor", "ceiling"])
def test_a_chain_of_pages_goes_on_behind_its_last_one(tmp_path: Path, paging: str) -> None:
    with served(tmp_path, SIZES, switches={"paging": paging}) as stand_in:
        killed_after(stand_in, tmp_path, 30)
        before = len(stand_in.log())
        done = extracted(stand_in, tmp_path, rows=50)
        seen = stand_in.log()[before:]
    assert sorted(keys_in(tmp_path, "accounts")) == list(range(1, 2501))
    assert done.frame["closes"].all()
    assert len(seen) < 110 - 30 + 25  # 101 pages in all, and the calls around them


def test_a_finished_extraction_asks_for_nothing_any_more(tmp_path: Path) -> None:
    with served(tmp_path, SIZES) as stand_in:
        first = extracted(stand_in, tmp_path)
        before = len(stand_in.log())
        again = extracted(stand_in, tmp_path)
        assert len(stand_in.log()) == before
    assert again.calls == 0
    assert again.frame.equals(first.frame)


def test_a_line_that_a_crash_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    with served(tmp_path, SIZES) as stand_in:
        killed_after(stand_in, tmp_path, 20)
        index = tmp_path / "exports" / "raw" / "index.jsonl"
        whole = index.read_bytes()
        index.write_bytes(whole[: whole.rfind(b"\n", 0, len(whole) - 2) + 9])
        done = extracted(stand_in, tmp_path, rows=50)
    assert sorted(keys_in(tmp_path, "accounts")) == list(range(1, 2501))
    assert done.frame["closes"].all()


def test_a_page_that_was_changed_on_disk_is_never_used(tmp_path: Path) -> None:
    with served(tmp_path, {"accounts": 700}) as stand_in:
        extracted(stand_in, tmp_path)
        page = tmp_path / "exports" / "raw" / "accounts" / "000001.json"
        page.write_bytes(page.read_bytes().replace(b"row, 5", b"row, 6", 1))
        with pytest.raises(IntegrityError, match="changed or removed"):
            extracted(stand_in, tmp_path)


def test_two_extractions_of_one_delivery_do_not_run_together(tmp_path: Path) -> None:
    with (
        served(tmp_path, {"accounts": 10}) as stand_in,
        Shelf(tmp_path / "exports" / "raw").open(),
        pytest.raises(EngagementLocked, match="another run"),
    ):
        extracted(stand_in, tmp_path)


def test_a_source_that_goes_away_ends_in_words_and_what_came_is_kept(tmp_path: Path) -> None:
    with served(tmp_path, SIZES) as stand_in:
        who = account(stand_in, rows=50, workers=2)

        def stop() -> None:
            while len(kept(tmp_path)) < 15:
                time.sleep(0.005)
            stand_in.process.kill()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(WaitError, match="no usable answer"):
            extract_into(tmp_path / "exports", "soffront", who)
        stopper.join()
    assert len(kept(tmp_path)) >= 15


def test_nobody_asks_before_a_throttling_source_wants_to_be_asked(tmp_path: Path) -> None:
    waits: list[Wait] = []
    switched = {"calls_per_minute": "40", "limit_form": "503"}
    with served(tmp_path, {"accounts": 2500}, switches=switched, scale=30) as stand_in:
        who = account(stand_in, scale=30, rows=50)
        extract_into(tmp_path / "exports", "soffront", who, on_wait=waits.append)
        log = stand_in.log()
    refused = log[log["status"] == 503]
    assert 0 < len(refused) <= 4 * 3  # at most every worker's call that was on its way, in each of the windows
    assert any(wait.reason == "the source asked to wait" for wait in waits)
    assert sorted(keys_in(tmp_path, "accounts")) == list(range(1, 2501))


def test_the_permitted_rate_is_used_without_a_refusal(tmp_path: Path) -> None:
    with served(tmp_path, {"accounts": 2500}, switches={"calls_per_minute": "60"}, scale=60) as stand_in:
        extracted(stand_in, tmp_path, rows=50, calls=60)
        log = stand_in.log()
    assert not (log["status"] == 429).any()


def test_a_page_that_was_lost_in_a_crash_lends_its_number_to_no_page_that_is_kept(tmp_path: Path) -> None:
    with served(tmp_path, {"accounts": 700}) as stand_in:
        extracted(stand_in, tmp_path, rows=100)
        raw = tmp_path / "exports" / "raw"
        lines = (raw / "index.jsonl").read_text().splitlines()
        lost = next(n for n, line in enumerate(lines) if '"what":"page"' in line)
        kept_ones = [line for line in lines[:lost] + lines[lost + 1 :] if '"what":"done"' not in line]
        (raw / "index.jsonl").write_text("".join(line + "\n" for line in kept_ones))
        before = {path.name: path.read_bytes() for path in (raw / "accounts").glob("0*.json")}
        done = extracted(stand_in, tmp_path, rows=100)
    kept_names = {Path(json.loads(line)["file"]).name for line in kept_ones if '"what":"page"' in line}
    assert all((raw / "accounts" / name).read_bytes() == before[name] for name in kept_names)
    assert sorted(keys_in(tmp_path, "accounts")) == list(range(1, 701))
    assert done.frame["closes"].all()
