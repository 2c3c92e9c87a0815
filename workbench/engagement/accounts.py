"""Where the destination of an engagement is and how it is signed in to: by a key, or by an OAuth grant that is renewed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workbench.destinations import Account, Secret
from workbench.errors import EngagementError
from workbench.settings import CREDENTIALS, SETTINGS, Settings, has_grant, read_key
from workbench.specs import DestinationSpec, Scalar

if TYPE_CHECKING:
    from workbench.destinations.http.oauth import Grant

__all__ = ["account_of", "dials_of"]

OWN_MACHINE = ("127.0.0.1", "::1", "localhost")


def account_of(root: Path, settings: Settings, destination: DestinationSpec, *, dials: Mapping[str, Scalar]) -> Account:
    """The account; EngagementError where its address or its key is missing. ``dials`` as `dials_of` gives them."""
    if not settings.base_url:
        raise EngagementError(
            "the address of the destination is missing",
            expected=destination.address,
            where=f"{SETTINGS}: base_url",
            todo="write it there; for a rehearsal, as `workbench rehearse` prints it",
        )
    if not (key := read_key(root)):
        raise EngagementError(
            "the key of the destination is missing",
            expected=f"$WORKBENCH_KEY, or {CREDENTIALS} in the engagement (0600)",
            todo="copy the API key of the migration user from the destination's settings",
        )
    renew = _grant(root, settings, destination, dials).renew if has_grant(root) else None
    said = settings
    return Account(said.base_url, Secret(key), said.edition, said.plan, dials, said.time_scale, renew)


def dials_of(
    root: Path, settings: Settings, destination: DestinationSpec, *, settled: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """What was said of the account over what its probes have settled; the credentials alone say how it is signed in to."""
    signed = {"sign_in": "oauth"} if "sign_in" in destination.settings and has_grant(root) else {}
    return {**settled, **settings.destination, **signed}


def _grant(root: Path, settings: Settings, destination: DestinationSpec, dials: Mapping[str, Scalar]) -> Grant:
    address = str({**destination.settings, **dials}.get("token_url", ""))
    if not address:
        raise EngagementError(
            f"{destination.label} is not signed in to by OAuth",
            expected="a key and nothing else",
            found="an OAuth grant",
            where=CREDENTIALS,
            todo="write the API key of the migration user there",
        )
    url = urlsplit(address)
    if url.scheme != "https" and url.hostname not in OWN_MACHINE:
        raise EngagementError(
            "the grant would be renewed in the open",
            expected="https://…; http only for a rehearsal on this machine",
            found=f"{url.scheme}://{url.hostname or ''}",
            where=f"{SETTINGS}: destination: token_url",
            todo="correct it, or leave it out to take the destination's own",
        )
    # Imported when a grant is there: a client of HTTP is much to load for an engagement that is only looked at.
    from workbench.destinations.http.oauth import Grant

    return Grant(root / CREDENTIALS, token_url=address, pause=lambda seconds: time.sleep(seconds / settings.time_scale))
