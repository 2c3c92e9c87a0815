"""Invented people and companies: names, reserved e-mail domains, fictional phone numbers, real places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from faker import Faker

PLACES = (
    ("Boston", "MA", "021", "617"),
    ("Worcester", "MA", "016", "508"),
    ("Springfield", "MA", "011", "413"),
    ("Providence", "RI", "029", "401"),
    ("Hartford", "CT", "061", "860"),
    ("Manchester", "NH", "031", "603"),
    ("Portland", "ME", "041", "207"),
    ("Burlington", "VT", "054", "802"),
    ("Newark", "NJ", "071", "973"),
    ("Jersey City", "NJ", "073", "201"),
    ("Albany", "NY", "122", "518"),
    ("White Plains", "NY", "106", "914"),
    ("Brooklyn", "NY", "112", "718"),
    ("Philadelphia", "PA", "191", "215"),
    ("Baltimore", "MD", "212", "410"),
)
"""City, state, start of its zip codes, area code: all in one time zone."""

MAIL = ("mailbox.example", "post.example.net", "example.com", "example.org", "home.test", "inbox.example")
FIRST_WORDS = (
    "Granite Harbor Cedar Copper Maple Summit Beacon Willow Juniper Amber Silver Northern Quarry Orchard Meadow Falcon "
    "Heron Anchor Lantern Prairie Canyon Birch Walnut Crimson Cobalt Ivory Sterling Liberty Pioneer Keystone Compass "
    "Evergreen Lakeside Hillcrest Stonegate Foxglove Bluebird Redwood Clover Saffron"
)
SECOND_WORDS = (
    "Bay Ridge Point Hollow Creek Grove Park Landing Crossing Bridge Mill Gate Square Row Wharf Terrace Field Spring "
    "Valley Bluff Cove Glen Heights Hill Isle Knoll Lane Marsh Oaks Pass Pines Plains Pond Reach Rock Shore Trail View "
    "Woods Yard"
)
TRADES = (
    "Dental Hardware Bakery Storage Realty Landscaping Apartments Brewing Logistics Veterinary Pediatrics Catering "
    "Printing Optical Fitness Daycare"
)
LEGAL = ("LLC", "Inc.", "Corp.")
NOT_A_SURNAME = frozenset({"Church", "Bank", "Garage", "Shop", "Hall", "Bond"})


@dataclass(frozen=True)
class Person:
    """Somebody invented; the phone has ten digits."""

    first: str
    last: str
    email: str
    phone: str
    street: str
    city: str
    state: str
    zip: str

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.first} {self.last}"

    @property
    def e164(self) -> str:
        """The phone number with its country."""
        return f"+1{self.phone}"


@dataclass(frozen=True)
class Company:
    """A company: its name without legal form, the form, and its own domain."""

    core: str
    form: str
    domain: str

    @property
    def name(self) -> str:
        """The name with its legal form."""
        return f"{self.core} {self.form}"

    def spellings(self) -> tuple[str, ...]:
        """Ways in which different people write the same company."""
        bare = self.form.rstrip(".")
        dotted = "L.L.C." if bare == "LLC" else f"{bare.upper()}"
        return (self.name, self.core.upper(), f"{self.core}, {dotted}", f"{self.core} {bare.lower()}")


class Roster:
    """Draws people and companies, no name, address or number twice."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self._faker = Faker("en_US")
        self._faker.seed_instance(seed)
        self._names: set[str] = set()
        self._emails: set[str] = set()
        self._numbers = {place[3]: self._lines(place[3]) for place in PLACES}
        firsts, seconds = FIRST_WORDS.split(), SECOND_WORDS.split()
        self.rng.shuffle(firsts)
        self.rng.shuffle(seconds)
        # The first word comes again as late as can be: companies of a small sample are not alike by chance.
        cores = [
            f"{first} {seconds[(place + turn) % len(seconds)]}"
            for turn in range(len(seconds))
            for place, first in enumerate(firsts)
        ]
        self._cores = iter(cores)

    def _lines(self, area: str) -> Iterator[str]:
        # 555-0100 to 555-0199 are kept for fiction; a medium sample needs more lines than that.
        first, others = list(range(100, 200)), [*range(200, 10_000), *range(100)]
        Random(f"{area} {self.rng.random()}").shuffle(first)
        return (f"{area}555{line:04d}" for line in [*first, *others])

    def phone(self, area: str = "") -> str:
        """A number of ten digits that nobody has yet."""
        return next(self._numbers[area or self.rng.choice(PLACES)[3]])

    def person(self, *, domain: str = "", last: str = "") -> Person:
        """Somebody new."""
        city, state, start, area = self.rng.choice(PLACES)
        first, surname = self._name(last)
        return Person(
            first=first,
            last=surname,
            email=self.email(first, surname, domain=domain),
            phone=self.phone(area),
            street=f"{self.rng.randint(1, 980)} {self._faker.street_name()}",
            city=city,
            state=state,
            zip=f"{start}{self.rng.randint(1, 60):02d}",
        )

    def _name(self, last: str) -> tuple[str, str]:
        while True:
            first, surname = self._faker.first_name(), last or self._faker.last_name()
            if f"{first} {surname}" not in self._names and surname not in NOT_A_SURNAME:
                self._names.add(f"{first} {surname}")
                return first, surname

    def email(self, first: str, last: str, *, domain: str = "") -> str:
        """An address that nobody has yet, made of a name."""
        where = domain or self.rng.choice(MAIL)
        stem = ".".join("".join(char for char in part.lower() if char.isascii() and char.isalpha()) for part in (first, last))
        for number in itertools.count():
            address = f"{stem}{number or ''}@{where}"
            if address not in self._emails:
                self._emails.add(address)
                return address
        raise AssertionError("numbers do not end")

    def partner(self, person: Person) -> Person:
        """Somebody with the same last name, home and e-mail address, but another first name and phone."""
        other = self.person(last=person.last)
        return replace(person, first=other.first, phone=other.phone)

    def namesake(self, person: Person) -> Person:
        """Somebody of the same name who shares nothing else."""
        other = self.person()
        while other.city == person.city:
            other = self.person()
        return replace(other, first=person.first, last=person.last, email=self.email(person.first, person.last))

    def company(self) -> Company:
        """A company that is new in every word but its trade."""
        core = next(self._cores)
        domain = core.replace(" ", "").lower() + self.rng.choice((".example", ".test"))
        return Company(f"{core} {self.rng.choice(TRADES.split())}", self.rng.choice(LEGAL), domain)

    def sound_alike(self, company: Company) -> Company:
        """Another company of the same name but another legal form and domain."""
        form = next(form for form in LEGAL if form != company.form)
        return Company(company.core, form, company.domain.replace(".", "-group."))


def misspelt(rng: Random, name: str) -> str:
    """A name with two inner letters exchanged; one too short for that has its last letter doubled."""
    spots = [i for i in range(1, len(name) - 2) if name[i] != name[i + 1] and name[i : i + 2].isalpha()]
    if not spots:
        return name + name[-1]
    spot = rng.choice(spots)
    return name[:spot] + name[spot + 1] + name[spot] + name[spot + 2 :]


PHONE_FORMS = ("({0}) {1}-{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "{0}{1}{2}", "+1 {0} {1} {2}", "1-{0}-{1}-{2}")


def phone_text(phone: str, form: int) -> str:
    """Ten digits in one of the ways in which people write them."""
    return PHONE_FORMS[form % len(PHONE_FORMS)].format(phone[:3], phone[3:6], phone[6:])


def scientific(phone: str) -> str:
    """What a spreadsheet makes of ten digits: ``6.17555E+09``."""
    return f"{int(phone):.5E}"


def email_variant(rng: Random, email: str) -> str:
    """The same address in another case, or with blanks round it."""
    return rng.choice((email.upper(), f" {email}", f"{email} ", email.title()))
