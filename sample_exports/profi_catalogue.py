"""What the coaches of Northlight sell: services, packages of sessions, and courses."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sample_exports.profi_rows import FRESHSALES, PIPEDRIVE, Size, all_feeds, in_both, money
from sample_exports.promio_rows import Row, Verdict

SERVICES = ("service_id", "name", "type", "duration_min", "price", "currency", "hosts")
PACKAGES = (
    "package_id", "name", "tier", "kind", "fee", "currency", "sessions_included", "billing_frequency",
    "validity_days", "archived",
)  # fmt: skip
COURSES = ("course_id", "title", "url", "modules", "drip")
DOCUMENTED = Verdict("excluded", "documented")


@dataclass(frozen=True)
class Service:
    """Something that can be booked."""

    name: str
    type: str
    minutes: int
    price: float
    archived: bool = False


@dataclass(frozen=True)
class Package:
    """Several sessions sold together; ``included`` is 0 for a subscription, ``old`` what it was once called."""

    name: str
    tier: str
    kind: str
    fee: float
    included: int
    validity: int
    services: tuple[Service, ...]
    billing: str = "one-time"
    old: str = ""
    twin: bool = False  # another package has this name, in another tier
    currency: str = "EUR"

    @property
    def group(self) -> bool:
        """Whether its sessions are held with several clients."""
        return self.services[0].type == "group"


@dataclass(frozen=True)
class Catalogue:
    """All that is sold; ``intro`` is the free call before anything is bought."""

    intro: Service
    services: tuple[Service, ...]
    packages: tuple[Package, ...]
    courses: tuple[str, ...]


INTRO = Service("Intro Call", "consultation", 30, 0.0)
REVIEW = Service("Review Consultation", "consultation", 45, 90.0)
HOUR = Service("1:1 Coaching 60", "one_on_one", 60, 140.0)
SHORT = Service("1:1 Coaching 45", "one_on_one", 45, 110.0)
EXECUTIVE = Service("Executive Coaching 90", "one_on_one", 90, 320.0)
CAREER = Service("Career Strategy Session", "one_on_one", 60, 150.0)
CIRCLE = Service("Leadership Circle", "group", 90, 60.0)
CHECK = Service("Wellbeing Check-in", "one_on_one", 30, 60.0, archived=True)
FIRST_SERVICES = (INTRO, HOUR, SHORT, EXECUTIVE, CAREER, CIRCLE, CHECK, REVIEW)

FIRST_PACKAGES = (
    Package("Momentum", "Starter", "session bundle", 650.0, 5, 120, (HOUR, SHORT), twin=True),
    Package("Momentum", "Growth", "session bundle", 1200.0, 10, 240, (HOUR, SHORT), billing="quarterly", twin=True),
    Package("Career Compass", "Starter", "session bundle", 560.0, 4, 150, (CAREER, HOUR), old="Job Change Kickstart"),
    Package("Executive Edge", "Enterprise", "session bundle", 2400.0, 8, 300, (EXECUTIVE,)),
    Package("Leadership Circle Membership", "Growth", "subscription", 180.0, 0, 365, (CIRCLE,), billing="monthly"),
    Package("Wellbeing Monthly", "Starter", "subscription", 95.0, 0, 365, (CHECK, SHORT), billing="monthly"),
    Package("Clarity Sprint", "Starter", "session bundle", 390.0, 3, 60, (HOUR,), old="Focus Sprint"),
    Package("Scale-up Circle", "Pro", "session bundle", 720.0, 6, 180, (CIRCLE,)),
    Package("Founder Foundations", "Growth", "course bundle", 480.0, 2, 180, (CAREER, EXECUTIVE), currency="USD"),
)
THEMES = (
    "Resilience", "Presence", "Negotiation", "Transition", "Confidence", "Parenting", "Burnout Recovery", "Public Speaking",
    "New Manager", "Sales Mindset", "Retirement", "Relationship", "Creative Block",
)  # fmt: skip
TIERS = ("Starter", "Growth", "Enterprise")
OLD_WORDS = ("Reboot", "Bootcamp", "Jumpstart", "Intensive")
TITLES = (
    "Foundations of Coaching", "Lead Yourself", "Conflict without Drama", "The First 90 Days",
    "Money Mindset", "Rest as Practice",
    "Hard Conversations", "Time on Your Side", "Your Inner Critic",
)  # fmt: skip


def make_catalogue(rng: Random, size: Size) -> Catalogue:
    """As many services, packages and courses as the size asks for; the first ones are always the same."""
    services, packages = list(FIRST_SERVICES), list(FIRST_PACKAGES)
    for place in range(size.services - len(services)):
        theme = THEMES[place // 2 % len(THEMES)]
        minutes = (60, 90, 45)[place % 3]
        group = place % 9 == 8
        name = f"{theme} Group" if group else f"{theme} Session {minutes}"
        services.append(Service(name, "group" if group else "one_on_one", minutes, 50.0 if group else 2.0 * minutes + 20))
    for place in range(size.packages - len(packages)):
        packages.append(_package(rng, services, place))
    return Catalogue(INTRO, tuple(services), tuple(packages), TITLES[: size.courses])


def _package(rng: Random, services: list[Service], place: int) -> Package:
    theme = THEMES[place % len(THEMES)]
    own = [service for service in services if service.name.startswith(theme)] or [HOUR]
    taught = tuple(service for service in own if service.type == own[0].type) + ((HOUR,) if own[0].type != "group" else ())
    included = rng.choice((4, 6, 8, 10, 12))
    name = f"{theme} {rng.choice(('Path', 'Programme', 'Lab', 'Track'))}"
    return Package(
        name,
        TIERS[place % 3],
        "session bundle",
        round(included * taught[0].price * 0.9, -1),
        included,
        included * 25,
        taught,
        old=f"{theme} {rng.choice(OLD_WORDS)}" if place % 6 == 1 else "",
        currency="USD" if place % 5 == 4 else "EUR",
    )


def service_rows(catalogue: Catalogue, hosts: list[str]) -> list[Row]:
    """The services; one of them stands at two prices."""
    rows = []
    offered = [*catalogue.services, Service(HOUR.name, HOUR.type, HOUR.minutes, 125.0)]
    for number, service in enumerate(offered, start=1):
        again = number == len(offered)
        cells = {
            "service_id": f"SV-{number:02d}", "name": service.name, "type": service.type, "duration_min": str(service.minutes),
            "price": money(service.price), "currency": "EUR", "hosts": "; ".join(hosts[: 1 + number % 3]),
        }  # fmt: skip
        dirt = (("name", "name_at_two_prices"),) if again else ()
        rows.append(Row(f"SV-{number:02d}", cells, in_both("services", DOCUMENTED), dirt=dirt))
    return rows


def package_rows(catalogue: Catalogue) -> list[Row]:
    """The packages under the names that they have today."""
    rows = []
    for number, package in enumerate(catalogue.packages, start=1):
        cells = {
            "package_id": f"PK-{number:02d}", "name": package.name, "tier": package.tier, "kind": package.kind,
            "fee": money(package.fee), "currency": package.currency, "sessions_included": str(package.included or ""),
            "billing_frequency": package.billing, "validity_days": str(package.validity),
            "archived": "true" if package.name == "Wellbeing Monthly" else "false",
        }  # fmt: skip
        kinds = {
            "renamed": package.old, "tier_unknown": package.tier == "Pro", "one_name_two_tiers": package.twin,
            "twin_billed_otherwise": package.twin and package.billing != "one-time",
        }  # fmt: skip
        dirt = tuple(("name", kind) for kind, there in kinds.items() if there)
        key = f"PK-{number:02d}"
        ends = {f"{FRESHSALES}/packages": DOCUMENTED, f"{PIPEDRIVE}/packages": Verdict("loaded", "", f"packages/{key}")}
        rows.append(Row(key, cells, ends, dirt=dirt))
    return rows


def course_rows(catalogue: Catalogue) -> list[Row]:
    """The courses; the title of the last one has changed since people enrolled."""
    rows = []
    for number, title in enumerate(catalogue.courses, start=1):
        changed = number == len(catalogue.courses)
        cells = {
            "course_id": f"CR-{number:02d}", "title": f"{title} 2.0" if changed else title, "url": course_url(number),
            "modules": str(4 + number), "drip": "true" if number % 2 else "false",
        }  # fmt: skip
        dirt = (("title", "title_changed"),) if changed else ()
        rows.append(Row(f"CR-{number:02d}", cells, all_feeds(("course_list",), DOCUMENTED), dirt=dirt))
    return rows


def course_url(number: int) -> str:
    """Where a course stands at Profi."""
    return f"https://northlight.profi.example/courses/{number:02d}"
