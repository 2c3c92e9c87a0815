"""The company account of a Pipedrive tenant: its people, what its plan allows, and the settings that records point at."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5
from zoneinfo import ZoneInfo

from workbench.errors import SpecError
from workbench.rehearsal.engine import Call, House, Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.answers import invalid

PLANS = ("lite", "growth", "premium", "ultimate")
SHARED = (1, 3)  # the owner and followers, the entire company
GROUPED = (1, 3, 5, 7)  # and on the dearer plans the owner's group, with and without the groups below it
UNLIMITED = 10**12
MADE_AT = "2026-01-05 14:00:00"
KEY_HEADER = "x-api-token"
KEY_PARAMETER = "api_token"


@dataclass(frozen=True, slots=True)
class Caps:
    """What the plan allows at most in the whole company."""

    open_deals: int = UNLIMITED
    custom_fields: int = UNLIMITED
    activity_types: int = UNLIMITED
    recurring_products: int = UNLIMITED  # of one deal


class Account:
    """What is known of the account; people and plan are the recipe's, pipelines and their like are records."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._state = house.state
        account = house.tenant["account"]
        self.company_id = int(account["company_id"])
        self.company_name = str(account["company_name"])
        self.company_domain = str(account["company_domain"])
        self.made_at = str(account.get("made_at", MADE_AT))  # in UTC, as v1 writes moments
        self.currency = str(account["currency"])
        self.timezone_name = str(account["timezone"])
        self.plan = _plan(account, house.switches["plan"])
        self.seats = int(account["seats"])
        self.visibility = GROUPED if self.plan in ("premium", "ultimate") else SHARED
        self.caps = Caps(**house.tenant.get("caps", {}))
        self.currencies = frozenset(str(row["code"]) for row in house.tenant["currencies"])
        self.users: Mapping[int, Json] = {user["id"]: user for user in map(self._user, house.tenant["users"])}
        self.me = self._me()
        self._ordered: dict[str, Sequence[Json]] = {}

    def authorised(self, call: Call, token: str) -> bool:
        """Whether the account's key comes with the request: in the header, or in the query where that is taken."""
        given = call.headers.get(KEY_HEADER)
        if given is None and self._house.switches["query_token"] == "accept":
            given = call.query.get(KEY_PARAMETER)
        return given is not None and hmac.compare_digest(given.encode(), token.encode())

    def stranger(self) -> Reply:
        """What the gateway answers to a request without a key."""
        body = {
            "success": False,
            "error": "unauthorized access",
            "errorCode": 401,
            "error_info": "Please check developers.pipedrive.com",
        }
        return replace(as_json(body, 401), headers={"x-401-by-gw": "true", "x-correlation-id": str(uuid4())})

    def pipelines(self) -> Sequence[Json]:
        """Every pipeline in its order."""
        return self._in_order("pipelines")

    def activity_types(self) -> Sequence[Json]:
        """Every activity type in its order."""
        return self._in_order("activityTypes")

    def stage(self, number: int) -> Json | None:
        return next((row for row in self._in_order("stages") if row["id"] == number), None)

    def stages_of(self, pipeline: int) -> list[Json]:
        """The stages of a pipeline in their order."""
        return [row for row in self._in_order("stages") if row["pipeline_id"] == pipeline]

    def default_stage(self) -> Json:
        """The first stage of the first pipeline that has any."""
        in_order = (stage for pipeline in self.pipelines() for stage in self.stages_of(pipeline["id"]))
        return next(in_order, None) or invalid(["stage_id: The account has no stage"])

    def live(self, kind: str) -> list[Record]:
        """The records of a kind that are not deleted, oldest first."""
        return self._state.select("kind = ? AND deleted IS NULL", (kind,))

    def forget(self) -> None:
        """To be called when a setting was written, or when such a write was undone."""
        self._ordered.clear()

    def _in_order(self, kind: str) -> Sequence[Json]:
        """The settings of a kind; kept, as every new deal asks for its stage."""
        if kind not in self._ordered:
            self._ordered[kind] = sorted((record.body for record in self.live(kind)), key=_place)
        return self._ordered[kind]

    def _user(self, row: Json) -> Json:
        account = self._house.tenant["account"]
        made = row.get("created", self.made_at)
        zone = row.get("timezone_name", self.timezone_name)
        activated = row.get("activated", True)
        admin = bool(row.get("admin"))
        access = [{"app": "sales", "admin": admin, "permission_set_id": permission_set(admin=admin)}]
        return {
            "id": row["id"],
            "name": row["name"],
            "default_currency": row.get("default_currency", self.currency),
            "locale": row.get("locale", account.get("locale", "en_US")),
            "lang": row.get("lang", 1),
            "email": row["email"],
            "phone": row.get("phone"),
            "activated": activated,
            "last_login": row.get("last_login", made if activated else None),
            "created": made,
            "modified": row.get("modified"),
            "has_created_company": row.get("has_created_company", False),
            "access": row.get("access", access),
            "active_flag": row.get("active", True),
            "timezone_name": zone,
            "timezone_offset": row.get("timezone_offset", _offset(zone)),
            "role_id": row.get("role_id", 1),
            "icon_url": row.get("icon_url"),
            "is_you": row["email"] == account["api_user"],
            "is_deleted": row.get("is_deleted", False),
            "is_admin": int(any(part["admin"] for part in row.get("access", access))),
        }

    def _me(self) -> Json:
        account = self._house.tenant["account"]
        found = [user for user in self.users.values() if user["is_you"]]
        if not found:
            raise SpecError(f"the API user {account['api_user']} is not among the users of the tenant")
        country = account.get("company_country", "US")
        return {
            **found[0],
            "company_id": self.company_id,
            "company_name": self.company_name,
            "company_domain": self.company_domain,
            "company_country": country,
            "company_industry": account.get("company_industry"),
            "language": account.get("language", {"language_code": "en", "country_code": country}),
        }


def stamp(now: float) -> str:
    """A moment as v2 writes it: ``2026-01-05T14:00:00Z``."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def v1_stamp(now: float) -> str:
    """A moment as v1 writes it: ``2026-01-05 14:00:00``, in UTC."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%d %H:%M:%S")


def v1_iso(now: float) -> str:
    """A moment as v1 writes it of leads and their labels: ``2026-01-05T14:00:00.000Z``."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def permission_set(*, admin: bool) -> str:
    """The id of the sales app's permission set for admins, or of the one for everybody else."""
    return str(uuid5(NAMESPACE_URL, f"permissionSets/{'admin' if admin else 'regular'}"))


def _place(row: Json) -> tuple[int, int]:
    return int(row["order_nr"]), int(row["id"])


def _plan(account: Json, chosen: str) -> str:
    plan = str(account["plan"]) if chosen == "tenant" else chosen
    if plan not in PLANS:
        raise SpecError("the tenant's plan is not known", expected=", ".join(PLANS), found=repr(plan))
    return plan


def _offset(zone: str) -> str:
    """``-05:00``: the offset in January, so that it does not hang on the day on which the stand-in is asked."""
    text = datetime(2026, 1, 15, tzinfo=ZoneInfo(zone)).strftime("%z")
    return f"{text[:3]}:{text[3:]}"
