"""Where the source of an engagement is and how it is signed in to: the [source] part of its settings, and its credentials."""

from __future__ import annotations

from pathlib import Path

from workbench.destinations import Secret
from workbench.errors import EngagementError
from workbench.extraction.contract import SourceAccount
from workbench.settings import SETTINGS, SOURCE_CREDENTIALS, SOURCE_KEY, Settings, read_source_credentials

__all__ = ["source_account"]

URL, SCALE = "url", "time_scale"


def source_account(root: Path, settings: Settings) -> SourceAccount:
    """The account; EngagementError where its address or its key is missing."""
    said = settings.source
    if not said.get(URL):
        raise EngagementError(
            "the address of the source is missing",
            expected="[source] with url, the address of its web services",
            where=SETTINGS,
            todo="write it there; for a rehearsal, as `workbench rehearse` prints it",
        )
    signed = {name: Secret(value) for name, value in read_source_credentials(root).items() if value}
    if "key" not in signed:
        raise EngagementError(
            "the key of the source is missing",
            expected=f"${SOURCE_KEY}, or key in {SOURCE_CREDENTIALS} in the engagement (0600)",
            todo="copy the key that the vendor gives for its web services",
        )
    dials = {name: value for name, value in said.items() if name not in (URL, SCALE)}
    scale = float(said.get(SCALE, 1.0))
    return SourceAccount(str(said[URL]), signed["key"], signed.get("user"), signed.get("password"), dials, scale)
