"""The official Pipedrive client on Node at the other end, and what a tenant of Pipedrive holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from talking import HERE, Talk, environment, shell, talking

from workbench.rehearsal import Rehearsal


class Sdk:
    """The client: ``sdk("v2.PersonsApi.addPerson", AddPersonRequest={"name": "Ann"})``."""

    def __init__(self, talk: Talk, tenant: Rehearsal, key: str) -> None:
        self._talk = talk
        self._key = key
        self.tenant = tenant

    def __call__(self, call: str, **argument: Any) -> Any:
        """What the client's method resolved to, which is the whole body of the answer."""
        return self.with_key(self._key, call, **argument)

    def with_key(self, key: str, call: str, **argument: Any) -> Any:
        """The same with another key; an empty one takes the access token that the client was granted."""
        root = self.tenant.url.removesuffix("/")
        return self._talk.ask({"call": call, "argument": argument, "root": root, "key": key})

    def data(self, call: str, **argument: Any) -> Any:
        """The ``data`` of a successful answer."""
        answer = self(call, **argument)
        assert answer["success"] is True, answer
        return answer["data"]

    def held(self, kind: str, number: int | str) -> dict[str, Any]:
        """A record as the tenant holds it."""
        found: dict[str, Any] = self.tenant.dump()["records"][kind][str(number)]
        return found

    def where(self, kind: str, number: int | str) -> str:
        """In which part of the tenant a record is: records, recycle_bin or nowhere."""
        whole = self.tenant.dump()
        return next((part for part in ("records", "recycle_bin") if str(number) in whole[part].get(kind, {})), "nowhere")


@contextmanager
def calling(tenant: Rehearsal, *, key: str) -> Iterator[Sdk]:
    """The client for the length of a ``with`` block."""
    env = shell(CLIENT_ROOT=str(environment("pipedrive")))
    with talking(["node", HERE / "pipedrive" / "drive.cjs"], env) as talk:
        yield Sdk(talk, tenant, key)
