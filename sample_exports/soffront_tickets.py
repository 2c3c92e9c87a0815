"""Tickets with their conversation, the knowledge base, and projects with their tasks, at Soffront."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from html import escape, unescape

from sample_exports.promio_rows import share
from sample_exports.soffront_rows import FALLBACK, HANDLES, USERS, Draws, day, draw_owner, moments, stamp, there
from sample_exports.tenant import Item, Json, Verdict

STATUSES = {"Open": "Open", "In Progress": "In progress", "Waiting": "Waiting", "Escalated": "In progress",
            "Resolved": "Resolved", "Closed": "Closed"}  # fmt: skip
PRIORITIES = {"low": "Low", "high": "High", "critical": "Critical", "severe": "Critical", "1": "Critical", "2": "High",
              "3": "High", "4": "Low"}  # fmt: skip
SUBJECTS = ("No heat in the hall", "Filter alarm", "Noise at night", "Thermostat offline", "Water under the unit")
CATEGORY_WORDS = ("Boilers", "Heat pumps", "Controls", "Billing", "Maintenance", "Spare parts")
GONE = 88_888


LONG_TICKET = 3
"""Place of the ticket whose conversation finds no room in four fields."""
LONG_MESSAGES = 5
LONG_BODY = "<p>" + " ".join(["The engineer measured the pressure once more."] * 112) + "</p>"
"""A message of which no two have room in one field."""


class Tickets:
    """The tickets: priorities in two vocabularies, groups as assignees, and some that were resolved before they began."""

    def __init__(self, draws: Draws, accounts: Sequence[Item], contacts: Sequence[Item], categories: Sequence[Item]) -> None:
        self.draws, self.accounts, self.categories = draws, accounts, categories
        self.contacts = [each for each in contacts if each.verdicts["contacts"].bucket == "loaded"]

    def draw(self) -> list[Item]:
        """All of them."""
        size = self.draws.size.tickets
        kinds = ["group_assigned"] * share(size, 0.04, least=2) + ["resolved_before_created"] * share(size, 0.03, least=2)
        kinds += ["no_contact"] * share(size, 0.05, least=2)
        kinds += [""] * (size - len(kinds))
        self.draws.rng.shuffle(kinds)
        return [
            self._ticket(n, at, kind) for n, (at, kind) in enumerate(zip(moments(self.draws.rng, size), kinds, strict=True), 1)
        ]

    def _ticket(self, number: int, at: object, kind: str) -> Item:
        rng, key = self.draws.rng, str(70_000 + number)
        owner, user, dirt = draw_owner(rng)
        if kind == "group_assigned":
            owner, user, dirt = "Support", FALLBACK, (("Assignee", "group_assigned"),)
        status, priority = rng.choice(list(STATUSES)), rng.choice(list(PRIORITIES))
        account, contact = rng.choice(self.accounts), rng.choice(self.contacts)
        ended = status in ("Resolved", "Closed")
        gap = timedelta(days=-2) if kind == "resolved_before_created" else timedelta(days=rng.randint(1, 6))
        resolved = stamp(at + gap) if ended or kind == "resolved_before_created" else None  # type: ignore[operator]
        row: dict[str, Json] = {
            "TicketID": int(key), "Subject": f"{rng.choice(SUBJECTS)} ({number})", "Status": status, "Priority": priority,
            "Severity": rng.choice(("minor", "major", None)), "Assignee": owner,
            "ContactID": None if kind == "no_contact" else int(contact.key), "AccountID": int(account.key),
            "Category": rng.choice(self.categories).row["CategoryName"], "CreatedDate": stamp(at),  # type: ignore[arg-type]
            "ResolvedDate": resolved,
        }  # fmt: skip
        values = {
            "name": str(row["Subject"]), "amount": "0", "deal_pipeline": "Support", "deal_stage": STATUSES[status],
            "ticket_priority__c": PRIORITIES[priority], "ticket_severity__c": str(row["Severity"] or ""), "owner": user,
            "ticket_category__c": str(row["Category"]), "sales_account": f"accounts/{account.key}",
            "contacts": "" if kind == "no_contact" else f"contacts/{contact.key}", "soffront_ticket_id__c": key,
            "ticket_resolved_on__c": resolved[:10] if resolved else "",
            "soffront_created_at__c": there(str(row["CreatedDate"])),
        }  # fmt: skip
        ends = {"tickets": Verdict("loaded", "", f"tickets/{key}"), "tickets_module": Verdict("excluded", "other_answer")}
        kinds = (("", kind),) if kind and kind != "group_assigned" else ()
        return Item("tickets", key, row, ends, {"tickets": values}, dirt=(*dirt, *kinds))


def message_items(draws: Draws, tickets: Sequence[Item]) -> list[Item]:
    """What was said in the tickets; authors are addresses, user names or the system, and old mails are quoted again."""
    made, long = [], tickets[LONG_TICKET]
    for number, at in enumerate(moments(draws.rng, draws.size.messages), 1):
        rng, key, ticket = draws.rng, str(300_000 + number), draws.rng.choice(tickets)
        gone, endless = number <= draws.size.dirt, number % 10 == 5 and number < 10 * LONG_MESSAGES
        ticket = long if endless else ticket
        author = rng.choice((rng.choice(HANDLES), "customer@mailbox.example", "System"))
        quoted = "<blockquote>On Monday you wrote: it is cold.</blockquote>" if number % 4 == 0 else ""
        body = f"<p>{rng.choice(SUBJECTS)}.</p>{quoted}"
        row: dict[str, Json] = {
            "MessageID": int(key), "TicketID": GONE if gone else int(ticket.key), "Author": author,
            "Direction": "in" if "@" in author else "out", "Body": LONG_BODY if endless else body,
            "CreatedDate": stamp(at),
        }  # fmt: skip
        end = Verdict("held", "parent_missing") if gone else Verdict("loaded", "", f"messages/{key}")
        kinds = (("TicketID", "ticket_deleted"),) * gone + (("Body", "quoted_history"),) * bool(quoted)
        kinds += (("Author", "author_system"),) * (author == "System") + (("Body", "fills_half_a_field"),) * endless
        values = {} if gone else {"messages": {"deal": f"tickets/{ticket.key}"}}
        module = Verdict("excluded", "other_answer")
        made.append(Item("ticket_messages", key, row, {"messages": end, "messages_module": module}, values, dirt=kinds))
    return made


def category_items(draws: Draws) -> list[Item]:
    """The categories of the knowledge base: three levels, and names that stand under several parents."""
    made = []
    for number in range(1, draws.size.categories + 1):
        top = max(draws.size.categories // 4, 2)
        parent = None if number <= top else (number - top if number <= 2 * top else number % top + top + 1)
        name = CATEGORY_WORDS[(number - 1) % len(CATEGORY_WORDS)]
        row: dict[str, Json] = {"CategoryID": number, "CategoryName": name, "ParentID": parent}
        twice = number > len(CATEGORY_WORDS)
        made.append(Item("kb_categories", str(number), row, {"kb_categories": Verdict("excluded", "documented")},
                         dirt=(("CategoryName", "name_twice"),) * twice))  # fmt: skip
    return made


def article_items(draws: Draws, categories: Sequence[Item]) -> list[Item]:
    """The articles: pictures on the customer's own host, and links from one article to another by its number."""
    made = []
    for number, at in enumerate(moments(draws.rng, draws.size.articles), 1):
        body = (
            f'<h2>{draws.rng.choice(SUBJECTS)}</h2><p>See <a href="kb.asp?id={number % draws.size.articles + 1}">there</a>.</p>'
        )
        picture = number % 3 == 1
        body += '<img src="http://soffront01.local/img/unit.png">' if picture else ""
        row: dict[str, Json] = {
            "ArticleID": number, "CategoryID": draws.rng.choice(categories).row["CategoryID"],
            "Title": f"How to: step {number}",
            "Body": body, "TicketType": draws.rng.choice(("Repair", None)), "Visibility": draws.rng.choice(("public", "staff")),
            "Author": draws.rng.choice(USERS).name, "ModifiedDate": stamp(at),
        }  # fmt: skip
        kinds = (("Body", "picture_on_own_host"),) * picture + (("Body", "link_by_number"),)
        made.append(Item("kb_articles", str(number), row, {"kb_articles": Verdict("excluded", "documented")}, dirt=kinds))
    return made


def project_items(draws: Draws, accounts: Sequence[Item], deals: Sequence[Item]) -> list[Item]:
    """The projects: an inventory, and a note on the account and the deal that a project belongs to."""
    made = []
    for number, at in enumerate(moments(draws.rng, draws.size.projects), 1):
        rng, key, alone = draws.rng, str(4000 + number), number % 5 == 3
        owner, _, _ = draw_owner(rng)
        account = None if alone else rng.choice(accounts)
        deal = rng.choice(deals) if not alone and number % 2 else None
        row: dict[str, Json] = {
            "ProjectID": int(key), "Name": f"Retrofit {number}", "Status": rng.choice(("Planned", "Running", "Done")),
            "Manager": owner, "StartDate": day(at), "DueDate": day(at + timedelta(days=90)),
            "AccountID": int(account.key) if account else None, "DealID": int(deal.key) if deal else None,
        }  # fmt: skip
        lines = [f"Project in Soffront: {row['Name']} ({row['Status']})", f"Manager: {owner}"]
        lines += [f"From {row['StartDate']} to {row['DueDate']}"]
        lines += [f"Account: {_plain(account.row['AccountName'])}"] if account else []
        lines += [f"Deal: {_plain(deal.row['DealName'])}"] if deal else []
        values = {
            "sales_account": f"accounts/{account.key}" if account and not deal else "",
            "deal": f"deals/{deal.key}" if deal else "",
            "description": "\n".join(f"<p>{line}</p>" for line in lines),
        }
        note = Verdict("loaded", "", f"project_notes/{key}") if account else Verdict("excluded", "project_without_link")
        ends = {"projects": Verdict("excluded", "documented"), "project_notes": note}
        made.append(Item("projects", key, row, ends, {"project_notes": values} if account else {},
                         dirt=(("", "project_without_link"),) * alone))  # fmt: skip
    return made


def _plain(name: Json) -> str:
    """A name as it stands among tags."""
    return escape(unescape(str(name).strip()), quote=False)


def task_items(draws: Draws, projects: Sequence[Item]) -> list[Item]:
    """The tasks of the projects, and some of projects that were deleted."""
    made = []
    for number, at in enumerate(moments(draws.rng, draws.size.tasks), 1):
        gone = number <= draws.size.dirt
        row: dict[str, Json] = {
            "TaskID": number, "ProjectID": GONE if gone else int(draws.rng.choice(projects).key),
            "Milestone": draws.rng.choice(("Design", "Install", None)), "Title": f"Task {number}",
            "Resource": draws.rng.choice(USERS).name, "DueDate": day(at), "PercentDone": draws.rng.randrange(0, 101, 10),
        }  # fmt: skip
        made.append(Item("project_tasks", str(number), row, {"project_tasks": Verdict("excluded", "documented")},
                         dirt=(("ProjectID", "project_deleted"),) * gone))  # fmt: skip
    return made


def value_plans() -> dict[str, dict[str, str]]:
    """Feed and column → the option that each value is mapped to."""
    return {"tickets/Status": STATUSES, "tickets/Priority": PRIORITIES}


__all__ = ["GONE", "Tickets", "article_items", "category_items", "message_items", "project_items", "task_items", "value_plans"]
