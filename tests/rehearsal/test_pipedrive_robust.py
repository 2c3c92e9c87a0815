"""Whatever is sent to an operation of the Pipedrive rehearsal, it answers in the vendor's words and never breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipedrive_small import SMALL, opened

from workbench.rehearsal.engine import Call, Clock, Refusal, Reply, State
from workbench.rehearsal.pipedrive import Pipedrive
from workbench.rehearsal.pipedrive.answers import Operation, broken

RECIPE = {
    **SMALL,
    "fields": [
        {"object": "deal", "code": "a" * 40, "field_name": "Area", "field_type": "double"},
        {"object": "deal", "code": "b" * 40, "field_name": "Fee", "field_type": "monetary"},
        {"object": "person", "code": "c" * 40, "field_name": "Home", "field_type": "address"},
        {"object": "person", "code": "d" * 40, "field_name": "Roles", "field_type": "set", "options": [{"label": "Owner"}]},
    ],
}
SEED = (
    ("/api/v2/organizations", {"name": "Pier"}),
    ("/api/v2/persons", {"name": "Ada Brook", "emails": [{"value": "ada@harbour.example"}]}),
    ("/api/v2/deals", {"title": "Coaching", "person_id": 1, "org_id": 1}),
    ("/api/v2/activities", {"subject": "Call", "deal_id": 1}),
    ("/api/v2/products", {"name": "Hour"}),
    ("/v1/notes", {"content": "x", "deal_id": 1}),
    ("/v1/leads", {"title": "Lead", "person_id": 1}),
)
WORDS = st.sampled_from(
    [
        "",
        "a",
        "1",
        "true",
        "id",
        "2026-01-02",
        "2026-02-30",
        "12:30",
        "2026-01-02T03:04:05Z",
        "0000-00-00",
        "EUR",
        "won",
        "call",
    ]
)
NUMBERS = st.sampled_from([0, 1, 2, -1, 999, 10**20, 2**53, 1.5, -0.0, 1e308])
CODES = ["a" * 40, "b" * 40, "c" * 40, "d" * 40]
KEYS = st.sampled_from(
    [*CODES, "value", "label", "id", "primary", "person_id", "currency", "until", "name", "title", "custom_fields", "price",
     "amount", "data", "product_id", "quantity", "item_price", "content", "deal_id", "org_id"]
)  # fmt: skip
VALUES = st.recursive(
    WORDS | NUMBERS | st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
IDS = st.sampled_from(["1", "2", "999", "abc", "9" * 30, "a" * 40, "²"])


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipedrive, State]]:
    made, state = opened(tmp_path_factory.mktemp("robust") / "state.sqlite", RECIPE, plan="premium")
    for path, body in SEED:
        assert answered(made, state, "POST", path, {}, json.dumps(body).encode()).status < 300
    yield made, state
    state.close()


def answered(vendor: Pipedrive, state: State, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
    """What the wire would send, and what the state then holds; anything but a refusal comes through."""
    call = Call(method, tuple(path.strip("/").split("/")), query, {}, body, "http://127.0.0.1", Clock().now())
    try:
        with state.transaction():
            return vendor.answer(call)
    except Refusal as no:
        return no.reply or vendor.refuse(no.status, no.messages, call=call)


def body_for(data: st.DataObject, operation: Operation) -> object:
    """A body that names what the operation knows more often than not, with values of any kind."""
    if operation.listed and data.draw(st.integers(0, 5)):
        return data.draw(st.lists(VALUES, max_size=2))
    known = st.sampled_from(sorted(operation.body.keys)) if operation.body.keys else KEYS
    body = data.draw(st.dictionaries(known | KEYS if data.draw(st.booleans()) else known, VALUES, max_size=4))
    for key in operation.body.required:
        right = [value for value in ("a", 1, "2026-01-02", 1.5) if operation.body.keys[key](value) is None]
        if right and data.draw(st.booleans()):
            body[key] = right[0]
    return body


def is_nested(body: object) -> bool:
    """Whether custom values are wrapped once too often: the one 500 that the vendor itself is known for."""
    values = body.get("custom_fields") if isinstance(body, dict) else None
    return isinstance(values, dict) and isinstance(values.get("custom_fields"), dict)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_query_and_no_body_break_an_operation(vendor: tuple[Pipedrive, State], data: st.DataObject) -> None:
    served, state = vendor
    operation = data.draw(st.sampled_from(served.operations))
    path = "/".join(data.draw(IDS) if part == "#" else part for part in operation.path.split("/"))
    known = st.sampled_from(sorted(operation.query.keys) or ["start", "limit", "ids", "term", "sort"])
    values = WORDS | st.sampled_from(["9" * 40, "1,2", "1,x", "²", "-1", "id,add_time"])
    query = data.draw(st.dictionaries(known, values, max_size=2))
    body = body_for(data, operation)
    sent = json.dumps(body).encode()
    reply = answered(served, state, operation.method, f"/api/{operation.version}/{path}", query, sent)
    assert reply.status < 500 or (is_nested(body) and reply == broken("v2"))
    if reply.content_type.startswith("application/json") and reply.status < 500:
        assert json.loads(reply.body)["success"] is (reply.status < 300)
