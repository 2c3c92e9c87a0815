"""Which Pipedrive operation a request names, and whether its query and body may be what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workbench.rehearsal.engine import Call, Json
from workbench.rehearsal.engine.bodies import parsed
from workbench.rehearsal.pipedrive.account import KEY_PARAMETER
from workbench.rehearsal.pipedrive.answers import SCHEMA_FAILED, Asked, Operation, Version, invalid, no

ANY = "#"
INSERTED_ID = (
    "Inserting ID with POST request is not allowed. If you have any questions, please contact Pipedrive support"  # §1.6
)


@dataclass(slots=True)
class Node:
    """A place in the tree of paths: what stands below it, and what its methods do."""

    below: dict[str, Node] = field(default_factory=dict)
    methods: dict[str, Operation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names: a version, the operation if there is one, the open parts of the path, and its methods."""

    version: Version
    operation: Operation | None
    ids: tuple[str, ...]
    methods: frozenset[str]


class Routing:
    """The tree of all operations."""

    def __init__(self, operations: Iterable[Operation], *, bare_v2: bool) -> None:
        self._roots: dict[Version, Node] = {"v1": Node(), "v2": Node()}
        self._bare_v2 = bare_v2
        for operation in operations:
            node = self._roots[operation.version]
            for part in operation.path.split("/"):
                node = node.below.setdefault(part, Node())
            assert operation.method not in node.methods, f"{operation.method} {operation.version} {operation.path} stands twice"
            node.methods[operation.method] = operation

    def find(self, call: Call) -> Named | None:
        """What the path names; none where it does not even name a version."""
        parts = call.parts[1:] if call.parts[:1] == ("api",) else call.parts
        bare = parts == call.parts
        version = parts[0] if parts else ""
        if version == "v1":
            return self._walk("v1", call.method, parts[1:])
        if version == "v2" and (not bare or self._bare_v2):
            return self._walk("v2", call.method, parts[1:])
        return None

    def _walk(self, version: Version, method: str, parts: tuple[str, ...]) -> Named:
        node, ids = self._roots[version], []
        for part in parts:
            if part in node.below:
                node = node.below[part]
            elif ANY in node.below:
                node = node.below[ANY]
                ids.append(part)
            else:
                return Named(version, None, (), frozenset())
        return Named(version, node.methods.get(method), tuple(ids), frozenset(node.methods))


def asked(call: Call, named: Named) -> Asked:
    """The request with its query and body looked through; refuses in the vendor's words."""
    operation = named.operation
    if operation is None:
        if named.methods:
            no(named.version, 405, "Method not allowed")
        no(named.version, 404, "Unknown method ." if named.version == "v1" else "Not found")
    query = {name: value for name, value in call.query.items() if name != KEY_PARAMETER}
    given = Asked(call, named.version, named.ids, query)
    if named.version == "v2":
        _hold(operation.query.problems(dict(query)))
    if operation.raw:
        return given
    if operation.listed:
        return replace(given, items=_list(call, named.version))
    if named.version == "v2":
        return replace(given, body=_strict(call, operation))
    return replace(given, body=_lenient(call))


def _strict(call: Call, operation: Operation) -> Json:
    """The body of a v2 request, which holds nothing that its shape does not name."""
    if call.method == "GET" or (call.method == "DELETE" and not operation.body.keys):
        return {}
    body = _object(call, "v2")
    _hold(operation.body.problems(body))
    return body


def _lenient(call: Call) -> Json:
    """The body of a v1 request; what its handler does not know is passed over."""
    if call.method in ("GET", "DELETE"):
        return {}
    body = _object(call, "v1")
    if call.method == "POST" and "id" in body:
        no("v1", 400, INSERTED_ID)
    return body


def _hold(problems: Sequence[str]) -> None:
    if problems:
        invalid(problems)


def _object(call: Call, version: Version) -> Json:
    value = _parsed(call, version)
    if not isinstance(value, dict):
        no(version, 400, "Validation failed: body: The value is not a valid 'object'", code=_code(version))
    return value


def _list(call: Call, version: Version) -> list[object]:
    value = _parsed(call, version)
    if not isinstance(value, list):
        no(version, 400, "Validation failed: body: The value is not a valid 'array'", code=_code(version))
    return value


def _parsed(call: Call, version: Version) -> object:
    """The body as JSON proper; none counts as an empty object."""
    if not call.body.strip():
        return {}
    try:
        return parsed(call.body)
    except ValueError:
        no(version, 400, "Bad request", code=_code(version))


def _code(version: Version) -> str:
    return SCHEMA_FAILED if version == "v2" else ""
