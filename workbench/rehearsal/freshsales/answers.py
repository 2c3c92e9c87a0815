"""What every handler of the Freshsales rehearsal takes and gives: the route, the body of a request, the JSON of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from workbench.rehearsal.engine import Call, Json, Refusal, Reply
from workbench.rehearsal.engine.bodies import parsed

Handler = Callable[[Call, Sequence[int]], Reply]
"""Answers a request; the numbers are those of the path, in its order."""


class Routed(Protocol):
    """A part of the account that answers requests of its own."""

    def routes(self) -> Iterable[tuple[str, Handler]]:
        """Method and path below the API with ``#`` for each number, as in ``GET deals/#/products``, and who answers."""
        ...


def body_of(call: Call) -> Json:
    """The JSON object of a request; none counts as an empty one."""
    try:
        body = parsed(call.body) if call.body else {}
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The request body is not an object")
    return body


def given(call: Call, wrapper: str) -> Json:
    """The record of a write, in its wrapper or bare."""
    body = body_of(call)
    inner = body.get(wrapper)
    return inner if isinstance(inner, dict) else {key: value for key, value in body.items() if key != "unique_identifier"}
