"""Accounts with their parents, and contacts with their groups, at Soffront."""

from __future__ import annotations

from dataclasses import replace

from sample_exports.promio_people import Person, phone_text
from sample_exports.promio_rows import share
from sample_exports.soffront_rows import GHOST, GROUPS, Draws, draw_owner, moments, stamp, there
from sample_exports.tenant import Item, Json, Verdict

INDUSTRIES = {"Manufacturing": "Manufacturing", "Retail": "Retail", "Health": "Healthcare", "Schools": "Education"}
RETIRED = "Utilities (old)"
"""A value that is no longer offered and still stands in rows."""

BANDS = ("1-10", "11-50", "51-200", "201-1000")
TIERS = ("Basic", "Comfort", "Premium")
LIFECYCLES = {
    "Prospect": "Prospect",
    "Customer": "Customer",
    "Former": "Former",
    "customer": "Customer",
    "CUSTOMER": "Customer",
}
VISITS = ("Morning", "Afternoon", "Any")
FOREIGN = {3: {"first": "Renée"}, 5: {"last": "O'Brien", "street": "7 St. John’s Road"}, 9: {"last": "Müller"}}
"""What every seventeenth person is called instead: accents, an apostrophe, and one of the other form."""

CHAIN = 4


class Accounts:
    """The accounts: a chain of four, a cycle, a parent that is not there, and blanks that CHAR columns leave behind."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self.items: list[Item] = []

    def draw(self) -> list[Item]:
        """All of them; the special ones stand at the start."""
        for number, at in enumerate(moments(self.draws.rng, self.draws.size.accounts), 1):
            self._account(number, stamp(at))
        for child in range(2, CHAIN + 1):
            self._set_parent(child, child - 1, kind=f"hierarchy_level_{child}")
        self._set_parent(5, 6, kind="parent_cycle")
        self._set_parent(6, 5, kind="parent_cycle", cut="parent_cycle")
        self._set_parent(7, 999_999, kind="parent_missing", cut="parent_missing")
        self._set_parent(8, 8, kind="own_parent", cut="own_parent")
        for child in range(12, len(self.items) + 1, 7):
            self._set_parent(child, 11)
        return self.items

    def _account(self, number: int, at: str) -> None:
        rng, key = self.draws.rng, str(1000 + number)
        company, home = self.draws.roster.company(), self.draws.roster.person()
        owner, user, dirt = draw_owner(rng)
        retired, padded = number % 13 == 4, number % 6 == 1
        industry = RETIRED if retired else rng.choice(list(INDUSTRIES))
        ends = f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.2027" if number % 9 == 5 else f"2027-0{rng.randint(1, 9)}-15"
        name = company.name.replace("Veterinary", "Farm & Vet").replace("&", "&amp;") if number % 10 == 3 else company.name
        if number == 9:
            name = f"O'Rourke {company.core} {company.form}"
        row: dict[str, Json] = {
            "AccountID": int(key), "AccountName": name + " " * 12 if padded else name, "ParentAccountID": None,
            "Industry": industry, "Size": rng.choice(BANDS), "Phone": phone_text(home.phone, rng.randrange(5)),
            "Website": f"www.{company.domain}", "Street": home.street, "City": home.city, "Country": "United States",
            "Owner": owner, "CreatedDate": at, "ModifiedDate": at, "ServiceTier": rng.choice(TIERS), "ContractEnds": ends,
        }  # fmt: skip
        values = {
            "name": name, "industry_type": INDUSTRIES.get(industry, "Other"), "company_size__c": str(row["Size"]),
            "phone": home.e164, "website": f"https://www.{company.domain}", "address": home.street, "city": home.city,
            "country": "United States", "owner": user, "service_tier__c": str(row["ServiceTier"]),
            "contract_ends__c": ends, "soffront_account_id__c": key, "soffront_created_at__c": there(at),
        }  # fmt: skip
        kinds = [("Industry", "value_retired")] * retired + [("AccountName", "trailing_blanks")] * padded
        kinds += [("ContractEnds", "date_as_text")] * ("." in ends) + [("AccountName", "apostrophe")] * (number == 9)
        end = Verdict("loaded", "", f"accounts/{key}")
        self.items.append(Item("accounts", key, row, {"accounts": end}, {"accounts": values}, dirt=(*dirt, *kinds)))

    def _set_parent(self, child: int, parent: int, *, kind: str = "", cut: str = "") -> None:
        item, number = self.items[child - 1], parent if parent > 1000 else 1000 + parent
        values = dict(item.values["accounts"]) | ({} if cut else {"parent_sales_account": f"accounts/{number}"})
        self.items[child - 1] = replace(
            item,
            row={**item.row, "ParentAccountID": number},
            values={"accounts": values},
            dirt=(*item.dirt, *((("ParentAccountID", kind),) if kind else ())),
            aside=(*item.aside, *((("accounts", "", cut),) if cut else ())),
        )


class Contacts:
    """The contacts with their groups; some have no account, two addresses in one field, or a group that is gone."""

    def __init__(self, draws: Draws, accounts: list[Item]) -> None:
        self.draws, self.accounts = draws, accounts
        self.items: list[Item] = []

    def draw(self) -> list[Item]:
        """All of them. The last ones are the odd ones: a person twice, a couple on one address, a row without a name."""
        size, dirt = self.draws.size.contacts, self.draws.size.dirt
        rare = ["two_emails"] * share(size, 0.01, least=2) + ["ghost_group"] * share(size, 0.02, least=2)
        rare += (
            ["no_account"] * share(size, 0.08, least=4) + ["account_gone"] * dirt + ["upper_case"] * share(size, 0.03, least=2)
        )
        plain = size - 3 * dirt
        kinds = rare + [""] * (plain - len(rare))
        self.draws.rng.shuffle(kinds)
        for number, (at, kind) in enumerate(zip(moments(self.draws.rng, plain), kinds, strict=True), 1):
            self.items.append(self._contact(number, self.draws.roster.person(), stamp(at), kind))
        for turn in range(dirt):
            self._odd(len(self.items) + 1, turn)
        return self.items

    def add(self, number: int, at: str) -> Item:
        """Somebody new."""
        item = self._contact(number, self.draws.roster.person(), at, "")
        self.items.append(item)
        return item

    def _contact(self, number: int, person: Person, at: str, kind: str) -> Item:
        rng, key = self.draws.rng, str(20_000 + number)
        owner, user, dirt = draw_owner(rng)
        home = rng.choice(self.accounts)
        groups = rng.sample(GROUPS[4:], rng.randint(0, 2)) + ([GHOST] if kind == "ghost_group" else [])
        stage = rng.choice(list(LIFECYCLES))
        if number % 17 in FOREIGN:
            person, kind = replace(person, **FOREIGN[number % 17]), kind or "accents"
        last = person.last.upper() if kind == "upper_case" else person.last
        account: Json = {"no_account": None, "account_gone": 999_999}.get(kind, int(home.key))
        row: dict[str, Json] = {
            "ContactID": int(key), "AccountID": account, "FirstName": person.first, "LastName": last,
            "Email": f"{person.email}; {person.first.lower()}@home.test" if kind == "two_emails" else person.email,
            "Phone": phone_text(person.phone, rng.randrange(5)), "Address": f"{person.street}, {person.city}",
            "LifecycleStage": stage, "Groups": "|".join(groups) or None, "Owner": owner, "CreatedDate": at,
            "ModifiedDate": at, "PreferredVisit": rng.choice(VISITS),
        }  # fmt: skip
        values = {
            "first_name": person.first, "last_name": last, "mobile_number": person.e164, "address": str(row["Address"]),
            "lifecycle__c": LIFECYCLES[stage], "tags": ";".join(groups), "owner": user,
            "preferred_visit__c": str(row["PreferredVisit"]), "soffront_contact_id__c": key,
            "soffront_created_at__c": there(at),
            "emails": "" if kind == "two_emails" else person.email,
            "sales_accounts": f"accounts/{home.key}" if account == int(home.key) else "",
        }  # fmt: skip
        aside = {
            "two_emails": (("contacts", "Email", "several_emails"),),
            "account_gone": (("contacts", "", "parent_missing"),),
        }.get(kind, ())
        end = Verdict("loaded", "", f"contacts/{key}")
        return Item(
            "contacts", key, row, {"contacts": end}, {"contacts": values}, aside, (*dirt, *((("", kind),) if kind else ()))
        )

    def _odd(self, number: int, turn: int) -> None:
        plain = [each for each in self.items if not each.aside and not each.twins and each.values and not each.dirt]
        first, couple = plain[-1 - 2 * turn], plain[-2 - 2 * turn]
        at = f"2026-02-1{turn % 9}T09:00:00"
        again = self._contact(number, self.draws.roster.person(), at, "no_account")
        same = {name: first.row[name] for name in ("FirstName", "LastName", "Phone")} | {
            "Email": str(first.row["Email"]).upper()
        }
        record = f"contacts/{first.key}"
        self.items.append(
            replace(again, row={**again.row, **same}, values={},
                    verdicts={"contacts": Verdict("merged", "same_person", record)},
                    twins={"contacts": record}, dirt=(*again.dirt, ("Email", "same_person")))
        )  # fmt: skip
        partner = self._contact(number + 1, self.draws.roster.person(), at, "")
        values = {name: text for name, text in partner.values["contacts"].items() if name != "emails"}
        self.items.append(
            replace(partner, row={**partner.row, "Email": couple.row["Email"]}, values={"contacts": values},
                    twins={"contacts": ""}, aside=(("contacts", "Email", "taken_by_another_record"),),
                    dirt=(*partner.dirt, ("Email", "shared_email")))
        )  # fmt: skip
        nameless = self._contact(number + 2, self.draws.roster.person(), at, "")
        self.items.append(
            replace(nameless, row={**nameless.row, "LastName": "  "}, values={},
                    verdicts={"contacts": Verdict("rejected", "required_field_empty")},
                    dirt=(*nameless.dirt, ("LastName", "name_missing")))
        )  # fmt: skip


def value_plans() -> dict[str, dict[str, str]]:
    """Feed and column → the option that each value is mapped to."""
    return {
        "accounts/Industry": INDUSTRIES | {RETIRED: "Other"},
        "accounts/Size": {word: word for word in BANDS},
        "accounts/ServiceTier": {word: word for word in TIERS},
        "contacts/LifecycleStage": LIFECYCLES,
        "contacts/PreferredVisit": {word: word for word in VISITS},
    }
