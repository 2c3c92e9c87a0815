"""The rehearsal of Pipedrive, v1 and v2 side by side: which request does what, what it costs, and how it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.rehearsal.engine import Call, Cost, House, Json, Reply, StandIn, Standing, Window
from workbench.rehearsal.engine.bodies import GREATEST
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Part, broken, refused
from workbench.rehearsal.pipedrive.directory import Directory
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.filters import Filters
from workbench.rehearsal.pipedrive.limits import Budget
from workbench.rehearsal.pipedrive.oauth import Grants, bearing
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.routing import Named, Routing, asked
from workbench.rehearsal.pipedrive.scopes import mismatched
from workbench.rehearsal.pipedrive.settings import Settings
from workbench.rehearsal.pipedrive.switches import SWITCHES
from workbench.rehearsal.pipedrive.version_one import VersionOne
from workbench.rehearsal.pipedrive.version_two import VersionTwo

__all__ = ["FAULT_POINTS", "FIRST_IDS", "SWITCHES", "TENANT", "open_stand_in"]

TENANT = "pipedrive_growth"
FAULT_POINTS = ("job", "budget")
OAUTH_BYTES = 64 * 1024
FIRST_IDS: Mapping[str, int] = {}
UNPAID = "Company account is not open (possible reason: trial expired, payment details not entered)"
NOWHERE = Named("v1", None, (), frozenset())


def open_stand_in(house: House) -> StandIn:
    """The stand-in over a state; what the tenant recipe names is made when the state is new."""
    return Pipedrive(house)


class Pipedrive:
    """One company account of Pipedrive."""

    base = ""

    def __init__(self, house: House) -> None:
        self._clock = house.clock
        self._switches = house.switches
        self.account = Account(house)
        self._grants = Grants(house)
        self._budget = Budget(house, self.account)
        settings, filters, directory = (part(house, self.account) for part in (Settings, Filters, Directory))
        fields = self._fields = Fields(house, self.account)
        self._records = Records(house, self.account, fields)
        self._version_one = VersionOne(house, self.account, self._records, fields)
        version_two = VersionTwo(house, self.account, self._records, fields)
        parts: Sequence[Part] = (settings, filters, directory, self._version_one, version_two)
        self.operations = tuple(operation for part in parts for operation in part.operations())
        self._routing = Routing(self.operations, bare_v2=house.switches.on("bare_v2_prefix"))

    def windows(self) -> Sequence[Window]:
        return self._budget.windows()

    def cost(self, call: Call) -> Cost:
        return Cost(()) if self._grants.asked(call) else self._budget.cost(call, self._routing.find(call))

    def authorised(self, call: Call, token: str) -> bool:
        """The key, or an access token; the OAuth paths look at what they need themselves."""
        if self._grants.asked(call):
            self._grants.remember(token)
            return True
        return self._grants.opens(call) if bearing(call) else self.account.authorised(call, token)

    def body_limit(self, call: Call) -> int:
        """Room for the largest file and a form around it; little for OAuth, which asks for no key before."""
        if self._grants.asked(call):
            return OAUTH_BYTES
        return max(GREATEST, int((self._switches.number("file_megabytes") + 10) * 1024 * 1024))

    def undone(self) -> None:
        self.account.forget()

    def settle(self, now: float) -> None:
        """Purge the bin, and do the conversions that have become due."""
        self._records.settle(now)
        self._version_one.settle(now)

    def answer(self, call: Call) -> Reply:
        if self._grants.asked(call):
            return self._grants.answer(call)
        if not self._grants.covers(call):
            return mismatched()
        named = self._routing.find(call) or NOWHERE
        if self._switches["account"] == "closed":
            return refused(named.version, 402, UNPAID)
        request = asked(call, named)
        assert named.operation is not None  # or ``asked`` had refused
        try:
            return named.operation.run(request)
        except BaseException:
            self.account.forget()  # the refused request may have made a setting that is now undone
            raise

    def refuse(self, status: int, messages: Iterable[str], *, call: Call) -> Reply:
        """In the envelope of the version that the path names; the gateway, which looks at the key, knows no version."""
        if status == 401:
            return self.account.stranger()
        version = (self._routing.find(call) or NOWHERE).version
        if status == 500:
            return broken(version)
        return refused(version, status, next(iter(messages), "Bad request"))

    def limited(self, call: Call, standing: Standing) -> Reply:
        return self._budget.limited(call, standing)

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        return self._budget.headers(standing, now)

    def create_fields(self, plan: Sequence[Json]) -> list[Json]:
        """What the admin makes by hand; rows name object, label, type and choices.

        A field of Pipedrive is never unique, and required in its own pages only, so these two say nothing here.
        """
        made = [self._fields.by_hand(row, now=self._clock.now()) for row in plan]
        return [
            {
                "object": field.object,
                "field_name": field.name,
                "field_code": field.code,
                "field_type": field.type,
                "options": list(field.options) if field.options is not None else None,
                "is_custom_field": True,
            }
            for field in made
        ]
