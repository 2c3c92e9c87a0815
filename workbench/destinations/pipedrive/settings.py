"""What the Pipedrive fact sheet leaves open, as settings: the file's defaults with the account's own laid over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from workbench.destinations import Account, Secret
from workbench.destinations.http import Policy
from workbench.destinations.limits.budget import plan_limits, policy_windows
from workbench.errors import SpecError
from workbench.specs import DestinationSpec

__all__ = ["Dials", "dials", "lanes_of", "policy", "renewed", "root_of", "signed"]

MOST_LANES = 100
MARK = "{key}"


class Dials(BaseModel):
    """Every setting of the client; a name that is not here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sign_in: Literal["api_token", "oauth"] = "api_token"
    token_url: str = ""  # of whoever renews the key
    seats: int = Field(default=1, ge=1)
    reserve: float = Field(default=0.2, ge=0, lt=1)
    reset_hour: int = Field(default=0, ge=0, lt=24)
    burst_allowance: int = Field(default=0, ge=0)
    search_allowance: int = Field(default=0, ge=0)
    day_allowance: int = Field(default=0, ge=0)
    lanes: int = Field(default=0, ge=0, le=MOST_LANES)
    latency_seconds: float = Field(default=0.4, gt=0)
    timeout_seconds: float = Field(default=60.0, gt=0)
    patience_seconds: float = 3900.0  # of waits after 429 before we give up and say so
    wait_for_day: bool = True  # a load whose tokens of the day are used up waits for the next ones
    page_rows: int = Field(default=500, ge=2, le=500)
    v1_path: Literal["v1", "api/v1"] = "v1"
    deal_add_time: Literal["refused", "sent", "v1"] = "refused"
    due_time_form: Literal["either", "HH:MM", "HH:MM:SS"] = "either"
    field_creation: Literal["api", "checklist"] = "api"
    note_form: Literal["auto", "text", "html"] = "auto"
    marker_style: str = "[migration key: {key}]"
    file_marker_style: str = " [{key}]"
    file_megabytes: float = Field(default=25.0, gt=0)
    upload_seconds: float = Field(default=600.0, gt=0)
    find_by: Literal["listing", "search"] = "listing"
    children: Literal["counters", "lists"] = "counters"
    look_for_comments: bool = True
    look_for_leads: bool = True
    look_for_relations: bool = True
    look_for_activity_files: bool = True
    archived_deals: bool = True
    lag_seconds: float = Field(default=60.0, ge=0)
    currency: str = ""

    @field_validator("marker_style", "file_marker_style")
    @classmethod
    def _told_apart(cls, style: str) -> str:
        """The key has to stand alone between two texts, or it could not be told from what follows it."""
        before, mark, after = style.partition(MARK)
        if not (mark and before.strip() and after.strip()) or MARK in after or set(style) & set("<>&\r\n"):
            raise ValueError("one line of plain text with {key} once, and something before and after it")
        return style


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


def signed(account: Account, settings: Dials) -> tuple[str, Secret]:
    """The header that says who we are; the key stands nowhere else, and never in an address."""
    if settings.sign_in == "oauth":
        return "Authorization", _bearer(account.key)
    return "x-api-token", account.key


def renewed(account: Account, settings: Dials) -> Callable[[], Secret] | None:
    """Gives the header's next value each time it is called; None where the key does not end."""
    renew, token = account.renew, account.key
    if renew is None or settings.sign_in != "oauth":
        return None

    def follow() -> Secret:
        nonlocal token
        token = renew(token)
        return _bearer(token)

    return follow


def _bearer(token: Secret) -> Secret:
    return Secret(f"Bearer {token.reveal()}")


def root_of(base_url: str) -> str:
    """The address of the account up to and with `/api`, below which v2 stands, and beside which v1 does."""
    bare = base_url.rstrip("/")
    for tail in ("/api/v2", "/api/v1", "/v2", "/v1", "/api"):
        if bare.endswith(tail):
            bare = bare.removesuffix(tail)
            break
    return f"{bare}/api"


def lanes_of(spec: DestinationSpec, account: Account, settings: Dials) -> int:
    """Calls in flight that use up the burst limit, by how long one lasts."""
    if settings.lanes:
        return settings.lanes
    limits = plan_limits(spec, account, sign_in=settings.sign_in)
    rates = [(settings.burst_allowance or limit.allowance) / limit.seconds for limit in limits if limit.name == "burst"]
    return max(1, min(MOST_LANES, math.ceil(min(rates) * settings.latency_seconds)))


def policy(spec: DestinationSpec, account: Account, settings: Dials) -> Policy:
    """Limits and patience; a rehearsal's clock runs `time_scale` times as fast."""
    usual = Policy.scaled(
        account.time_scale,
        windows=policy_windows(spec, account, sign_in=settings.sign_in),
        timeout=settings.timeout_seconds,
        patience=settings.patience_seconds,
    )
    return replace(usual, wait_for_day=settings.wait_for_day)
