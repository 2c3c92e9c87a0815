"""How an engagement's folder is made, whole or not at all, and whether its settings fit the destination."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench.engagement.deliveries import copy_deliveries
from workbench.errors import EngagementError, listed
from workbench.journal import Journal
from workbench.settings import CREDENTIALS, SETTINGS, Settings, write_private, write_settings
from workbench.specs import DestinationSpec
from workbench.store import open_store

__all__ = ["DATABASE", "JOURNAL", "ROUTE", "check_fits", "make_folder", "usual_plan"]

FOLDERS = ("exports", "staged", "artifacts", "notebooks", "executed", "package")
DATABASE, JOURNAL, ROUTE = "workbench.db", "journal.jsonl", "route.toml"


def make_folder(
    target: Path,
    settings: Settings,
    *,
    exports: Path | str | None,
    deliveries: Sequence[str],
    own: Path | None,
    key: str | None,
) -> None:
    """Furnish a folder beside the target and move it there; after a failure nothing is left, folders above included."""
    above = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
            made = Path(temporary) / "engagement"
            _furnish(made, settings, own=own, key=key)
            if exports is not None:
                copy_deliveries(Path(exports).expanduser(), made / "exports", deliveries=deliveries)
            made.replace(target)
    except BaseException as failed:
        for folder in above:
            with suppress(OSError):
                folder.rmdir()
        if not isinstance(failed, OSError):
            raise
        raise EngagementError(
            "the engagement cannot be written",
            found=failed.strerror or str(failed),
            where=str(target),
            todo="name a folder that you may write to, on a disk that has room",
        ) from None


def _furnish(made: Path, settings: Settings, *, own: Path | None, key: str | None) -> None:
    made.mkdir(mode=0o700)
    for folder in FOLDERS:
        (made / folder).mkdir()
    if own is not None:
        shutil.copyfile(own, made / ROUTE)
    if key:
        write_private(made / CREDENTIALS, f"{key.strip()}\n")
    write_settings(made, settings)
    from workbench.package import signing_key  # what packages need is much to load, and a folder is made once

    fingerprint = signing_key(made).fingerprint
    open_store(settings.store or made / DATABASE).dispose()  # a server that does not answer is to leave nothing behind
    detail = {"route": settings.route, "customer": settings.customer, "engagement": settings.engagement_id}
    Journal(made / JOURNAL, hide=lambda: [key or ""]).append("created", detail={**detail, "signing key": fingerprint})


def usual_plan(destination: DestinationSpec) -> str:
    """The plan that is taken for an account's where nobody has named it: its first where it has no such one."""
    usual = str(Settings.model_fields["plan"].default)
    return usual if usual in destination.plans else next(iter(destination.plans))


def check_fits(destination: DestinationSpec, settings: Settings) -> None:
    """EngagementError where the settings name an edition, a plan or a setting that the destination does not know."""
    unknown = sorted(set(settings.destination) - set(destination.settings))
    wrong = [
        ("edition", settings.edition, destination.editions, settings.edition not in destination.editions),
        ("plan", settings.plan, tuple(destination.plans), settings.plan not in destination.plans),
        ("setting", listed(unknown), tuple(destination.settings), bool(unknown)),
    ]
    for name, found, expected, is_wrong in wrong:
        if is_wrong:
            raise EngagementError(
                f"{destination.label} knows no such {name}",
                expected=listed(expected),
                found=found,
                where=f"{SETTINGS}: {'destination' if name == 'setting' else name}",
                todo="take one of these",
            )
