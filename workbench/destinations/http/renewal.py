"""A key that follows a stale one: asked for once, for all threads that were refused with the same one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from workbench.destinations import Secret
from workbench.destinations.limits import Clock
from workbench.errors import WorkbenchError, WrongKey

__all__ = ["Renewal"]


class Renewal:
    """Knows the key of now. ``young`` is for how many real seconds a renewed key that is refused is not renewed again."""

    def __init__(self, renew: Callable[[], Secret], first: Secret, *, clock: Clock, young: float) -> None:
        self._renew = renew
        self._clock = clock
        self._young = young
        self._lock = threading.Lock()
        self._secret = first
        self._renewed_at = float("-inf")
        self._failed: WorkbenchError | None = None
        self._failed_at = float("-inf")

    def follow(self, stale: Secret, *, begun: float) -> Secret:
        """The key of now; the stale one itself where it was renewed a moment ago, and another would be refused as well.

        ``begun`` is when the refused call went out. A renewal that has failed since failed for this call, too, and one that
        the vendor has refused for good is not asked for a second time.
        """
        with self._lock:
            if self._secret is not stale:
                return self._secret
            if self._clock.monotonic() - self._renewed_at < self._young:
                return stale
            if self._failed is not None and (isinstance(self._failed, WrongKey) or begun <= self._failed_at):
                raise self._failed.with_traceback(None)
            try:
                self._secret = self._renew()
            except WorkbenchError as error:
                self._failed, self._failed_at = error, self._clock.monotonic()
                raise
            self._failed, self._renewed_at = None, self._clock.monotonic()
            return self._secret
