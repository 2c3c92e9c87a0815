"""What the FastTrack sample is made of: sizes, moments, users, and the objects as their metadata describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sample_exports.promio_people import Roster
from sample_exports.tenant import FieldSpec, Item, Json, ObjectSpec, Verdict

NEW_DOMAIN = "lanternfield.example"
OLD_DOMAIN = "lanternfield-software.test"
MAIN_NOW = datetime(2026, 10, 30, 17, 0)
DELTA_NOW = datetime(2026, 11, 1, 17, 0)
FIRST_DAY = datetime(2021, 2, 1, 8, 30)
NO_DATE = "0001-01-01T00:00:00Z"
UNREADABLE = Verdict("rejected", "unreadable")


@dataclass(frozen=True)
class Size:
    """How many rows each object of a sample has; link rows and lines come to about one and two for each parent."""

    companies: int
    contacts: int
    deals: int
    subscriptions: int
    sites: int
    activities: int
    notes: int
    files: int
    products: int
    lines: int
    events: int
    dirt: int  # rows of each rare kind of dirt
    new: int  # contacts that the later state has more


SIZES: Mapping[str, Size] = {
    "small": Size(60, 120, 44, 24, 12, 84, 30, 20, 16, 60, 40, dirt=1, new=3),
    "medium": Size(2150, 11800, 3640, 1900, 640, 38200, 9100, 2480, 310, 7950, 120_000, dirt=8, new=120),
}


@dataclass(frozen=True)
class User:
    """Somebody who owns records in FastTrack; ``at`` is the user of the destination, empty where there is none."""

    id: str
    name: str
    email: str
    active: bool
    at: str


def _user(number: int, name: str, *, domain: str = NEW_DOMAIN, active: bool = True) -> User:
    stem = name.lower().replace(" ", ".")
    return User(f"us-{number:02d}", name, f"{stem}@{domain}", active, f"{stem}@{NEW_DOMAIN}" if active else "")


FALLBACK = f"nadia.quist@{NEW_DOMAIN}"
USERS = (
    _user(1, "Nadia Quist"),
    _user(2, "Owen Tallis"),
    _user(3, "Mira Haddad"),
    _user(4, "Luis Ferreira", domain=OLD_DOMAIN),
    _user(5, "Greta Solberg", domain=OLD_DOMAIN),
    _user(6, "Ben Achterberg"),
    _user(7, "Yuki Arai"),
    _user(8, "Carl Emmott", active=False),
    _user(9, "Ines Prado", active=False),
)


def draw_owner(rng: Random, *, blank: float = 0.0) -> tuple[str | None, str, tuple[tuple[str, str], ...]]:
    """An owner's id, the user at the destination who is decided for it, and the kind of dirt that this is."""
    if rng.random() < blank:
        return None, FALLBACK, (("owner_id", "owner_empty"),)
    user = rng.choice(USERS)
    dirt = () if user.active else (("owner_id", "owner_inactive"),)
    dirt += (("owner_id", "owner_changed_domain"),) if user.email.endswith(OLD_DOMAIN) else ()
    return user.id, user.at or FALLBACK, dirt


def user_items() -> list[Item]:
    """The users: matched by e-mail, after the domain was changed where it did, or given to the fallback."""
    return [
        Item(
            "users",
            user.email,
            {"id": user.id, "email": user.email, "name": user.name, "active": user.active},
            {"owners": Verdict("merged", "matched_user" if user.at else "fallback_user", user.at or FALLBACK)},
            dirt=(*((("email", "changed_domain"),) if user.email.endswith(OLD_DOMAIN) else ()),
                  *(() if user.active else (("active", "user_inactive"),))),
        )
        for user in USERS
    ]  # fmt: skip


def stamp(at: datetime) -> str:
    """A moment as FastTrack writes it: ``2026-03-04T09:05:00Z``."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def there(text: str) -> str:
    """The same moment as the destination is told."""
    return text.replace("Z", "+00:00")


def day(at: datetime) -> str:
    """The day of a moment."""
    return f"{at:%Y-%m-%d}"


def moments(rng: Random, count: int, *, first: datetime = FIRST_DAY, last: datetime = MAIN_NOW) -> list[datetime]:
    """Ascending moments between two others, none of them after the last."""
    span = int((last - first).total_seconds()) - 7200
    return sorted(first + timedelta(seconds=rng.randrange(span)) for _ in range(count))


def updated(rng: Random, created: datetime) -> datetime:
    """When a row was last touched: between its creation and the export."""
    return min(created + timedelta(minutes=rng.randrange(1, 300_000)), MAIN_NOW - timedelta(minutes=5))


def unreadable(table: str, key: str, feeds: tuple[str, ...]) -> Item:
    """A row that FastTrack lists and cannot read."""
    row: dict[str, Json] = {"id": key, "error": "unreadable"}
    return Item(table, key, row, dict.fromkeys(feeds, UNREADABLE), dirt=(("", "unreadable_item"),))


def _fields(*fields: FieldSpec | str) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(each) if isinstance(each, str) else each for each in fields)


_KEY = FieldSpec("id", "identifier", required=True)
_OWNER = FieldSpec("owner_id", "identifier", lookup="users.id")
_CREATED = FieldSpec("created_at", "datetime")
_UPDATED = FieldSpec("updated_at", "datetime")
_COMPANY = FieldSpec("company_id", "identifier", lookup="companies.id")
_CONTACT = FieldSpec("contact_id", "identifier", lookup="contacts.id")
_PROPERTIES = FieldSpec("properties", "object")
_PARENT = (FieldSpec("parent_type", "picklist", values=("contact", "company", "deal")), FieldSpec("parent_id", "identifier"))
KINDS = ("call", "email", "note", "task", "meeting")

OBJECTS = (
    ObjectSpec("users", "User", "id", _fields(_KEY, FieldSpec("email", "email"), "name", FieldSpec("active", "boolean"))),
    ObjectSpec("companies", "Company", "id", _fields(
        _KEY, "name", FieldSpec("parent_id", "identifier", lookup="companies.id"), "domain", _OWNER, _PROPERTIES, _CREATED,
        _UPDATED)),
    ObjectSpec("contacts", "Contact", "id", _fields(
        _KEY, "first_name", "last_name", FieldSpec("email", "email"), FieldSpec("phone", "phone"),
        FieldSpec("converted", "boolean"), FieldSpec("lifecycle_stage", "picklist"), _OWNER, _PROPERTIES, _CREATED, _UPDATED)),
    ObjectSpec("contact_companies", "Contact of a company", "contact_id,company_id", _fields(
        _CONTACT, _COMPANY, FieldSpec("is_primary", "boolean"), "role")),
    ObjectSpec("pipelines", "Pipeline", "id", _fields(_KEY, "name", FieldSpec("stages", "array"))),
    ObjectSpec("deals", "Deal", "id", _fields(
        _KEY, "name", _COMPANY, _CONTACT, FieldSpec("pipeline_id", "identifier", lookup="pipelines.id"),
        FieldSpec("stage", "picklist"), FieldSpec("amount", "decimal"), "currency", FieldSpec("close_date", "date"), _OWNER,
        _CREATED, _UPDATED)),
    ObjectSpec("products", "Product", "id", _fields(_KEY, "name", "sku", FieldSpec("price_tiers", "array"), "description")),
    ObjectSpec("deal_products", "Product of a deal", "deal_id,product_id", _fields(
        FieldSpec("deal_id", "identifier", lookup="deals.id"), FieldSpec("product_id", "identifier", lookup="products.id"),
        FieldSpec("quantity", "decimal"), FieldSpec("price", "decimal"), FieldSpec("discount", "decimal"))),
    ObjectSpec("subscription", "Subscription", "id", _fields(
        _KEY, _COMPANY, "plan", FieldSpec("mrr", "decimal"), _PROPERTIES), custom=True, graphql=True),
    ObjectSpec("site", "Site", "id", _fields(_KEY, _COMPANY, FieldSpec("address", "object"), _PROPERTIES),
        custom=True, graphql=True),
    ObjectSpec("activities", "Activity", "id", _fields(
        _KEY, FieldSpec("type", "picklist", values=KINDS), "subject", _CREATED, FieldSpec("due_at", "datetime"), _OWNER,
        *_PARENT, FieldSpec("body", "html"), FieldSpec("completed", "boolean"), _PROPERTIES)),
    ObjectSpec("notes", "Note", "id", _fields(
        _KEY, *_PARENT, FieldSpec("body", "html"), FieldSpec("author_id", "identifier", lookup="users.id"), _CREATED)),
    ObjectSpec("files", "File", "id", _fields(
        _KEY, "name", FieldSpec("bytes", "integer"), *_PARENT, FieldSpec("url", "url"))),
    ObjectSpec("custom_events", "Custom event", "event_id", _fields(
        FieldSpec("event_id", "identifier", required=True), "notification_type", "user_id", FieldSpec("timestamp", "datetime"),
        "origin", FieldSpec("data", "object"))),
)  # fmt: skip


@dataclass
class Draws:
    """What all parts of a sample share while it is made: chance, people, and what was made so far."""

    roster: Roster
    size: Size

    @property
    def rng(self) -> Random:
        """The one source of chance."""
        return self.roster.rng
