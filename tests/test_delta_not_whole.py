"""A later delivery that lacks something: nothing is emptied for it, nothing is sent, and a person may let it pass by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from workbench.engagement import PHASES, Engagement, new_engagement, open_engagement
from workbench.errors import EngagementError, GateClosed
from workbench.stages import cutover, discovery, intake

SAMPLE = Path(__file__).resolve().parents[1] / "sample_exports" / "promio"
ADA = "Ada Byron <ada@example.org>"


@pytest.fixture(scope="module")
def before_cutover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, read, and every phase before the cutover passed."""
    made = new_engagement(
        tmp_path_factory.mktemp("before") / "e", route="promio_to_freshsales", exports=SAMPLE, deliveries=("main", "delta")
    )
    intake.run(made)
    for phase in PHASES[: PHASES.index("cutover")]:
        made.finish(phase, passed=True)
    made.store.dispose()
    return made.root


@pytest.fixture
def engagement(before_cutover: Path, tmp_path: Path) -> Iterator[Engagement]:
    opened = open_engagement(shutil.copytree(before_cutover, tmp_path / "e"))
    yield opened
    opened.store.dispose()


def change(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Write a file of a delivery anew."""
    edit(pd.read_csv(path, dtype="str", keep_default_na=False)).to_csv(path, index=False)


def cells(engagement: Engagement, column: str, *, delivery: str) -> set[tuple[str, str]]:
    """Number of a customer without its prefix and the cell of a column, for those that have one."""
    table = engagement.load("tables/customers", delivery=delivery).dropna(subset=[column])
    return set(zip(table["Customer ID"].str.removeprefix("C-"), table[column], strict=True))


def test_a_column_that_the_delta_lacks_says_what_the_first_delivery_said(engagement: Engagement) -> None:
    change(engagement.exports("delta") / "customers.csv", lambda table: table.drop(columns="Phone"))
    came = intake.run(engagement, "delta")
    assert came.problems == ("customers/columns: the header lacks Phone",)
    first, later = (cells(engagement, "Phone", delivery=name) for name in ("main", "delta"))
    assert len(later) > 100
    assert later <= first


def test_a_delta_that_is_not_whole_is_not_sent_until_somebody_waives_it(engagement: Engagement) -> None:
    change(engagement.exports("delta") / "customers.csv", lambda table: table.drop(columns="Phone"))
    (engagement.exports("delta") / "leads.csv").rename(engagement.exports("delta") / "Interessenten.csv")
    intake.run(engagement, "delta")
    with pytest.raises(GateClosed) as closed:
        cutover.run(engagement)
    told = str(closed.value)
    assert "lacks Phone" in told
    assert "nothing reads Interessenten.csv" in told
    assert "workbench waive DIR delta/leads/missing" in told
    assert engagement.phase("cutover").state == "blocked"
    for subject in ("delta/customers/columns", "delta/leads/missing", "delta/files/unread"):
        engagement.waive(subject, reason="known, and sent by hand", role="Lead consultant", by=ADA)
    assert intake.run(engagement, "delta").problems == ()
    with pytest.raises(EngagementError, match="records/accounts is not staged"):  # it goes on, and this test stops there
        cutover.run(engagement)


def test_a_file_that_the_letter_of_a_delta_names_is_missed(engagement: Engagement) -> None:
    (engagement.exports("delta") / "calls.csv").unlink()
    assert [each.split(":")[0] for each in intake.run(engagement, "delta").problems] == ["calls/missing"]
    shutil.copyfile(SAMPLE / "delta" / "calls.csv", engagement.exports("delta") / "calls.csv")
    assert intake.run(engagement, "delta").problems == ()


def test_a_number_that_stands_once_more_in_the_delta_is_asked_about(engagement: Engagement) -> None:
    """The row would be held, and nobody could say which record it is."""

    def again(table: pd.DataFrame) -> pd.DataFrame:
        first = table[table["Customer ID"].str.removeprefix("C-") == "01002"]
        return pd.concat([table, first.assign(**{"Customer Name": "Somebody Else"})], ignore_index=True)

    intake.run(engagement, "delta")
    before = set(discovery.propose(engagement, "delta")["subject"])
    change(engagement.exports("delta") / "customers.csv", again)
    intake.run(engagement, "delta")
    last = engagement.load("tables/customers", delivery="delta")["_row"].iloc[-1]
    assert set(discovery.propose(engagement, "delta")["subject"]) - before == {
        f"{feed}/C-01002@{last}" for feed in ("accounts", "contacts")
    }


def test_of_two_columns_with_one_usual_name_the_second_stays_the_customers_own(engagement: Engagement) -> None:
    def two(table: pd.DataFrame) -> pd.DataFrame:
        return table.rename(columns={"Email": "E-mail"}).assign(**{"Email Address": "second@example.org"})

    change(engagement.exports() / "customers.csv", two)
    first = cells(engagement, "Email", delivery="main")
    assert intake.run(engagement).problems == ()
    assert cells(engagement, "Email", delivery="main") == first
    assert set(engagement.load("tables/customers")["Email Address"]) == {"second@example.org"}
