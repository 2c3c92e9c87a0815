"""Every error of the workbench, one tree, divided by what the reader can do about it.

::

    WorkbenchError
    ├── EditError            change a file, a setting or a decision, then run again
    │   ├── SpecError            a source, destination or route file says what it may not
    │   ├── EngagementError      the engagement folder is missing, not one, or exists already
    │   ├── DecisionMissing      a person has to decide first (the command line ends with code 3)
    │   ├── GateClosed           an earlier phase is not passed, or a sign-off is void
    │   └── PortInUse            another program has the port
    ├── ExportError          get the export again, or say how to read it
    ├── WaitError            wait, then resume where it stopped
    │   ├── DestinationBusy      the limit of the account is used up, or the destination does not answer
    │   └── EngagementLocked     another run is writing to this engagement
    ├── Fenced               another run has taken over; this one has to end
    ├── Uncertain            look at the destination before sending anything again
    ├── Refused              the destination answered no
    │   ├── WrongKey             the key is wrong, or may not do this
    │   └── Rejected             the destination does not accept this record, in its own words
    └── IntegrityError       a journal, ledger or package was changed after it was written
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = [
    "DecisionMissing",
    "DestinationBusy",
    "EditError",
    "EngagementError",
    "EngagementLocked",
    "ExportError",
    "Fenced",
    "GateClosed",
    "IntegrityError",
    "PortInUse",
    "Refused",
    "Rejected",
    "SpecError",
    "Uncertain",
    "WaitError",
    "WorkbenchError",
    "WrongKey",
    "on_disk",
]

SHOWN = 12
"""How many missing things a message lists before it says how many more there are."""


class WorkbenchError(Exception):
    """A message in four parts: what is wrong, what was expected and found, where, and what to do.

    Notebooks show the message without a stack, since the last line already says what to do.
    """

    def __init__(self, message: str, *, expected: str = "", found: str = "", where: str = "", todo: str = "") -> None:
        self.message = message
        self.expected = expected
        self.found = found
        self.where = where
        self.todo = todo
        super().__init__(message)

    def __str__(self) -> str:
        parts = [self.message]
        for label, text in (("expected", self.expected), ("found", self.found), ("where", self.where)):
            if text:
                parts.append(f"  {label}: {text}")
        if self.todo:
            parts.append(f"  → {self.todo}")
        return "\n".join(parts)

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines in place of a stack; a stack would print arguments, and hide the advice.
        return [f"{type(self).__name__}: {self}"]


class EditError(WorkbenchError):
    """Change a file, a setting or a decision, then run again."""


class SpecError(EditError):
    """A source, destination or route file says something that it may not say."""


class EngagementError(EditError):
    """The engagement folder is missing, is not an engagement, or exists already."""


class DecisionMissing(EditError):
    """A person has to decide before this step can go on; ``missing`` lists what, in full."""

    def __init__(self, message: str, *, missing: Sequence[str], where: str = "", todo: str = "") -> None:
        self.missing = tuple(missing)
        super().__init__(
            message,
            where=where,
            found=listed(self.missing),
            todo=todo or "decide them in the notebook of this phase, or send the customer the workbook, then run again",
        )


class GateClosed(EditError):
    """An earlier phase is not passed, or the sign-off no longer fits its evidence."""


class PortInUse(EditError):
    """Another program listens on the port."""


class ExportError(WorkbenchError):
    """An export cannot be read as it stands: get it again, or say how to read it."""


class WaitError(WorkbenchError):
    """Nothing is wrong that waiting does not mend; the run resumes where it stopped."""


class DestinationBusy(WaitError):
    """The account's limit is used up, or the destination does not answer."""


class Outdated(WaitError):
    """A change was not sent, as what it hangs on was looked at too long ago when its turn came."""


class EngagementLocked(WaitError):
    """Another run is writing to this engagement."""


class Fenced(WorkbenchError):
    """Another run has taken over the engagement; this one may not write any more, nor send."""


class Uncertain(WorkbenchError):
    """A write may or may not have happened; it is settled by looking, never by sending again."""


class Refused(WorkbenchError):
    """The destination answered no."""


class WrongKey(Refused):
    """The key is wrong, or its user may not do this."""


class Rejected(Refused):
    """The destination does not accept this record; ``words`` are its own."""

    def __init__(self, message: str, *, words: str, where: str = "", todo: str = "") -> None:
        self.words = words
        super().__init__(message, found=words, where=where, todo=todo)


class IntegrityError(WorkbenchError):
    """A journal, a ledger or a package was changed after it was written."""


def listed(items: Sequence[str], *, limit: int = SHOWN) -> str:
    """The first ``limit`` items, comma separated, and how many more there are."""
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown}, … and {len(items) - limit} more"


@contextmanager
def on_disk(what: str) -> Iterator[None]:
    """Say as an EditError that the computer does not let something be written; round a block, or as a decorator."""
    try:
        yield
    except OSError as failed:
        raise EditError(
            f"{what} cannot be written",
            found=failed.strerror or str(failed),
            where=str(failed.filename or ""),
            todo="make room on the disk and see that you may write there, then run again",
        ) from None
