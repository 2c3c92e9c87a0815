"""The people of Bright Roof Services who own records, and the ways in which an export names them."""

from __future__ import annotations

from random import Random

from sample_exports.promio_rows import Row, Verdict

FALLBACK = "sam.whitfield@brightroof.example"
BLANK = "(blank)"
USERS = ("marcus.hale", "dana.ortiz", "priya.nair", "tom.becker", "lucia.ferrari", "sam.whitfield")
LEAVER = "jon.pryce@brightroof.example"
SHARED = "sales@brightroof.example"
ALIAS = "dana.ortiz+promio@brightroof.example"
OTHER_CASE = "Marcus.Hale@BrightRoof.example"
AS_NAME = "Dana Ortiz"
ODD = (
    (LEAVER, "owner_leaver"),
    (SHARED, "owner_shared_box"),
    (ALIAS, "owner_alias"),
    (OTHER_CASE, "owner_other_case"),
    (AS_NAME, "owner_as_name"),
)
OWNERS = (
    ("Marcus Hale", OTHER_CASE, "General manager", "Yes"),
    ("Dana Ortiz", "dana.ortiz@brightroof.example", "Sales lead", "Yes"),
    ("Dana Ortiz (Promio)", ALIAS, "Sales lead", "Yes"),
    ("Priya Nair", "priya.nair@brightroof.example", "Estimator", "Yes"),
    ("Tom Becker", "tom.becker@brightroof.example", "Estimator", "Yes"),
    ("Lucia Ferrari", "lucia.ferrari@brightroof.example", "Marketing", "Yes"),
    ("Sam Whitfield", "sam.whitfield@brightroof.example", "Office", "Yes"),
    ("Jon Pryce", LEAVER, "Estimator", "No"),
    ("Sales", SHARED, "", "Yes"),
)
COLUMNS = ("Name", "Email", "Role", "Active")


def address(user: str) -> str:
    """The e-mail address of a user."""
    return f"{user}@brightroof.example"


def draw_owner(rng: Random, *, blank: float, odd: float, names: float = 0.01) -> tuple[str, str]:
    """An owner as a cell names it, and the kind of dirt that this is ("" for a clean address)."""
    luck = rng.random()
    if luck < blank:
        return "", "owner_empty"
    if luck < blank + names:
        return AS_NAME, "owner_as_name"
    if luck < blank + names + odd:
        return rng.choice(ODD[:-1])
    return address(rng.choice(USERS)), ""


def user_of(text: str) -> str:
    """The user whom a person would assign for an owner as it stands in the export."""
    plain = text.strip().lower()
    if plain in (LEAVER, SHARED, ""):
        return FALLBACK
    if plain in (ALIAS, AS_NAME.lower()):
        return address("dana.ortiz")
    return plain


def owner_rows() -> list[Row]:
    """The nine rows of owners.csv."""
    return [_row(*owner) for owner in OWNERS]


def _row(name: str, email: str, role: str, active: str) -> Row:
    user = user_of(email)
    known = email not in (LEAVER, SHARED)
    kinds = dict(ODD)
    return Row(
        key=email.lower(),
        cells={"Name": name, "Email": email, "Role": role, "Active": active},
        verdicts={"owners": Verdict("merged", "matched_user" if known else "fallback_user", user)},
        dirt=(("Email", kinds[email]),) if email in kinds else (),
    )
