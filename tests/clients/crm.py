"""python-freshworks-crm at the other end, and what a tenant of Freshsales holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from talking import HERE, Talk, environment, shell, talking
from trust import Trust

from workbench.rehearsal import Rehearsal

KEY = "rehearsal-key-51c9"


class Crm:
    """The client: ``crm("contacts.create_contact", last_name="Bell")``."""

    def __init__(self, talk: Talk, tenant: Rehearsal) -> None:
        self._talk = talk
        self.tenant = tenant

    def __call__(self, call: str, *args: Any, **kwargs: Any) -> Any:
        """What the client's method returned; its models are objects of their attributes."""
        return self._talk.ask({"call": call, "args": args, "kwargs": kwargs})

    def held(self, kind: str, number: int) -> dict[str, Any]:
        """A record as the tenant holds it."""
        found: dict[str, Any] = self.tenant.dump()["records"][kind][str(number)]
        return found

    def where(self, kind: str, number: int) -> str:
        """In which part of the tenant a record is: records, recycle_bin or nowhere."""
        whole = self.tenant.dump()
        return next((part for part in ("records", "recycle_bin") if str(number) in whole[part].get(kind, {})), "nowhere")

    def last(self) -> tuple[str, str, int]:
        """Method, path below the API and status of the last request that the tenant saw."""
        line = self.tenant.log().iloc[-1]
        return str(line["method"]), str(line["path"]).removeprefix("/crm/sales/api/"), int(line["status"])


@contextmanager
def calling(tenant: Rehearsal, trust: Trust, *, key: str) -> Iterator[Crm]:
    """The client, made with a key, for the length of a ``with`` block."""
    command = [environment("freshworks") / "bin" / "python", HERE / "freshworks" / "drive.py"]
    with talking(command, shell(**trust.variables)) as talk:
        talk.tell({"domain": tenant.url.removeprefix("https://").removesuffix("/api"), "key": key})
        yield Crm(talk, tenant)
