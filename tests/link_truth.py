"""The hidden links of Profi's sample as frames, and how well `relink` finds them: for tests, and as a command.

``python -m tests.link_truth 11 12`` prints the figures for those seeds of the medium size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sample_exports.profi_rows import SIZES
from sample_exports.profi_world import make_world
from sample_exports.promio_rows import Row
from workbench.matching.links import participations, relink


@dataclass(frozen=True)
class Score:
    """Figures of one run; a session that belongs to no enrolment counts for `none`, not for the recall."""

    sessions: int
    precision: float  # of the links that are proposed as sure
    recall: float  # of the sessions that belong to an enrolment
    none_precision: float
    queued: float  # share of all sessions
    seconds: float


def found(size: str, seed: int, *, threshold: float = 0.9) -> tuple[pd.DataFrame, float]:
    """What relink proposes for a world, with the truth and whether it is right beside it, and the seconds it took."""
    world = make_world(SIZES[size], seed)
    sessions, attendees, enrolments, packages, clients = (
        _frame(world.main[file])
        for file in ("sessions.csv", "session_attendees.csv", "enrolments.csv", "packages.csv", "clients.csv")
    )
    seats = participations(sessions, attendees)
    start = time.perf_counter()
    proposed = relink(seats, enrolments, packages=packages, clients=clients, threshold=threshold)
    seconds = time.perf_counter() - start
    truth = {(link.session, link.client): link.enrolment for link in world.links}
    wanted = [truth[key] for key in zip(seats["session_id"], seats["client_email"], strict=True)]
    right = proposed["enrolment"].to_numpy() == pd.Series(wanted).to_numpy()
    return proposed.assign(truth=wanted, right=right, member=seats["client_email"].to_numpy()), seconds


def score(proposed: pd.DataFrame, seconds: float) -> Score:
    """The figures of one run."""
    linked, none = proposed[proposed["state"] == "linked"], proposed[proposed["state"] == "none"]
    return Score(
        sessions=len(proposed),
        precision=float(linked["right"].mean()),
        recall=float(linked["right"].sum() / proposed["truth"].ne("").sum()),
        none_precision=float(none["right"].mean()),
        queued=float(proposed["state"].eq("queued").mean()),
        seconds=seconds,
    )


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame([row.cells for row in rows], dtype="str")


def main(seeds: Sequence[str]) -> None:
    """Figures for some seeds, and how often answers of a confidence are right."""
    runs = []
    for seed in map(int, seeds):
        proposed, seconds = found("medium", seed)
        runs.append(proposed)
        one = score(proposed, seconds)
        sys.stdout.write(
            f"seed {seed}: {one.sessions} sessions, precision {one.precision:.4f}, recall {one.recall:.4f}, "
            f"none {one.none_precision:.4f}, queued {one.queued:.4f}, {one.seconds:.1f} s\n"
        )
    whole = pd.concat(runs)
    band = pd.cut(whole["confidence"], [-1, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1])
    table = whole.groupby(band, observed=True).agg(
        sessions=("right", "size"), confidence=("confidence", "mean"), right=("right", "mean")
    )
    sys.stdout.write(table.round(4).to_string() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
