"""What a recipe of a Freshsales account may say, table by table; a key that is not known here is refused."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from workbench.rehearsal.engine.recipes import APART, Email, Id, Part, Table, Text, fitting, one_of, wrong
from workbench.rehearsal.freshsales.fields import ALIASES, CHOSEN, READ_ONLY
from workbench.rehearsal.freshsales.recipe import FORECASTS, OF_LEADS, SIMPLE
from workbench.rehearsal.freshsales.tenant import HOURLY, MODELS, RULES
from workbench.rehearsal.freshsales.values import moment_in, readings

OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
TYPES = (*readings(None, strict=True), *READ_ONLY, *ALIASES)
Forecast = Annotated[str, one_of(*FORECASTS)]
Moment = Annotated[str, fitting(lambda text: moment_in(text, None) is not None, "a moment such as 2026-01-05T14:00:00Z")]


def _rate(text: str) -> bool:
    try:
        return Decimal(text).is_finite() and Decimal(text) > 0
    except InvalidOperation:
        return False


def _named(choice: JsonValue) -> JsonValue:
    """A choice may be its name alone."""
    return {"name": choice} if isinstance(choice, str) else choice


class Account(Part):
    """The account itself; what is left out is Suite, Growth and UTC."""

    name: str = ""
    edition: Annotated[str, one_of("suite", "classic")] = "suite"
    plan: Annotated[str, one_of(*HOURLY)] = "growth"
    utc_offset: Annotated[str, fitting(OFFSET.fullmatch, "an offset such as -05:00")] = "+00:00"
    time_zone: str = ""
    locale: str = ""
    api_user: Text = ""  # the first user where it is left out
    made_at: Moment = "2026-01-05T09:00:00Z"
    storage_megabytes: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    unsure: list[str] = Field(default_factory=list)  # what a recipe from a live account has guessed


class User(Part):
    """Somebody who may own records."""

    name: Text
    email: Email
    id: Id | None = None
    active: bool = True
    work_number: str = ""
    mobile_number: str = ""


class Choice(Part):
    """One value of a list."""

    name: Text
    id: Id | None = None


Choices = Annotated[list[Annotated[Choice, BeforeValidator(_named)]], APART]


class Status(Choice):
    """A status of contacts."""

    forecast_type: Forecast = "Open"


class Lifecycle(Choice):
    """A lifecycle stage with its statuses."""

    type: Text
    statuses: Annotated[list[Status], APART]
    disabled: bool = False


class Stage(Choice):
    """A stage of deals."""

    probability: Annotated[int, Field(ge=0, le=100)] = 100
    forecast_type: Forecast = "Open"


class Pipeline(Choice):
    """A pipeline with its stages in their order."""

    stages: Annotated[list[Stage], Field(min_length=1), APART]
    rotting_days: int = 30


class Currency(Part):
    """A currency, its rate a number in quotes; one is the base of the others."""

    code: Text
    id: Id | None = None
    rate: Annotated[str, fitting(_rate, "a number above 0 in quotes")] = "1.0"
    base: bool = False
    active: bool = True


class ActivityType(Choice):
    """A sales activity type of the account's own."""

    outcomes: Choices = Field(default_factory=list)


class View(Choice):
    """A saved list, and the rule by which records belong to it."""

    rule: Annotated[str, one_of(*RULES)]
    default: bool = True


class Module(Part):
    """A custom module."""

    singular_name: Text
    plural_name: Text
    entity_name: Text
    icon: Text
    description: str = ""


class CustomField(Part):
    """A custom field as the admin makes it."""

    object: Text
    label: Text
    type: Annotated[str, one_of(*TYPES)]
    name: Annotated[str, fitting(lambda name: name.startswith("cf_"), "a key that begins with cf_")] = "cf_"
    required: bool = False
    unique: bool = False
    choices: list[Text] = Field(default_factory=list)
    lookup_type: str = ""

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if self.choices and ALIASES.get(self.type, self.type) not in CHOSEN:
            wrong(
                "the tenant recipe gives choices to a field that takes none",
                expected=f"choices for {', '.join(CHOSEN)} alone",
                found=self.type,
                at="choices",
            )
        return self


class Tenant(Part):
    """A whole recipe."""

    account: Account = Account()
    users: Annotated[list[User], Field(min_length=1), APART]
    lifecycle_stages: Annotated[list[Lifecycle], APART]
    pipelines: Annotated[list[Pipeline], Field(min_length=1), APART]
    currencies: Annotated[list[Currency], APART]
    sales_activity_types: Annotated[list[ActivityType], APART] = Field(default_factory=list)
    selectors: dict[Annotated[str, one_of(*SIMPLE, *OF_LEADS, "lost_reasons")], Choices] = Field(default_factory=dict)
    views: dict[Annotated[str, one_of(*MODELS)], Annotated[list[View], APART]] = Field(default_factory=dict)
    modules: list[Module] = Field(default_factory=list)
    fields: list[CustomField] = Field(default_factory=list)
    switches: Table = Field(default_factory=dict)

    @model_validator(mode="after")
    def _people_and_money_fit(self) -> Self:
        emails = [user.email for user in self.users]
        if self.account.api_user and self.account.api_user not in emails:
            wrong(
                f"the API user {self.account.api_user} is not among the users of the tenant",
                expected="the email of one of [[users]]",
                found=repr(self.account.api_user),
                at="account.api_user",
            )
        bases = [currency.code for currency in self.currencies if currency.base]
        if len(bases) != 1:
            wrong(
                "the tenant recipe needs one currency that the others are reckoned in",
                expected="base = true in one row",
                found=f"it in {len(bases)} rows",
                at="currencies",
            )
        return self
