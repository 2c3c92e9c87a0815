"""Records of other people in the lists of an account: as many as the last look at all of a list showed beside ours."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import kept_as

__all__ = ["note_others", "others_seen"]

NAME = "others"


def note_others(engagement: Engagement, counts: Mapping[str, int]) -> None:
    """Keep how many records of each object are not ours; what is not named stays as it was noted before."""
    known = {**_noted(engagement), **counts}
    engagement.save(NAME, pd.DataFrame({"object": list(known), "records": list(known.values())}))


def others_seen(engagement: Engagement) -> dict[str, int] | None:
    """List → records in it that are not ours; None where nobody has looked yet. Objects of one list are counted together."""
    noted = _noted(engagement)
    found: dict[str, int] = {}
    for object_, count in noted.items():
        home = kept_as(engagement, object_)
        found[home] = found.get(home, 0) + count
    return found if noted else None


def _noted(engagement: Engagement) -> dict[str, int]:
    if not engagement.has(NAME):
        return {}
    frame = engagement.load(NAME)
    return {str(object_): int(count) for object_, count in zip(frame["object"], frame["records"], strict=True)}
