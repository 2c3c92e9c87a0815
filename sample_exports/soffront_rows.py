"""What the Soffront sample is made of: sizes, moments, users and groups, and the objects as their metadata describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sample_exports.promio_people import Roster
from sample_exports.tenant import FieldSpec, Item, ObjectSpec, Verdict

DOMAIN = "northgatehvac.example"
MAIN_NOW = datetime(2026, 10, 30, 17, 0)
DELTA_NOW = datetime(2026, 11, 1, 17, 0)
FIRST_DAY = datetime(2016, 3, 1, 8, 0)
OFFSET = "-06:00"
"""Of the times that are stated in the truth: all of them lie in winter, so that one offset is right for each."""


@dataclass(frozen=True)
class Size:
    """How many rows each object of a sample has."""

    users: int
    accounts: int
    contacts: int
    deals: int
    activities: int
    tickets: int
    messages: int
    categories: int
    articles: int
    projects: int
    tasks: int
    assets: int
    attachments: int
    dirt: int  # rows of each rare kind of dirt
    new: int  # contacts that the later state has more


SIZES: Mapping[str, Size] = {
    "small": Size(12, 40, 90, 40, 90, 30, 50, 12, 14, 8, 18, 16, 20, dirt=1, new=3),
    "medium": Size(38, 2500, 7412, 3001, 26840, 4499, 15720, 42, 500, 96, 1310, 1850, 3120, dirt=6, new=60),
}
"""The medium one has pages that are full to the last row (2,500 and 500), that lack one (4,499), that hold one (3,001),
and an object without rows."""


@dataclass(frozen=True)
class User:
    """A user of Soffront; ``mail`` is the Mail Login ID as it stands, ``at`` the user of the destination."""

    name: str
    full: str
    mail: str | None
    disabled: bool
    group: str
    at: str
    kind: str = ""


FALLBACK = f"ruth.okafor@{DOMAIN}"


def _user(full: str, *, mail: str = "", disabled: bool = False, group: str = "Sales", at: str = "", kind: str = "") -> User:
    first, last = full.lower().split(" ")
    address = f"{first}.{last}@{DOMAIN}"
    home = at or ("" if disabled else address)
    shown = {"": address, "none": None}.get(mail, mail)
    return User((first[0] + last)[:8], full, shown, disabled, group, home, kind)


USERS = (
    _user("Ruth Okafor", group="Administrators"),
    _user("Dennis Wray"),
    _user("Paula Lindqvist"),
    _user("Tim Brannigan", mail="none", kind="mail_login_empty"),
    _user("Aiko Tanaka", mail="atanaka on exchange", kind="mail_login_no_address"),
    _user("Hugo Marsh", group="Support"),
    _user("Lena Voss", group="Support"),
    _user("Omar Nasser", group="Support"),
    _user("Frank Delaney", disabled=True, kind="disabled"),
    _user("Gina Petrov", disabled=True, kind="disabled"),
    _user("Walter Quick", disabled=True, kind="disabled"),
    _user("Sofia Renner", group="Field Service"),
)
GROUPS = ("Administrators", "Sales", "Support", "Field Service", "Newsletter", "Key Accounts", "Trade Fair 2019")
GHOST = "Trade Show 2019"
"""A group under its old name: contacts still carry it."""

HANDLES = tuple(user.name for user in USERS)


def people(size: Size) -> tuple[User, ...]:
    """The users; a larger sample has further ones who own nothing."""
    more = [_user(f"Extra{n:02d} Person{n:02d}") for n in range(size.users - len(USERS))]
    return (*USERS, *(User(f"extra{n:02d}", each.full, each.mail, False, "Sales", each.at) for n, each in enumerate(more)))


def draw_owner(rng: Random) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """An owner's user name, the user of the destination who is decided for it, and the kind of dirt that this is."""
    user = rng.choice(USERS)
    return user.name, user.at or FALLBACK, (("Owner", "owner_disabled"),) if user.disabled else ()


def _reason(user: User) -> str:
    return "matched_user" if user.at not in ("", FALLBACK) else "fallback_user"


def user_items(size: Size) -> list[Item]:
    """The users, matched to users of the destination by what somebody decided."""
    return [
        Item(
            "users",
            user.name,
            {
                "UserName": user.name,
                "FullName": user.full,
                "Disabled": user.disabled,
                "MailLoginID": user.mail,
                "UserGroup": user.group,
                "Telephone": None,
            },
            {"owners": Verdict("merged", _reason(user), user.at or FALLBACK)},
            dirt=(("MailLoginID" if "mail" in user.kind else "Disabled", user.kind),) if user.kind else (),
        )
        for user in people(size)
    ]


def group_items() -> list[Item]:
    """The groups: permissions of users and labels of contacts at once."""
    return [
        Item(
            "groups",
            name,
            {"GroupName": name, "Description": "renamed from " + GHOST if name == "Trade Fair 2019" else None},
            {"groups": Verdict("excluded", "documented")},
            dirt=(("GroupName", "group_renamed"),) if name == "Trade Fair 2019" else (),
        )
        for name in GROUPS
    ]


def stamp(at: datetime) -> str:
    """A moment as Soffront writes it, without a zone: ``2026-03-04T09:05:00``."""
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def there(text: str) -> str:
    """The same moment as the destination is told."""
    return text + OFFSET


def day(at: datetime) -> str:
    """The day of a moment."""
    return f"{at:%Y-%m-%d}"


def moments(rng: Random, count: int) -> list[datetime]:
    """Ascending moments of January and February, by day: no clock was changed near them, and none is read twice."""
    made = []
    for _ in range(count):
        year = rng.randint(2017, 2026)
        made.append(datetime(year, rng.randint(1, 2), rng.randint(1, 28), rng.randint(8, 17), rng.randrange(60), 0))
    return sorted(made)


def later(at: datetime, rng: Random, *, hours: int = 30) -> datetime:
    """Some whole hours after a moment, at the most."""
    return at + timedelta(hours=rng.randint(1, hours))


def spec(name: str, type_: str = "text", *, lookup: str = "", values: tuple[str, ...] = (), label: str = "") -> FieldSpec:
    """A field of the metadata."""
    return FieldSpec(name, type_, label, lookup=lookup, values=values)


_OWNER = spec("Owner", "text", lookup="users.UserName")
_CREATED, _MODIFIED = spec("CreatedDate", "datetime"), spec("ModifiedDate", "datetime")
_ACCOUNT, _CONTACT = (
    spec("AccountID", "int", lookup="accounts.AccountID"),
    spec("ContactID", "int", lookup="contacts.ContactID"),
)
_PARENT = (spec("ParentObject"), spec("ParentID", "int"))
_TEXTS = ("Phone", "Website", "Street", "City", "Country")

OWN = ("CUST_OUTCOME", "CUST_TRAVEL_MIN")
"""Columns of this customer alone, which no file of ours describes; every instance spells them so."""

OBJECTS = (
    ObjectSpec("users", "User", "UserName", (
        spec("UserName"), spec("FullName"), spec("Disabled", "bool"), spec("MailLoginID", "email"),
        spec("UserGroup", lookup="groups.GroupName"), spec("Telephone"))),
    ObjectSpec("groups", "Group", "GroupName", (spec("GroupName"), spec("Description"))),
    ObjectSpec("accounts", "Account", "AccountID", (
        spec("AccountID", "int"), spec("AccountName"), spec("ParentAccountID", "int", lookup="accounts.AccountID"),
        spec("Industry", "picklist"), spec("Size", "picklist"), *map(spec, _TEXTS), _OWNER, _CREATED, _MODIFIED,
        spec("ServiceTier", "picklist", label="Service Tier"), spec("ContractEnds", "text", label="Contract Ends"))),
    ObjectSpec("contacts", "Contact", "ContactID", (
        spec("ContactID", "int"), _ACCOUNT, spec("FirstName"), spec("LastName"), spec("Email"), spec("Phone"), spec("Address"),
        spec("LifecycleStage", "picklist"), spec("Groups", "multi", lookup="groups.GroupName"), _OWNER, _CREATED, _MODIFIED,
        spec("PreferredVisit", "picklist", label="Preferred Visit"))),
    ObjectSpec("deals", "Deal", "DealID", (
        spec("DealID", "int"), spec("DealName"), _ACCOUNT, _CONTACT, spec("Pipeline"), spec("Stage", "picklist"),
        spec("Probability", "int"), spec("Amount", "money"), spec("Currency"), spec("CloseDate", "date"), _OWNER, _CREATED,
        _MODIFIED)),
    ObjectSpec("activities", "Activity", "ActivityID", (
        spec("ActivityID", "int"), spec("Type", "picklist"), spec("Subject"), spec("StartDate", "datetime"),
        spec("EndDate", "datetime"), spec("DueDate", "datetime"), spec("Status", "picklist"), *_PARENT,
        spec("AssignTo", lookup="users.UserName"), spec("Notes", "html"), spec("RepeatType", "picklist"), *map(spec, OWN))),
    ObjectSpec("tickets", "Ticket", "TicketID", (
        spec("TicketID", "int"), spec("Subject"), spec("Status", "picklist"), spec("Priority", "picklist"), spec("Severity"),
        spec("Assignee", lookup="users.UserName"), _CONTACT, _ACCOUNT, spec("Category", lookup="kb_categories.CategoryName"),
        _CREATED, spec("ResolvedDate", "datetime"))),
    ObjectSpec("ticket_messages", "Ticket message", "MessageID", (
        spec("MessageID", "int"), spec("TicketID", "int", lookup="tickets.TicketID"), spec("Author"),
        spec("Direction", "picklist"), spec("Body", "html"), _CREATED)),
    ObjectSpec("kb_categories", "KB category", "CategoryID", (
        spec("CategoryID", "int"), spec("CategoryName"), spec("ParentID", "int", lookup="kb_categories.CategoryID"))),
    ObjectSpec("kb_articles", "KB article", "ArticleID", (
        spec("ArticleID", "int"), spec("CategoryID", "int", lookup="kb_categories.CategoryID"), spec("Title"),
        spec("Body", "html"), spec("TicketType"), spec("Visibility"), spec("Author", lookup="users.UserName"), _MODIFIED)),
    ObjectSpec("projects", "Project", "ProjectID", (
        spec("ProjectID", "int"), spec("Name"), spec("Status", "picklist"), spec("Manager", lookup="users.UserName"),
        spec("StartDate", "date"), spec("DueDate", "date"), _ACCOUNT, spec("DealID", "int", lookup="deals.DealID"))),
    ObjectSpec("project_tasks", "Project task", "TaskID", (
        spec("TaskID", "int"), spec("ProjectID", "int", lookup="projects.ProjectID"), spec("Milestone"), spec("Title"),
        spec("Resource", lookup="users.UserName"), spec("DueDate", "date"), spec("PercentDone", "int"))),
    ObjectSpec("InstalledAsset", "Installed asset", "AssetID", (
        spec("AssetID", "int"), _ACCOUNT, spec("SerialNo"), spec("LeaseEnd", "date"), spec("Value", "money"), spec("Model"),
        spec("Warranty", "bool")), custom=True),
    ObjectSpec("Renewal", "Renewal", "RenewalID", (
        spec("RenewalID", "int"), _ACCOUNT, spec("DueDate", "date")), custom=True),
    ObjectSpec("attachments", "Attachment", "AttachmentID", (
        spec("AttachmentID", "int"), *_PARENT, spec("FileName"), spec("Bytes", "int"),
        spec("UploadedBy", lookup="users.UserName"), spec("UploadedDate", "datetime"))),
)  # fmt: skip


@dataclass
class Draws:
    """What all parts of a sample share while it is made: chance and people, and how large it is to be."""

    roster: Roster
    size: Size

    @property
    def rng(self) -> Random:
        """The one source of chance."""
        return self.roster.rng
