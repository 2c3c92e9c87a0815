"""Where a destination may be: over https, or a stand-in on this machine."""

from __future__ import annotations

import httpx

from workbench.destinations.http.wire import LOOPBACK
from workbench.errors import EngagementError

__all__ = ["checked"]


def checked(base_url: str, *, time_scale: float) -> httpx.URL:
    """The base address; in earnest it has to be https, as the key travels with every request."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as wrong:
        raise _no_address(str(wrong)) from None
    host = url.host
    secure = url.scheme == "https" or (url.scheme == "http" and host in LOOPBACK)
    plain = base_url.isascii() and base_url.isprintable() and not set(" ?#@") & set(base_url)
    if not (host and secure and plain):
        raise _no_address(f"{url.scheme}://{host}{url.path}")
    if time_scale != 1 and host not in LOOPBACK:
        raise EngagementError(
            "a rehearsal's clock is set for an account that is none",
            expected="time_scale = 1, or the address of a stand-in on this machine",
            found=f"time_scale {time_scale:g} for {host}",
            todo="correct time_scale or base_url in engagement.toml",
        )
    return url


def _no_address(found: str) -> EngagementError:
    return EngagementError(
        "this is no address of an API",
        expected="https://…, as its settings show it; http only for a rehearsal on this machine; no key in it",
        found=found,
        todo="correct base_url in engagement.toml",
    )
