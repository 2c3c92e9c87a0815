"""What every client over HTTP says of its calls: how they wait, what they used, and what is left of the limits."""

from __future__ import annotations

from collections.abc import Callable

from workbench.destinations import Spent, Standing, Wait
from workbench.destinations.http import Http

__all__ = ["Metered"]


class Metered:
    """The part of ``workbench.destinations.Destination`` that the client's `http` answers by itself."""

    http: Http

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        """Have every wait told to somebody from now on, such as a progress bar."""
        self.http.on_wait(report, days=days)

    def stop_waiting(self, longer: float) -> None:
        """End the calls that would wait for their turn for longer than this; they are not sent."""
        self.http.stop_waiting(longer)

    def standing(self) -> tuple[Standing, ...]:
        """What is left of the account's limits."""
        return self.http.standing()

    def spent(self, purpose: str = "") -> Spent:
        """Calls and tokens since this client was made, all of them or those for a purpose."""
        return self.http.spent(purpose)
