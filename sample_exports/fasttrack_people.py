"""Companies and people at FastTrack, and which person belongs to which companies."""

from __future__ import annotations

from dataclasses import replace

from sample_exports.fasttrack_rows import (
    UNREADABLE,
    Draws,
    draw_owner,
    moments,
    stamp,
    there,
    unreadable,
    updated,
)
from sample_exports.promio_people import Company, Person, phone_text
from sample_exports.promio_rows import share
from sample_exports.tenant import Item, Json, Verdict

UNASSIGNED = "accounts/unassigned"
INDUSTRIES = {"Software": "Other", "retail": "Retail", "Healthcare": "Healthcare", "Manufacturing ": "Manufacturing",
              "Education": "Education", "hospitality": "Hospitality"}  # fmt: skip
LIFECYCLES = ("Subscriber", "MQL", "SQL", "Customer", "Evangelist")
LIFECYCLE_SPELLINGS = {"mql": "MQL", "customer ": "Customer", "Evangelist (VIP)": "Evangelist"}
SOURCES = {"web": "Web", "Referral": "Referral", "cold outreach": "Direct", "Event": "Events"}
NEWSLETTER = ("newsletter", "Newsletter", "news_letter")
TIERS = ("Gold", "Silver", "Bronze")
CHAIN = 5


class Companies:
    """The companies: a chain of five, a cycle, a company that is its own parent, and names that come twice."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self.items: list[Item] = []

    def draw(self) -> list[Item]:
        """All of them; the special ones stand at the start."""
        size, dirt = self.draws.size.companies, self.draws.size.dirt
        created = moments(self.draws.rng, size)
        for number in range(1, size - 4 * dirt + 1):
            at = created[number - 1]
            self.items.append(
                self._company(number, self.draws.roster.company(), at=stamp(at), touched=stamp(updated(self.draws.rng, at)))
            )
        self._hang()
        for turn in range(dirt):
            self._twins(len(self.items) + 1, turn)
        return self.items

    def _company(self, number: int, company: Company, *, at: str, touched: str, plain: bool = False) -> Item:
        rng, key = self.draws.rng, f"co-{number:04d}"
        owner, user, dirt = draw_owner(rng, blank=0 if plain else 0.05)
        industry = rng.choice(list(INDUSTRIES))
        properties: dict[str, Json] = {"industry": industry, "tier": rng.choice(TIERS)}
        if rng.random() < 0.6:
            properties["employees"] = str(rng.choice((4, 12, 57, 230, 900)))  # a number as text
            dirt += (("properties.employees", "number_as_text"),)
        row: dict[str, Json] = {
            "id": key, "name": company.name, "parent_id": None, "domain": company.domain, "owner_id": owner,
            "properties": properties, "created_at": at, "updated_at": touched,
        }  # fmt: skip
        values = {
            "name": company.name, "website": f"https://{company.domain}", "owner": user, "industry_type": INDUSTRIES[industry],
            "company_tier__c": str(properties["tier"]), "fasttrack_company_id__c": key, "fasttrack_created_at__c": there(at),
        }  # fmt: skip
        return Item(
            "companies", key, row, {"accounts": Verdict("loaded", "", f"accounts/{key}")}, {"accounts": values}, dirt=dirt
        )

    def _hang(self) -> None:
        """Give parents: 1 ← 2 ← 3 ← 4 ← 5, a cycle of 6, 7 and 8, 9 above itself, 10 below a deleted company, others plain."""
        for child in range(2, CHAIN + 1):
            self._set_parent(child, f"co-{child - 1:04d}", kind=f"hierarchy_level_{child}")
        for child, parent in ((6, 7), (7, 8), (8, 6)):
            self._set_parent(child, f"co-{parent:04d}", kind="parent_cycle", cut="parent_cycle" if child == 8 else "")
        self._set_parent(9, "co-0009", kind="own_parent", cut="own_parent")
        self._set_parent(10, "co-9999", kind="parent_deleted", cut="parent_missing")
        for child in range(11, len(self.items) + 1):
            if self.draws.rng.random() < 0.2:
                self._set_parent(child, f"co-{self.draws.rng.randint(11, child):04d}" if child > 11 else "co-0001")

    def _set_parent(self, child: int, parent: str, *, kind: str = "", cut: str = "") -> None:
        item = self.items[child - 1]
        if parent == item.key and not cut:
            return
        values = (
            dict(item.values["accounts"]) if cut else {**item.values["accounts"], "parent_sales_account": f"accounts/{parent}"}
        )
        self.items[child - 1] = replace(
            item,
            row={**item.row, "parent_id": parent},
            values={"accounts": values},
            dirt=(*item.dirt, *((("parent_id", kind),) if kind else ())),
            aside=(*item.aside, *((("accounts", "", cut),) if cut else ())),
        )

    def _twins(self, number: int, turn: int) -> None:
        """A company entered twice, two of one name that are two, and one that cannot be read."""
        first = self.items[11 + 2 * turn]
        again = self._company(
            number, self._named_like(first), at=str(first.row["updated_at"]), touched=str(first.row["updated_at"]), plain=True
        )
        kept = f"accounts/{first.key}"
        self.items.append(
            replace(
                again,
                row={**again.row, "domain": first.row["domain"]},
                verdicts={"accounts": Verdict("merged", "same_company", kept)},
                values={},
                twins={"accounts": kept},
                dirt=(*again.dirt, ("name", "same_company")),
            )
        )
        other = self.items[12 + 2 * turn]
        apart = self._company(
            number + 1,
            self._named_like(other),
            at=str(other.row["created_at"]),
            touched=str(other.row["updated_at"]),
            plain=True,
        )
        self.items.append(
            replace(
                apart,
                verdicts={"accounts": Verdict("held", "taken_by_another_record")},
                values={},
                twins={"accounts": ""},
                dirt=(*apart.dirt, ("name", "same_name_two_companies")),
            )
        )
        last = self._company(
            number + 2, self.draws.roster.company(), at=stamp(moments(self.draws.rng, 1)[0]), touched="2026-10-01T08:00:00Z"
        )
        self.items.append(last)
        self.items.append(unreadable("companies", f"co-{number + 3:04d}", ("accounts",)))

    def _named_like(self, item: Item) -> Company:
        name, fresh = str(item.row["name"]), self.draws.roster.company()
        core, _, form = name.rpartition(" ")
        return Company(core, form, fresh.domain)


class People:
    """The contacts and their companies: converted or not, with none, one or several companies, and one primary or not."""

    def __init__(self, draws: Draws, companies: list[Item]) -> None:
        self.draws = draws
        special = {f"co-{n:04d}" for n in range(6, 11)}
        self.homes = [each for each in companies if each.verdicts["accounts"].bucket == "loaded" and each.key not in special]
        self.broken = [each.key for each in companies if each.verdicts["accounts"] == UNREADABLE]
        self.items: list[Item] = []
        self.links: list[Item] = []

    def draw(self) -> tuple[list[Item], list[Item]]:
        """Contacts and links. One in ten has no company; most of those never were converted."""
        size, dirt = self.draws.size.contacts, self.draws.size.dirt
        alone = share(size, 0.11, least=12)
        several = share(size, 0.14, least=10)
        for number, at in enumerate(moments(self.draws.rng, size - 4 * dirt), start=1):
            count = 0 if number <= alone else 1 + (number <= alone + several)
            self._person(number, stamp(at), companies=count, converted=self._converted(number, alone))
        self._odd_primaries(dirt)
        self._odd_leads(dirt)
        for turn in range(dirt):
            self._dirty(len(self.items) + 1, turn)
        return self.items, self.links

    def add(self, number: int, at: str) -> None:
        """Somebody new, at one company."""
        self._person(number, at, companies=1, converted=True)

    def _converted(self, number: int, alone: int) -> bool:
        if number <= alone:
            return number % 3 == 0  # one third: on the catch-all account
        return self.draws.rng.random() < 0.8

    def _person(self, number: int, at: str, *, companies: int, converted: bool, person: Person | None = None) -> Item:
        item = self._contact(number, person or self.draws.roster.person(), at=at, converted=converted)
        homes = self.draws.rng.sample(self.homes, companies)
        is_lead = not converted and not homes
        feed, other = ("leads", "contacts") if is_lead else ("contacts", "leads")
        rule = "unconverted_person" if is_lead else "not_a_lead"
        values = {**item.values["contacts"]}
        if not is_lead:
            values["sales_accounts"] = ";".join(f"accounts/{home.key}" for home in homes) or UNASSIGNED
        kind = ("lead" if is_lead else "unassigned") if not homes else "several_companies" if companies > 1 else ""
        item = replace(
            item,
            verdicts={feed: Verdict("loaded", "", f"{feed}/{item.key}"), other: Verdict("excluded", rule)},
            values={feed: {name: text for name, text in values.items() if feed == "contacts" or name not in LEAD_LACKS}},
            dirt=(*item.dirt, *((("", kind),) if kind else ())),
            aside=() if homes else ((feed, "has_company", "no_row_to_join"),),
        )
        self.items.append(item)
        for place, home in enumerate(homes):
            self._link(item.key, home.key, primary=place == 0)
        return item

    def _contact(self, number: int, person: Person, *, at: str, converted: bool) -> Item:
        rng, key = self.draws.rng, f"ct-{number:05d}"
        owner, user, dirt = draw_owner(rng, blank=0.04)
        stage = rng.choice((*LIFECYCLES, *LIFECYCLES, *LIFECYCLE_SPELLINGS))
        source, letter = rng.choice(list(SOURCES)), rng.choice(NEWSLETTER)
        likes, score = rng.choice(("yes", "no")), rng.randint(1, 99)
        if letter != NEWSLETTER[0]:
            dirt += ((f"properties.{letter}", "key_spelling"),)
        row: dict[str, Json] = {
            "id": key, "first_name": person.first, "last_name": person.last, "email": person.email,
            "phone": phone_text(person.phone, rng.randrange(5)), "converted": converted, "lifecycle_stage": stage,
            "owner_id": owner, "properties": {letter: likes, "score": str(score), "source": source}, "created_at": at,
            "updated_at": at,
        }  # fmt: skip
        values = {
            "first_name": person.first, "last_name": person.last, "emails": person.email, "mobile_number": person.e164,
            "owner": user, "lead_source": SOURCES[source], "lifecycle__c": LIFECYCLE_SPELLINGS.get(stage, stage),
            "newsletter__c": "true" if likes == "yes" else "false", "engagement_score__c": str(score),
            "fasttrack_contact_id__c": key, "fasttrack_created_at__c": there(at),
        }  # fmt: skip
        return Item("contacts", key, row, {}, {"contacts": values}, dirt=dirt)

    def _link(self, contact: str, company: str, *, primary: bool | None, reason: str = "linked", kind: str = "") -> None:
        row: dict[str, Json] = {"contact_id": contact, "company_id": company, "is_primary": primary,
                                "role": self.draws.rng.choice(("Buyer", "Billing", None))}  # fmt: skip
        ends = Verdict("merged", reason, f"contacts/{contact}") if reason == "linked" else Verdict("rejected", reason)
        self.links.append(
            Item(
                "contact_companies",
                f"{contact}|{company}",
                row,
                {"contact_companies": ends},
                dirt=((("is_primary", kind),) if kind else ()),
            )
        )

    def _odd_primaries(self, dirt: int) -> None:
        """Of those with several companies, some have two primaries, some none; the first link counts."""
        shared = [each.key for each in self.items if ("", "several_companies") in each.dirt]
        for contact in shared[: 2 * dirt]:
            self._mark(contact, True, "two_primaries")
        for contact in shared[2 * dirt : 5 * dirt]:
            self._mark(contact, None, "no_primary")

    def _odd_leads(self, dirt: int) -> None:
        """Of those who were never converted some have no mark that says so, and some the e-mail address of a contact."""
        leads = [n for n, each in enumerate(self.items) if ("", "lead") in each.dirt]
        plain = [each for each in self.items if each.verdicts["contacts"].bucket == "loaded" and not each.dirt]
        for n in leads[:dirt]:
            item = self.items[n]
            self.items[n] = replace(item, row={**item.row, "converted": None}, dirt=(*item.dirt, ("converted", "mark_blank")))
        for n, known in zip(leads[dirt : 2 * dirt], plain, strict=False):
            item, record = self.items[n], known.verdicts["contacts"].record
            self.items[n] = replace(
                item, row={**item.row, "email": str(known.row["email"]).upper()}, values={}, twins={"leads": record},
                verdicts={**item.verdicts, "leads": Verdict("merged", "same_email_as_contact", record)},
                dirt=(*item.dirt, ("email", "email_of_a_contact")),
            )  # fmt: skip

    def _mark(self, contact: str, primary: bool | None, kind: str) -> None:
        mine = [n for n, each in enumerate(self.links) if each.row["contact_id"] == contact]
        for place, n in enumerate(mine):
            aside = (("contact_companies", "is_primary", "second_primary"),) if kind == "two_primaries" and place else ()
            self.links[n] = replace(
                self.links[n], row={**self.links[n].row, "is_primary": primary}, dirt=(("is_primary", kind),), aside=aside
            )

    def _dirty(self, number: int, turn: int) -> None:
        """The same person twice, two on one address, a row without a name, and one that cannot be read."""
        several = [each for each in self.items if each.verdicts["contacts"].bucket == "loaded" and not each.twins]
        first, couple = several[-1 - 2 * turn], several[-2 - 2 * turn]
        again = self._contact(number, self._like(first), at=f"2026-09-0{1 + turn % 9}T09:00:00Z", converted=True)
        record = f"contacts/{first.key}"
        row = {**again.row, "email": str(first.row["email"]).upper(), "phone": first.row["phone"]}
        self.items.append(replace(
            again, row=row, values={}, twins={"contacts": record},
            verdicts={"contacts": Verdict("merged", "same_person", record), "leads": Verdict("excluded", "not_a_lead")},
            aside=(("contacts", "has_company", "no_row_to_join"),),
            dirt=(*again.dirt, ("email", "same_person")),
        ))  # fmt: skip
        partner = self._person(number + 1, f"2026-09-1{turn % 9}T09:00:00Z", companies=1, converted=True)
        values = {name: text for name, text in partner.values["contacts"].items() if name != "emails"}
        self.items[-1] = replace(
            partner, row={**partner.row, "email": couple.row["email"]}, values={"contacts": values}, twins={"contacts": ""},
            aside=(("contacts", "email", "taken_by_another_record"),), dirt=(*partner.dirt, ("email", "shared_email")),
        )  # fmt: skip
        nameless = self._person(number + 2, f"2026-09-2{turn % 9}T09:00:00Z", companies=0, converted=True)
        self.items[-1] = replace(
            nameless, row={**nameless.row, "first_name": None, "last_name": None}, values={},
            verdicts={"contacts": Verdict("rejected", "required_field_empty"), "leads": Verdict("excluded", "not_a_lead")},
            dirt=(*nameless.dirt, ("last_name", "name_missing")),
        )  # fmt: skip
        self.items.append(unreadable("contacts", f"ct-{number + 3:05d}", ("contacts", "leads")))
        self._link(couple.key, self.broken[turn], primary=False, reason="no_record_for_link", kind="company_unreadable")

    def _like(self, item: Item) -> Person:
        fresh = self.draws.roster.person()
        return replace(fresh, first=str(item.row["first_name"]), last=str(item.row["last_name"]))


LEAD_LACKS = frozenset({"sales_accounts"})


def value_plans() -> dict[str, dict[str, str]]:
    """Feed and column → the option that each value is mapped to."""
    lifecycles = {word: word for word in LIFECYCLES} | {word.strip(): to for word, to in LIFECYCLE_SPELLINGS.items()}
    industries = {word.strip(): to for word, to in INDUSTRIES.items()}
    return {
        "accounts/properties.industry": industries,
        "accounts/properties.tier": {word: word for word in TIERS},
        "contacts/lifecycle_stage": lifecycles,
        "leads/lifecycle_stage": lifecycles,
        "contacts/properties.source": SOURCES,
        "leads/properties.source": SOURCES,
    }


__all__ = ["LEAD_LACKS", "UNASSIGNED", "Companies", "People", "value_plans"]
