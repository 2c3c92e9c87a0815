"""What the Freshsales fact sheet leaves open, as settings: the file's defaults with the account's own laid over them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from workbench.destinations import Account
from workbench.destinations.http import Policy
from workbench.destinations.limits.budget import policy_windows
from workbench.errors import SpecError
from workbench.specs import DestinationSpec

__all__ = ["Dials", "calls_a_minute", "dials", "policy"]

MARK = "{key}"


class Dials(BaseModel):
    """Every setting of the client; a name that is not here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bulk_rows: int = 100
    bulk_contact_key: Literal["external_id", "emails", "single"] = "external_id"
    bulk_busy_status: int = 405
    field_creation: Literal["api", "checklist"] = "api"
    field_path: Literal["api", "bare"] = "api"  # `bare`: the route stands beside `/api`, as one vendor sample has it
    multi_select: Literal["labels", "joined"] = "labels"
    job_poll_seconds: float = 0.5
    job_timeout_seconds: float = 600.0
    job_patience_seconds: float = 3600.0  # after which a job that has not ended counts as stuck
    stuck_jobs: Literal["held", "over"] = "held"  # `over`: somebody has seen to it that none of them is at work any more
    purge_on_rollback: bool = True  # a deleted record is also taken out of the recycle bin, so that no trace is left
    timeout_seconds: float = 60.0
    patience_seconds: float = 3900.0  # of waits after 429 before we give up and say so
    page_rows: int = 100
    lifecycle_include: str = "lifecycle_stage"  # what to ask for so that the stage is read back; never confirmed
    lag_seconds: float = 60.0  # by which a search or a list may be behind what was written
    find_by: Literal["filter", "sweep"] = "filter"  # how records that bear our keys are looked for
    bulk_marker: Literal["no", "unique"] = "no"  # `unique`: our own field is unique and a row may be named by it
    created_at: Literal["ignored", "honoured"] = "ignored"  # whether a day of making can be sent; then it orders nothing
    lanes: int = 0  # calls in flight at once; 0 for as many as the minute's allowance feeds
    hour_allowance: int = 0  # where the account's limits differ from the plan's
    minute_allowance: int = 0
    seats: int = 1
    reserve: float = 0.0  # share of the allowance that is left to the customer
    views_sales_account: str = ""  # names of renamed views, divided by semicolons; the file's where empty
    views_contact: str = ""
    views_lead: str = ""
    views_deal: str = ""
    views_modules: str = ""  # such as "cm_ticket=All Tickets; cm_site=All Sites"
    marker_style: str = "[migration key: {key}]"
    file_marker_style: str = " [{key}]"
    parents: Literal["one", "list"] = "one"  # whether one activity may hang on several records
    notes_by: Literal["include", "parents"] = "include"
    files_seen: Literal["all", "known"] = "all"
    removal: Literal["try", "never"] = "try"  # of files, links and calls, by the API
    file_megabytes: float = 25.0
    upload_seconds: float = 600.0
    line_amount: Literal["kept", "summed"] = "kept"
    percent_discount: Literal[1, 2] = 1

    @field_validator("marker_style", "file_marker_style")
    @classmethod
    def _told_apart(cls, style: str) -> str:
        """The key has to stand alone between two texts, or it could not be told from what is around it."""
        before, mark, after = style.partition(MARK)
        if not (mark and before.strip() and after.strip()) or MARK in after or set(style) & set("<>&\r\n"):
            raise ValueError("one line of plain text with {key} once, and something before and after it")
        return style

    def views(self, object_: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        """The views whose union is every record of an object."""
        own: str = getattr(self, f"views_{object_}", "")
        for part in self.views_modules.split(";"):
            module, _, name = part.partition("=")
            if module.strip() == object_ and name.strip():
                return (name.strip(),)
        return tuple(name.strip() for name in own.split(";") if name.strip()) or usual


def dials(spec: DestinationSpec, account: Account) -> Dials:
    """The settings of one account; a SpecError names the setting that is wrong."""
    try:
        return Dials.model_validate({**spec.settings, **account.settings})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise SpecError(
            "a setting of the destination is wrong",
            found=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
            expected=", ".join(sorted(Dials.model_fields)),
            todo="correct it under [destination] in engagement.toml",
        ) from None


def policy(spec: DestinationSpec, account: Account, settings: Dials) -> Policy:
    """Limits and patience; a rehearsal's clock runs `time_scale` times as fast."""
    return Policy.scaled(
        account.time_scale,
        windows=policy_windows(spec, account),
        timeout=settings.timeout_seconds,
        patience=settings.patience_seconds,
    )


def calls_a_minute(spec: DestinationSpec, account: Account) -> int:
    """What the account lets through in a minute."""
    return next(window.allowance for window in policy_windows(spec, account) if window.name == "minute")
