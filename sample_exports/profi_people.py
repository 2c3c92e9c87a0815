"""The clients of Northlight: who they are, which of them are the same, and whom the coaches look after together."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from faker import Faker

from sample_exports.profi_rows import DOMAIN, MAIN_ENDS, OPENED, Size, share
from sample_exports.promio_people import FIRST_WORDS, MAIL, SECOND_WORDS, misspelt

CITIES = (
    ("Berlin", "10", "DE", "030 23125"),
    ("Hamburg", "20", "DE", "040 66969"),
    ("München", "80", "DE", "089 99998"),
    ("Köln", "50", "DE", "0221 4710"),
    ("Frankfurt am Main", "60", "DE", "069 90009"),
    ("Mobil", "10", "DE", "0176 04069"),
)
"""City, start of its postal codes, country, and the numbers that the regulator keeps for fiction."""

QUIET = ("invited", "nameless", "twice", "twice_by_phone", "short", "long")
"""Kinds of clients who buy and book nothing under their own entry."""

LEGAL = ("GmbH", "AG", "UG", "KG")
COACHES = (
    ("Nora Lindqvist", "admin", True),
    ("Jonas Weber", "member", True),
    ("Amira Haddad", "member", True),
    ("Tobias Krämer", "member", True),
    ("Elif Demir", "member", False),
    ("Ruth Okafor", "member", True),
    ("Milan Novak", "member", True),
    ("Clara Fontaine", "member", True),
    ("Peter Lang", "member", False),
    ("Sofia Rossi", "member", True),
    ("Henrik Olsen", "member", True),
)
"""Name, role, and whether the person still works here."""


@dataclass(frozen=True)
class Company:
    """An employer of clients: the name without its legal form, the form, and the domain."""

    core: str
    form: str
    domain: str

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.core} {self.form}"

    def spellings(self) -> tuple[str, ...]:
        """Ways in which clients write it; the first is the right one."""
        return (
            self.name,
            self.core.upper(),
            f"{self.core} {self.form.capitalize()}.",
            f"{self.core.lower()} {self.form.lower()}",
        )


@dataclass(frozen=True)
class Client:
    """A client; ``kind`` says what is odd about the row."""

    n: int
    kind: str  # plain, twice, twice_by_phone, couple, namesake, invited, nameless, short, long, deleted
    first: str
    last: str
    email: str
    phone: str  # ten or so digits as dialled at home, without the country
    city: int
    created: datetime
    coaches: tuple[str, ...]
    company: Company | None = None
    spelling: str = ""
    same_as: int = -1  # the client whose second entry this is
    shares_with: int = -1  # the client whose address this one uses too

    @property
    def id(self) -> str:
        """The number of the client at Profi."""
        return f"CL-{1001 + self.n}"

    @property
    def e164(self) -> str:
        """The phone number with its country."""
        return "+49" + self.phone.replace(" ", "").removeprefix("0") if self.phone else ""


def coach_email(name: str) -> str:
    """The address of a coach, made of the name."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return ".".join(bare.lower().split()) + "@" + DOMAIN


class Directory:
    """Draws people and companies; no name, address or number comes twice."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"{seed} people")
        self._faker = Faker(["de_DE", "en_GB", "fr_FR"])
        self._faker.seed_instance(seed)
        self._names: set[tuple[str, str]] = set()
        self._emails: set[str] = set()
        self._numbers = {place: self._lines(place) for place in range(len(CITIES))}
        pairs = list(itertools.product(FIRST_WORDS.split(), SECOND_WORDS.split()))
        self.rng.shuffle(pairs)
        self._cores = iter(pairs)

    def _lines(self, place: int) -> Iterator[str]:
        lines = list(range(1000))
        self.rng.shuffle(lines)
        return (f"{CITIES[place][3]}{line:03d}" for line in lines)

    def name(self) -> tuple[str, str]:
        """A first and a last name that nobody has yet."""
        while True:
            first, last = self._faker.first_name(), self._faker.last_name()
            if (first, last) not in self._names and " " not in first + last and "'" not in last:
                self._names.add((first, last))
                return first, last

    def email(self, first: str, last: str, domain: str = "") -> str:
        """An address that nobody has yet."""
        bare = unicodedata.normalize("NFKD", f"{first}.{last}".lower()).encode("ascii", "ignore").decode()
        where = domain or self.rng.choice(MAIL)
        for number in itertools.count():
            address = f"{bare}{number or ''}@{where}"
            if address not in self._emails:
                self._emails.add(address)
                return address
        raise AssertionError("numbers do not end")

    def phone(self, place: int) -> str:
        """A number of that city."""
        return next(self._numbers[place])

    def company(self) -> Company:
        """A company whose words no other has."""
        first, second = next(self._cores)
        return Company(
            f"{first} {second}", self.rng.choice(LEGAL), f"{first}{second}".lower() + self.rng.choice((".example", ".test"))
        )


def draft_clients(people: Directory, size: Size) -> tuple[list[Client], list[Company]]:
    """The clients in the order of their file, deleted ones after them, and the companies that several of them name."""
    companies = [people.company() for _ in range(max(5, size.clients // 11))]
    clients = [_client(people, size, n, companies) for n in range(size.clients)]
    for place, kind in enumerate(_kinds(size)):
        n = size.clients - 1 - place * 2
        clients[n] = _odd(people, clients, n, kind)
    gone = [_client(people, size, size.clients + n, []) for n in range(share(size.clients, 0.01, least=2))]
    clients[3] = replace(clients[3], company=_sound_alike(companies[0]))
    return [*_spelt(people.rng, clients), *(replace(each, kind="deleted") for each in gone)], companies


def _sound_alike(company: Company) -> Company:
    """Another company of the same words in another legal form."""
    form = next(form for form in LEGAL if form != company.form)
    return Company(company.core, form, company.domain.replace(".", "-partner."))


def _kinds(size: Size) -> list[str]:
    rates = (("twice", 0.02, 2), ("twice_by_phone", 0.01, 1), ("couple", 0.02, 2), ("namesake", 0.01, 1), ("invited", 0.04, 3),
             ("nameless", 0.005, 1), ("short", 0.001, 1), ("long", 0.001, 1))  # fmt: skip
    return [kind for kind, rate, least in rates for _ in range(share(size.clients, rate, least=least))]


def _client(people: Directory, size: Size, n: int, companies: list[Company]) -> Client:
    rng = people.rng
    first, last = people.name()
    city = rng.randrange(len(CITIES))
    span = (MAIN_ENDS - OPENED).total_seconds() * 0.85
    created = OPENED + timedelta(seconds=round(span * (n + rng.random()) / (size.clients + 1) / 60) * 60)
    names = [name for name, _, _ in COACHES[: size.coaches]]
    coaches = tuple(rng.sample(names, 2 if rng.random() < 0.14 else 1))
    company = rng.choice(companies) if companies and rng.random() < 0.32 else people.company() if rng.random() < 0.12 else None
    domain = company.domain if company and rng.random() < 0.6 else ""
    return Client(
        n, "plain", first, last, people.email(first, last, domain), people.phone(city), city, created, coaches, company
    )


def _odd(people: Directory, clients: list[Client], n: int, kind: str) -> Client:
    """The client with what is odd about it; the other of the two comes earlier in the file."""
    rng, own = people.rng, clients[n]
    other = clients[n // 2 - 1]
    if kind == "twice":
        email = rng.choice((other.email.upper(), other.email.title(), f" {other.email}"))
        return replace(
            other, n=n, kind=kind, first=misspelt(rng, other.first), email=email, created=own.created, same_as=other.n
        )
    if kind == "twice_by_phone":
        return replace(other, n=n, kind=kind, email="", created=own.created, same_as=other.n)
    if kind == "couple":
        return replace(own, kind=kind, last=other.last, email=other.email, city=other.city, company=None, shares_with=other.n)
    if kind == "namesake":
        return replace(own, kind=kind, first=other.first, last=other.last, company=None)
    if kind in ("short", "long"):
        return replace(own, kind=kind, company=None)
    if kind == "invited":
        return replace(own, kind=kind, first="", last="", phone="", company=None)
    return replace(own, kind=kind, first="", last="", email="", company=None)


def _spelt(rng: Random, clients: list[Client]) -> list[Client]:
    """Every client writes the employer in one of its spellings; the first to name it writes it rightly."""
    seen: set[str] = set()
    done = []
    for client in clients:
        spelling = ""
        if client.company:
            known = client.company.name in seen
            spelling = rng.choice(client.company.spellings()) if known else client.company.name
            seen.add(client.company.name)
        done.append(replace(client, spelling=spelling))
    return done
