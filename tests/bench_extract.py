"""How near an extraction comes to the permitted rate, from a Soffront that throttles, breaks and has unreadable rows.

Over loopback with real sockets, the stand-in's and the client's clock running ten times as fast: a window of 60 seconds
lasts 6. Permitted is the allowance over the time from the first call to the last, without the seconds that the source
itself has told us to wait.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extraction"))

from extraction_tenant import SIZES, account, corrupt_keys, keys_in, served

from workbench.destinations import Wait
from workbench.extraction import extract_into

SCALE, ALLOWED, SHARE, BAR = 10.0, 120, 0.01, 0.95
FAULTS = (
    "429=0.005,method=GET,seconds=1,retry_after=seconds",
    "drop_before=0.01,method=GET",
    "drop_after=0.01,method=GET",
    "503_before=0.01,method=GET",
    "truncated=0.005,method=GET",
)


@dataclass(frozen=True)
class Figures:
    """What one run has shown; seconds are real ones."""

    calls: int
    refused: int  # calls beyond the limit, those of the fault among them
    faults: int
    seconds: float
    told: float  # to wait, by the source
    healthy: int
    missing: int
    twice: int
    quarantined: int
    unreadable: int  # as the stand-in knows

    @property
    def share(self) -> float:
        """Of the permitted rate."""
        return self.calls / ((self.seconds - self.told) * SCALE / 60 * ALLOWED)


def measured(folder: Path, sizes: Mapping[str, int] = SIZES) -> Figures:
    """One extraction of objects of these sizes into an empty folder."""
    waits: list[Wait] = []
    switches = {"calls_per_minute": str(ALLOWED), "corrupt_share": str(SHARE)}
    with served(folder, sizes, switches=switches, faults=FAULTS, scale=SCALE) as stand_in:
        asked = account(stand_in, scale=SCALE, calls=ALLOWED, workers=6)
        done = extract_into(folder / "exports", "soffront", asked, on_wait=waits.append)
        log = stand_in.log()
    bad = {name: corrupt_keys(name, count, share=SHARE) for name, count in sizes.items()}
    keys = {name: keys_in(folder, name) for name in sizes}
    right = {name: set(range(1, count + 1)) - bad[name] for name, count in sizes.items()}
    return Figures(
        calls=int((log["status"] != 429).sum()),
        refused=int((log["status"] == 429).sum()),
        faults=int(log["fault"].notna().sum()),
        seconds=float(log["at"].max() - log["at"].min()),
        told=sum(wait.seconds for wait in waits if wait.reason == "the source asked to wait"),
        healthy=sum(map(len, keys.values())),
        missing=sum(len(right[name] - set(keys[name])) for name in sizes),
        twice=sum(len(found) - len(set(found)) for found in keys.values()),
        quarantined=len(done.quarantine),
        unreadable=sum(map(len, bad.values())),
    )


def main() -> None:
    """Print the figures beside the bars; ends with 1 where one is missed."""
    with tempfile.TemporaryDirectory() as folder:
        got = measured(Path(folder))
    load = os.getloadavg()[0]
    print(f"load {load:.1f}, time {SCALE:g} times as fast, {ALLOWED} calls a minute, {SHARE:.0%} of rows unreadable")
    print(f"  calls {got.calls}, refused {got.refused}, met by a fault {got.faults}")
    print(f"  seconds {got.seconds:.1f}, of which the source told us to wait {got.told:.1f}")
    print(f"  of the permitted rate  {got.share:.1%}   bar {BAR:.0%}")
    print(f"  healthy rows {got.healthy}, missing {got.missing}, twice {got.twice}   bar 0, 0")
    print(f"  quarantined {got.quarantined} of {got.unreadable}")
    good = got.share >= BAR and not got.missing and not got.twice and got.quarantined == got.unreadable
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
