"""Recipes for ways to reach somebody: e-mail addresses, phone numbers, links and the domains behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import phonenumbers

from workbench.errors import SpecError
from workbench.recipes.cells import DECIMAL_TAIL, SCIENTIFIC, Cell, CellRecipe, kept, refused
from workbench.recipes.countries import foreign_prefix
from workbench.recipes.texts import one_line, tidied
from workbench.recipes.words import words

PLAIN_ADDRESS = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)[a-z0-9_+'-]+(?:\.[a-z0-9_+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
"""Addresses that need no parser; the rest, and the rare top levels below, go to the library."""

SPECIAL_USE = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test", ".alt", ".example")
NAMED_ADDRESS = re.compile(r"(?P<name>[^<>@]*)<(?:mailto:)?(?P<address>[^<>\s]+@[^<>\s]+)>")

SEVERAL_NUMBERS = re.compile(r"\d[\d ().-]{5,}\s*(?:[;/,|]|\bor\b|\band\b)\s*[+(]?\d[\d ().-]{5,}", re.IGNORECASE)

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))", re.IGNORECASE)
HOST = re.compile(r"(?=.{1,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{2,59})", re.IGNORECASE)


def email() -> CellRecipe:
    """One e-mail address, lower-cased (destinations compare without case); its syntax is checked, nobody is asked."""

    def cell(raw: str) -> Cell:
        text, note = tidied(raw)
        if found := NAMED_ADDRESS.fullmatch(text):
            text, note = found["address"], "display_name_dropped" if found["name"].strip() else note
        text = text.removeprefix("mailto:")
        if text.count("@") > 1 and re.search(r"[;,\s/|]", text):
            return refused("several_emails")
        lower = text.lower()
        if not (PLAIN_ADDRESS.fullmatch(lower) and "--" not in lower and not lower.endswith(SPECIAL_USE)):
            checked = _checked(text)
            if checked is None:
                return refused("not_an_email")
            lower = checked.lower()
        return kept(lower, note, "lower_cased" if lower != text else None)

    return cell


def _checked(text: str) -> str | None:
    # Imported for the few addresses that need a parser.
    from email_validator import EmailNotValidError, validate_email

    try:
        # The test environment allows .test, which rehearsals are made of; other special names stay refused.
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None


def phone(*, region: str = "US", country: Sequence[str] = ()) -> CellRecipe:
    """A phone number as E.164; numbers without a country code are read as numbers of the region.

    ``country`` names columns in which a record says its own country. A cell alone does not know them: what has the record
    asks there first (`workbench.frames.places`).

    A number that its country's plan does not know, but that has a possible length, is kept with the note
    ``not_in_numbering_plan``; one that begins as no number of the region does is another country's, and refused.
    """
    country = region.upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise SpecError(
            "this region has no numbering plan",
            expected="a country code of two letters, such as US",
            found=region,
            todo="correct the option region",
        )

    def cell(raw: str) -> Cell:
        text = one_line(raw)
        if SCIENTIFIC.fullmatch(text):
            return refused("damaged_by_excel")
        note = "decimal_trimmed" if DECIMAL_TAIL.fullmatch(text) else None
        text = text.split(".")[0] if note else text
        if SEVERAL_NUMBERS.search(text):
            return refused("several_phones")
        return _dialled(text, country, note)

    return cell


def _dialled(text: str, region: str, note: str | None) -> Cell:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return refused("not_a_phone")
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        return refused("area_code_missing")
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return refused("not_a_phone")
    if foreign_prefix(text, region) and not phonenumbers.is_valid_number(number):
        return refused("other_country")
    letters = any(each.isalpha() for each in text) and not number.extension
    return kept(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        note,
        "extension_dropped" if number.extension else None,
        "letters_to_digits" if letters else None,
        None if phonenumbers.is_valid_number(number) else "not_in_numbering_plan",
    )


def url() -> CellRecipe:
    """A web link; https:// is added where the scheme is missing, anything but http and https is rejected."""

    def cell(raw: str) -> Cell:
        text, note = tidied(raw)
        found = SCHEME.match(text)
        if found is not None and found[1].casefold() not in ("http", "https"):
            return refused("forbidden_scheme")
        added = None if found else "scheme_added"
        link = text if found else "https://" + text.removeprefix("//")
        reason = _unfit(link)
        return refused(reason) if reason else kept(link, note, added)

    return cell


def _unfit(link: str) -> str | None:
    if re.search(r"[\s\\<>\"^`{|}]", link):
        return "not_a_url"
    try:
        parts = urlsplit(link)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not_a_url"
    if parts.username is not None or parts.password is not None:
        return "credentials_in_url"
    return None if host and HOST.fullmatch(host) else "not_a_url"


def domain() -> CellRecipe:
    """The company's domain out of a link or an e-mail address, lower-cased and without www.

    Hosts that many companies share (social networks, free mail, directories) give no value and the note
    ``not_a_company_domain``.
    """
    as_url = url()

    def cell(raw: str) -> Cell:
        text = tidied(raw)[0]
        address = "@" in text and "/" not in text
        link = as_url("https://" + text.rsplit("@", 1)[1].rstrip(">") if address else text)
        if not isinstance(link.value, str):
            return refused("not_a_domain")
        parts = urlsplit(link.value)
        host = (parts.hostname or "").removeprefix("www.")
        if shared_host(host):
            return Cell(note="not_a_company_domain")
        return kept(host, "path_dropped" if parts.path.strip("/") or parts.query else None)

    return cell


def shared_host(host: str) -> bool:
    """Whether many unrelated companies use the host, so that it says nothing about which one it is."""
    labels = host.casefold().split(".")
    parents = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    if host.casefold() in words("site_builders") or not parents.isdisjoint(words("shared_hosts")):
        return True
    return host.casefold() in words("free_mail") or labels[0] in ("google", "yelp", "facebook")
