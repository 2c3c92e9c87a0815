"""What the Pipedrive rehearsal only tells: users, currencies, roles, permission sets and lead sources of the company."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.rehearsal.engine import House, Json, Reply
from workbench.rehearsal.pipedrive.account import Account, permission_set
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one, page_v1
from workbench.rehearsal.pipedrive.offsets import whole

LEAD_SOURCES = (
    "Manually created",
    "Deal",
    "Web forms",
    "Prospector",
    "Leadbooster",
    "Live chat",
    "Import",
    "Website visitors",
    "Workflow automation",
    "API",
)
TRUE = ("1", "true")
USUAL, MOST = 100, 500


class Directory:
    """The rows of the recipe that the API only reads."""

    def __init__(self, house: House, account: Account) -> None:
        self._account = account
        self._users_paged = house.switches["users_paging"] == "honour"
        self._currencies = [_currency(place, row) for place, row in enumerate(house.tenant["currencies"], 1)]
        self._roles = [_role(account, place, row) for place, row in enumerate(house.tenant.get("roles", [{}]), 1)]
        self._sets = [_permission_set(account, admin=admin) for admin in (True, False)]

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "users", 20, self._users)
        yield Operation("v1", "GET", "users/find", 40, self._found)
        yield Operation("v1", "GET", "users/me", 2, lambda asked: one(self._account.me))
        yield Operation("v1", "GET", "users/#", 2, self._user)
        yield Operation("v1", "GET", "currencies", 20, self._matching_currencies)
        yield Operation("v1", "GET", "roles", 20, lambda asked: _numbered(self._roles, asked))
        yield Operation("v1", "GET", "permissionSets", 20, self._permission_sets)
        yield Operation("v1", "GET", "leadSources", 2, lambda asked: one([{"name": name} for name in LEAD_SOURCES]))

    def _users(self, asked: Asked) -> Reply:
        """Everybody; ``start`` and ``limit`` are undocumented here, and cut the list only where the switch says so."""
        rows = list(self._account.users.values())
        return _numbered(rows, asked) if self._users_paged else one(rows)

    def _user(self, asked: Asked) -> Reply:
        return one(self._account.users.get(asked.number()) or no("v1", 404, "User not found", info="Object was not found."))

    def _found(self, asked: Asked) -> Reply:
        """Users whose name holds the term, or their address where that is asked for."""
        term = asked.query.get("term", "").strip().lower()
        if not term:
            no("v1", 400, "Search term must be at least 1 character long")
        by_email = asked.query.get("search_by_email") in TRUE
        return one([user for user in self._account.users.values() if _hits(user, term, by_email=by_email)])

    def _matching_currencies(self, asked: Asked) -> Reply:
        term = asked.query.get("term", "").lower()
        return one([row for row in self._currencies if term in row["name"].lower() or term in row["code"].lower()])

    def _permission_sets(self, asked: Asked) -> Reply:
        app = asked.query.get("app", "sales")
        return one([row for row in self._sets if row["app"] == app])


def _hits(user: Json, term: str, *, by_email: bool) -> bool:
    return term in user["email"].lower() if by_email else term in user["name"].lower()


def _numbered(rows: list[Json], asked: Asked) -> Reply:
    start, limit = whole(asked, "start", 0), min(whole(asked, "limit", USUAL) or USUAL, MOST)
    return page_v1(rows[start : start + limit], start=start, limit=limit, more=len(rows) > start + limit)


def _currency(place: int, row: Json) -> Json:
    return {
        "id": row.get("id", place),
        "code": row["code"],
        "name": row["name"],
        "decimal_points": row.get("decimal_points", 2),
        "symbol": row.get("symbol", row["code"]),
        "active_flag": row.get("active_flag", True),
        "is_custom_flag": row.get("is_custom_flag", False),
    }


def _role(account: Account, place: int, row: Json) -> Json:
    number = row.get("id", place)
    held = [user for user in account.users.values() if user["role_id"] == number]
    return {
        "id": number,
        "parent_role_id": row.get("parent_role_id"),
        "name": row.get("name", "(Unassigned users)"),
        "active_flag": row.get("active_flag", True),
        "assignment_count": str(len(held)),
        "sub_role_count": str(row.get("sub_role_count", 0)),
        "level": row.get("level", 1),
        "description": row.get("description"),
    }


def _permission_set(account: Account, *, admin: bool) -> Json:
    number = permission_set(admin=admin)
    held = [user for user in account.users.values() if number in (part.get("permission_set_id") for part in user["access"])]
    return {
        "id": number,
        "name": "Deals admin" if admin else "Deals regular user",
        "description": "",
        "app": "sales",
        "type": "admin" if admin else "regular",
        "assignment_count": len(held),
    }
