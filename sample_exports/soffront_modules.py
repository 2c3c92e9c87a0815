"""What becomes of Northgate's rows where tickets and installed assets are records of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sample_exports.soffront_history import FEEDS
from sample_exports.soffront_rows import there
from sample_exports.soffront_tickets import PRIORITIES, STATUSES
from sample_exports.tenant import Item, Verdict

__all__ = ["SCOPE", "as_modules", "value_plans"]

SCOPE = {"ticket_target": "module", "custom_objects": "modules"}
OTHER = Verdict("excluded", "other_answer")
ON_A_TICKET = Verdict("excluded", "on_a_ticket_record")
NO_PLACE = "no_ticket_for_message"
CONVERSATION = ("support_conversation__c", *(f"support_conversation_{part}__c" for part in (2, 3, 4)))
ROOM, MORE = 10_000, " […]"
"""Characters that a field of the module holds, and what says that there would be more."""


def as_modules(items: Sequence[Item]) -> list[Item]:
    """The same rows with the other truth; those that no ticket and no asset has to do with stay as they are."""
    threads, told = _threads(items), dict[str, int]()
    accounts = {item.key: item.verdicts["accounts"].record for item in items if item.table == "accounts"}
    made: dict[str, Callable[[Item], Item]] = {
        "tickets": _ticket,
        "ticket_messages": lambda item: _message(item, threads, told),
        "InstalledAsset": lambda item: _asset(item, accounts),
        "activities": _activity,
        "attachments": _attachment,
    }
    return [made[item.table](item) if item.table in made else item for item in items]


def value_plans() -> dict[str, dict[str, str]]:
    """Feed and column → the option that each value is mapped to."""
    return {"tickets_module/Status": STATUSES, "tickets_module/Priority": PRIORITIES}


def _ticket(item: Item) -> Item:
    row, before = item.row, item.values["tickets"]
    values = {
        "name": str(row["Subject"]), "owner": before["owner"], "support_status__c": STATUSES[str(row["Status"])],
        "support_priority__c": PRIORITIES[str(row["Priority"])], "support_severity__c": str(row["Severity"] or ""),
        "support_category__c": str(row["Category"]), "support_resolved_on__c": str(row["ResolvedDate"] or "")[:10],
        "support_ticket_id__c": item.key, "soffront_created_at__c": there(str(row["CreatedDate"])),
        "sales_account": before["sales_account"], "contact": before["contacts"],
    }  # fmt: skip
    ends = {"tickets": OTHER, "tickets_module": Verdict("loaded", "", f"tickets_module/{item.key}")}
    return replace(item, verdicts=ends, values={"tickets_module": values})


def _threads(items: Sequence[Item]) -> dict[str, list[str]]:
    """Ticket → its conversation, message by message: day, author and direction, then the words as plain text."""
    found: dict[str, list[str]] = {}
    for item in items:
        if item.table == "ticket_messages":
            row = item.row
            words = str(row["Body"]).removeprefix("<p>").replace("</p><blockquote>", "\n\n")
            words = words.removesuffix("</blockquote>").removesuffix("</p>")
            head = f"{row['CreatedDate']}, {row['Author']} ({row['Direction']})"
            found.setdefault(str(row["TicketID"]), []).append(f"{head}\n\n{words}")
    return found


def _in_fields(texts: Sequence[str]) -> dict[str, str]:
    """A conversation in the fields of its ticket, whole messages as far as there is room, and a sign where some are left."""
    fields, left = dict[str, str](), list(texts)
    for name in CONVERSATION:
        if left:
            fields[name] = left.pop(0)
        while left and len(f"{fields[name]}\n\n{left[0]}") <= ROOM - (len(MORE) if len(left) > 1 else 0):
            fields[name] += "\n\n" + left.pop(0)
    return fields | ({CONVERSATION[-1]: fields[CONVERSATION[-1]] + MORE} if left else {})


def _message(item: Item, threads: dict[str, list[str]], told: dict[str, int]) -> Item:
    """The first message of a ticket states the whole conversation; those without room say so."""
    if item.verdicts["messages"].bucket != "loaded":
        return replace(item, verdicts={"messages": OTHER, "messages_module": Verdict("rejected", NO_PLACE)})
    ticket = str(item.row["TicketID"])
    ends = {"messages": OTHER, "messages_module": Verdict("merged", "attached", f"tickets_module/{ticket}")}
    place = told[ticket] = told.get(ticket, -1) + 1
    fields = _in_fields(threads[ticket])
    lost = not any(threads[ticket][place] in text for text in fields.values())
    aside = (("messages_module", "Message 4", "no_room_beside_others"),) if lost else ()
    return replace(item, verdicts=ends, values={} if place else {"messages_module": fields}, aside=aside)


def _asset(item: Item, accounts: Mapping[str, str]) -> Item:
    row, home = item.row, str(item.row["AccountID"])
    values = {
        "name": f"{row['Model']} {row['SerialNo']}",
        "asset_serial__c": str(row["SerialNo"]), "asset_model__c": str(row["Model"]),
        "asset_lease_end__c": str(row["LeaseEnd"]), "asset_worth__c": str(row["Value"]),
        "asset_warranty__c": str(row["Warranty"]).lower(), "asset_id__c": item.key, "sales_account": accounts.get(home, ""),
    }  # fmt: skip
    gone = home not in accounts
    return replace(
        item,
        verdicts={"assets": OTHER, "assets_module": Verdict("loaded", "", f"assets_module/{item.key}")},
        values={"assets_module": values},
        aside=(("assets_module", "", "parent_missing"),) if gone else (),
    )


def _activity(item: Item) -> Item:
    if item.row["ParentObject"] != "tickets":
        return item
    return replace(item, verdicts=dict.fromkeys(FEEDS, ON_A_TICKET), values={})


def _attachment(item: Item) -> Item:
    if item.row["ParentObject"] != "tickets":
        return item
    return replace(item, verdicts={"files": ON_A_TICKET}, values={})
