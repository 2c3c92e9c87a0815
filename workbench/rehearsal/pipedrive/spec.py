"""What a recipe of a Pipedrive account may say, table by table; a key that is not known here is refused."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from workbench.rehearsal.engine.recipes import APART, Email, Id, Part, Table, Text, Zone, fitting, one_of, wrong
from workbench.rehearsal.pipedrive.account import PLANS
from workbench.rehearsal.pipedrive.builtin import LABELS
from workbench.rehearsal.pipedrive.fields import OBJECTS
from workbench.rehearsal.pipedrive.filters import KINDS
from workbench.rehearsal.pipedrive.settings import COLOURS, HEX, ICONS
from workbench.rehearsal.pipedrive.stamps import seconds_of
from workbench.rehearsal.pipedrive.values import CHOSEN, TYPES

Moment = Annotated[
    str, fitting(lambda text: seconds_of(text) is not None, "a moment such as 2026-01-05T14:00:00Z or 2026-01-05 14:00:00")
]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Place = Annotated[int, Field(ge=0, lt=2**31)]


class Account(Part):
    """The company account."""

    company_id: Id
    company_name: Text
    company_domain: Text
    company_country: str = ""
    company_industry: str = ""
    plan: Annotated[str, one_of(*PLANS)]
    seats: Annotated[int, Field(ge=1, lt=10**6)]
    currency: Text
    timezone: Zone
    locale: str = ""
    language: Table = Field(default_factory=dict)
    api_user: Text
    made_at: Moment = ""
    unsure: list[str] = Field(default_factory=list)  # what a recipe from a live account has guessed


class Ceilings(Part):
    """What the plan allows at most; what is left out has no limit."""

    open_deals: Count | None = None
    custom_fields: Count | None = None
    activity_types: Count | None = None
    recurring_products: Count | None = None


class Access(Part):
    """What a user may do in one app, in the vendor's own words."""

    model_config = ConfigDict(extra="allow")

    app: str
    admin: bool
    permission_set_id: str = ""


class User(Part):
    """Somebody who may own records."""

    id: Id
    name: Text
    email: Email
    active: bool = True
    admin: bool = False
    default_currency: str = ""
    locale: str = ""
    lang: int = 1
    phone: str = ""
    activated: bool = True
    last_login: str = ""
    created: Moment = ""
    modified: str = ""
    has_created_company: bool = False
    access: list[Access] = Field(default_factory=list)
    timezone_name: Zone = ""
    timezone_offset: str = ""
    role_id: Id = 1
    icon_url: str = ""
    is_deleted: bool = False


class Setting(Part):
    """What every setting has that can be changed by the API."""

    id: Id | None = None
    name: Text
    add_time: Moment = ""
    update_time: Moment = ""


class Stage(Setting):
    """A stage of deals."""

    order_nr: Place = 0
    deal_probability: Annotated[int, Field(ge=0, le=100)] = 100
    is_deal_rot_enabled: bool = False
    days_to_rotten: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Pipeline(Setting):
    """A pipeline with its stages in their order; that it has none has to be said."""

    stages: Annotated[list[Stage], APART]
    order_nr: Place = 0
    is_deal_probability_enabled: bool = True


class ActivityType(Setting):
    """A type of activities; its key is made of its name where it is not told."""

    icon_key: Annotated[str, one_of(*ICONS.split())]
    order_nr: Place = 0
    key_string: str = ""
    color: Annotated[str, fitting(lambda text: not text or HEX.fullmatch(text), "six digits such as A0B1C2")] = ""
    is_custom_flag: bool = False


class LeadLabel(Part):
    """A label of leads."""

    id: str | None = None
    name: Text
    color: Annotated[str, one_of(*COLOURS)]
    add_time: Moment = ""
    update_time: Moment = ""


class Currency(Part):
    """A currency that values may be in."""

    id: Id | None = None
    code: Text
    name: Text
    symbol: str = ""
    decimal_points: Annotated[int, Field(ge=0, le=10)] = 2
    active_flag: bool = True
    is_custom_flag: bool = False


class Option(Part):
    """One value of a list."""

    id: Id | None = None
    label: Text
    color: str = ""


Options = Annotated[list[Option], APART]


class CustomField(Part):
    """A custom field; enum and set have options, no other has."""

    object: Annotated[str, one_of(*OBJECTS)]
    field_name: Annotated[Text, Field(max_length=255)]
    field_type: Annotated[str, one_of(*TYPES)]
    code: str = ""
    description: str = ""
    options: Options = Field(default_factory=list)
    ui_visibility: Table = Field(default_factory=dict)
    important_fields: Table = Field(default_factory=dict)
    required_fields: Table = Field(default_factory=dict)

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if bool(self.options) != (self.field_type in CHOSEN):
            wrong(
                "the options of a field do not fit its type",
                expected=f"options for {' and '.join(CHOSEN)}, and for no other type",
                found=f"{len(self.options)} for {self.field_type}",
                at="options",
            )
        return self


class Role(Part):
    """A role that users may have."""

    id: Id | None = None
    parent_role_id: Id | None = None
    name: str = ""
    active_flag: bool = True
    sub_role_count: Count = 0
    level: Count = 1
    description: str = ""


class Filter(Part):
    """A saved filter of the API user's."""

    id: Id | None = None
    name: Text
    type: Annotated[str, one_of(*KINDS)]
    conditions: Table


class App(Part):
    """The app that may come by OAuth; its secret is the rehearsal's key."""

    client_id: Text = "rehearsal"
    redirect_uri: Text = "http://127.0.0.1/callback"
    scope: str = ""
    code: Text = "none"


class Tenant(Part):
    """A whole recipe."""

    account: Account
    caps: Ceilings = Ceilings()
    users: Annotated[list[User], Field(min_length=1), APART]
    pipelines: Annotated[list[Pipeline], Field(min_length=1), APART]
    activity_types: Annotated[list[ActivityType], Field(min_length=1), APART]
    lead_labels: Annotated[list[LeadLabel], APART] = Field(default_factory=list)
    currencies: Annotated[list[Currency], Field(min_length=1), APART]
    labels: dict[Annotated[str, one_of(*LABELS)], Options] = Field(default_factory=dict)
    fields: list[CustomField] = Field(default_factory=list)
    roles: Annotated[list[Role], APART] = Field(default_factory=list)
    filters: Annotated[list[Filter], APART] = Field(default_factory=list)
    oauth: App = App()
    switches: Table = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        account = self.account
        if account.api_user not in [user.email for user in self.users]:
            wrong(
                f"the API user {account.api_user} is not among the users of the tenant",
                expected="the email of one of [[users]]",
                found=repr(account.api_user),
                at="account.api_user",
            )
        codes = [currency.code for currency in self.currencies]
        if account.currency not in codes:
            wrong(
                "the account's currency is not among the currencies of the tenant",
                expected=", ".join(codes),
                found=repr(account.currency),
                at="account.currency",
            )
        if not any(pipeline.stages for pipeline in self.pipelines):
            wrong("no pipeline of the tenant has a stage", expected="stages in one of them", found="none", at="pipelines")
        return self
