"""The windows of an account: what its plan allows, less what its customer keeps, at the pace of its clock."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.destinations import Account
from workbench.destinations.limits import Window
from workbench.errors import SpecError, listed
from workbench.specs import DestinationSpec, Limit, Scalar

__all__ = ["plan_limits", "policy_windows"]

DAY, HOUR = 86_400.0, 3600.0
RESERVE = 0.2
"""The share of a day's tokens that stays the customer's, unless a setting says otherwise."""


def policy_windows(spec: DestinationSpec, account: Account, *, sign_in: str = "") -> tuple[Window, ...]:
    """The windows that a client has to keep to; a SpecError names a plan or a setting that is none.

    Settings, the file's with the account's own laid over them: `seats`, `reserve` (share of the hour and the day),
    `reset_hour` (UTC, at which a day begins), `sign_in`, and `<name>_allowance` where the account has another limit.
    """
    settings = {**spec.settings, **account.settings}
    limits = plan_limits(spec, account, sign_in=sign_in or str(settings.get("sign_in", "")))
    return tuple(_window(limit, settings, scale=account.time_scale) for limit in limits)


def plan_limits(spec: DestinationSpec, account: Account, *, sign_in: str = "") -> tuple[Limit, ...]:
    """The limits of the account's plan for its way of signing in; of the smallest plan where none is named."""
    if account.plan and account.plan not in spec.plans:
        raise SpecError(
            f"{spec.label} has no plan {account.plan!r}",
            expected=listed(list(spec.plans)),
            found=account.plan,
            todo="correct the plan in engagement.toml",
        )
    plan = spec.plans[account.plan] if account.plan else next(iter(spec.plans.values()))
    return tuple(limit for limit in plan.limits if limit.sign_in in ("", sign_in))


def _window(limit: Limit, settings: Mapping[str, Scalar], *, scale: float) -> Window:
    allowance = _setting(settings, f"{limit.name}_allowance") or limit.allowance
    if limit.per_seat:
        allowance *= max(_setting(settings, "seats"), 1)
    lasting = limit.seconds >= HOUR
    reserve = _setting(settings, "reserve", RESERVE if limit.unit == "tokens" else 0.0) if lasting else 0.0
    if not 0 <= reserve < 1:
        raise SpecError("a setting of the destination is wrong", found=f"reserve: {reserve}", expected="0 to below 1")
    return Window(
        seconds=limit.seconds / scale,
        allowance=int(allowance),
        name=limit.name,
        unit=limit.unit,
        resets=limit.resets,
        calls_of=limit.calls_of,
        reserve=reserve,
        offset=_setting(settings, "reset_hour") % 24 * HOUR / scale,
    )


def _setting(settings: Mapping[str, Scalar], name: str, otherwise: float = 0.0) -> float:
    said = settings.get(name, otherwise)
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise SpecError("a setting of the destination is wrong", found=f"{name}: {said!r}", expected="a number")
    return said
