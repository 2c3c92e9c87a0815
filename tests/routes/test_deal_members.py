"""A route asks for products in deals and for further persons of a deal: from staged tables to Pipedrive, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from small_route import route, source, table
from walk import TIME_SCALE, TOKEN

from workbench.engagement import Engagement, new_engagement
from workbench.flow.accounting import close_accounts
from workbench.flow.planning import connected
from workbench.flow.transfer import read_back, transfer
from workbench.ledger.unloading import unload
from workbench.rehearsal import canonical, running
from workbench.stages import secondpass, transform, validate

NAME = {"column": "name", "to": "name", "recipe": "text", "required": True}
PEOPLE = {"name": "people", "table": "people", "object": "person", "fields": [NAME]}
GOODS = {"name": "goods", "table": "goods", "object": "product"}
GOODS |= {"fields": [NAME, {"column": "price", "to": "price", "recipe": "money"}]}
DEALS = {"name": "deals", "table": "deals", "object": "deal", "fields": [{**NAME, "to": "title"}]}
DEALS |= {"lookups": [{"to": "person", "feed": "people", "column": "first"}]}
IN_DEAL = {"to": "deal", "feed": "deals", "column": "deal", "required": True}
SOLD = {"name": "sold", "table": "sold", "object": "deal_product"}
SOLD |= {
    "fields": [
        {"column": "price", "to": "item_price", "recipe": "money"},
        {"column": "n", "to": "quantity", "recipe": "decimal"},
    ]
}
SOLD |= {"lookups": [IN_DEAL, {"to": "product", "feed": "goods", "column": "good", "required": True}]}
MEMBERS = {"name": "members", "table": "members", "object": "deal_participant"}
MEMBERS |= {"lookups": [IN_DEAL, {"to": "person", "feed": "people", "column": "who", "required": True}]}
KEYS = {"people": "id", "goods": "id", "deals": "id", "sold": "id", "members": "id"}


def staged(engagement: Engagement) -> None:
    tables = {
        "people": table("people", *({"id": f"p{n}", "name": f"Person {n}"} for n in range(4))),
        "goods": table("goods", *({"id": f"g{n}", "name": f"Good {n}", "price": f"{n + 1}0.50"} for n in range(2))),
        "deals": table("deals", *({"id": f"d{n}", "name": f"Deal {n}", "first": "p0"} for n in range(2))),
        "sold": table(
            "sold",
            {"id": "s1", "deal": "d0", "good": "g0", "price": "10.50", "n": "3"},
            {"id": "s2", "deal": "d0", "good": "g1", "price": "20", "n": "1.5"},
            {"id": "s3", "deal": "d9", "good": "g1", "price": "20", "n": "1"},
        ),
        "members": table(
            "members",
            {"id": "m1", "deal": "d0", "who": "p1"},
            {"id": "m2", "deal": "d0", "who": "p2"},
            {"id": "m3", "deal": "d1", "who": "p1"},
            {"id": "m4", "deal": "d1", "who": "p9"},
        ),
    }
    for name, rows in tables.items():
        engagement.save(f"tables/{name}", rows)
    counts = pd.DataFrame({"table": list(tables), "records": [len(rows) for rows in tables.values()]})
    engagement.save("rows_read", counts)
    engagement.save("rejects", pd.DataFrame({name: pd.Series(dtype="str") for name in ("table", "row", "reason", "raw")}))
    transform.run(engagement)


def test_products_and_members_of_deals_arrive_are_read_back_and_go_again(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "cover_letter.txt").write_text("nothing\n")
    with running("pipedrive", state=tmp_path / "t.db", token=TOKEN, time_scale=TIME_SCALE) as served:
        made = new_engagement(
            tmp_path / "e", route="profi_to_pipedrive", exports=exports, base_url=served.url, key=TOKEN, time_scale=TIME_SCALE
        )
        chosen = route(PEOPLE, GOODS, DEALS, SOLD, MEMBERS, name="toy_to_pipedrive", destination="pipedrive")
        engagement = replace(made, route=chosen, source=source(KEYS))
        staged(engagement)
        assert validate.run(engagement).passed
        before = canonical(served.dump())
        guard = connected(engagement)
        for field in guard.extra_fields(["person", "product", "deal"]):
            guard.create_field(field)
        moved = transfer(engagement, certify=True)
        assert all(certificate.holds for certificate in moved.certificates.values())
        closed = close_accounts(engagement, moved.frame).frame.set_index("feed")
        assert closed["closes"].all()
        assert closed.loc[["sold", "members"], ["loaded", "held"]].to_numpy().tolist() == [[2, 1], [3, 1]]
        assert {name: each.wrong for name, each in read_back(engagement).items()} == dict.fromkeys(KEYS, 0)
        deals = {row["title"]: row for row in served.dump()["records"]["deals"].values()}
        assert [len(deals[f"Deal {n}"]["participants"]) for n in range(2)] == [3, 2]
        asked = len(served.log())
        assert secondpass.run(engagement).frame.empty
        assert transfer(engagement).frame["state"].isin(["done", "held"]).all()
        assert set(served.log()["method"][asked:]) == {"GET"}
        result = unload(connected(engagement))
        assert result.complete, result.frame.to_string()
        assert canonical(served.dump()) == before
        made.store.dispose()
