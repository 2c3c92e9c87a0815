"""What really happened in the calendar: every session with the enrolment that paid for it, which is the hidden truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random

from sample_exports.profi_catalogue import REVIEW, Catalogue, Service
from sample_exports.profi_enrolments import Book, Enrolment
from sample_exports.profi_people import QUIET, Client
from sample_exports.profi_rows import MAIN_ENDS, OPENED, Size, chance

CONSUMING = ("completed", "no_show")
"""What uses up a session of a package."""

CALLED_OFF = "called_off"
"""Of a session that was to be held, for which everything was ready: notes of it there are, too."""

RHYTHMS = {"weekly": 7, "biweekly": 14, "monthly": 28}


@dataclass(frozen=True)
class Seat:
    """A client in a session, and the enrolment that paid for it; without a client a guest, without an enrolment nobody paid."""

    client: Client | None
    enrolment: Enrolment | None = None
    guest: str = ""


@dataclass(frozen=True)
class Session:
    """A session as it was; ``n`` numbers them by their time."""

    n: int
    service: Service
    coach: str
    start: datetime  # on the clocks of Berlin
    status: str
    seats: tuple[Seat, ...]
    series: str = ""
    rhythm: str = ""
    moved_from: int = -1
    paid: bool = False  # a single session, paid by itself
    kind: str = field(default="")  # what is odd about it

    @property
    def id(self) -> str:
        """The number of the session at Profi."""
        return f"SE-{300001 + self.n}"

    @property
    def group(self) -> bool:
        """Whether it was held with several clients."""
        return self.service.type == "group"


class Calendar:
    """Fills the calendar from what was bought."""

    def __init__(self, rng: Random, size: Size, catalogue: Catalogue) -> None:
        self.rng, self.size, self.catalogue = rng, size, catalogue
        self.sessions: list[Session] = []
        self._series = 0
        self._ended: dict[tuple[int, str, str], datetime] = {}  # last session of a client's package so far

    def fill(self, clients: Sequence[Client], enrolments: Sequence[Enrolment]) -> tuple[list[Session], Book]:
        """All sessions in the order of their time, and how much of each enrolment they used up."""
        groups: dict[str, list[Enrolment]] = defaultdict(list)
        for enrolment in enrolments:
            if enrolment.package.group:
                groups[enrolment.package.services[0].name].append(enrolment)
            else:
                self._of_enrolment(enrolment)
        for name, members in groups.items():
            self._circle(next(each for each in self.catalogue.services if each.name == name), members, clients)
        for client in clients:
            self._singles(client)
        self._to_come(enrolments)
        return self._numbered()

    # ------------------------------------------------------------ one to one

    def _of_enrolment(self, enrolment: Enrolment) -> None:
        """Mostly in a rhythm, on one weekday at one hour, with one service and one coach; sometimes not."""
        rng = self.rng
        rhythm = rng.choice(("weekly", "biweekly", "biweekly", "monthly", "", ""))
        series = self._next_series() if rhythm else ""
        at = datetime.combine(enrolment.start, time(rng.randint(8, 18), rng.choice((0, 0, 30)))) + timedelta(
            days=rng.randint(1, 10)
        )
        if chance(rng, 0.02):  # the enrolment was entered after the first session
            at = datetime.combine(enrolment.start, at.time()) - timedelta(days=rng.randint(1, 5))
        bought = (enrolment.client.n, enrolment.package.name, enrolment.package.tier)
        if enrolment.follows and bought in self._ended:
            at = max(at, datetime.combine((self._ended[bought] + timedelta(days=rng.randint(4, 18))).date(), at.time()))
        usual = rng.choice(enrolment.package.services)
        last = _last_day(rng, enrolment)
        left = enrolment.planned
        while left > 0 and at.date() <= last:
            service = usual if chance(rng, 0.85) else rng.choice(enrolment.package.services)
            coach = enrolment.coach if chance(rng, 0.94) else rng.choice(enrolment.client.coaches)
            status = self._status(at)
            seat = (Seat(enrolment.client, enrolment),)
            self.sessions.append(Session(len(self.sessions), service, coach, at, status, seat, series, rhythm))
            if status == "rescheduled":
                self._moved(self.sessions[-1])
            left -= status in ("completed", "no_show", "scheduled", "rescheduled")
            self._ended[bought] = at
            at += timedelta(days=RHYTHMS.get(rhythm, rng.randint(5, 24)), minutes=0 if rhythm else rng.choice((0, 30, -30)))

    def _moved(self, old: Session) -> None:
        """The session in whose place another one was held some days later."""
        at = old.start + timedelta(days=self.rng.randint(1, 6))
        status = "completed" if at < MAIN_ENDS else "scheduled"
        self.sessions.append(replace(old, n=len(self.sessions), start=at, status=status, moved_from=old.n, rhythm=""))

    def _status(self, at: datetime) -> str:
        if at >= MAIN_ENDS:
            return "scheduled"
        return self.rng.choices(("completed", "cancelled", "no_show", "rescheduled", "scheduled"), (80, 8, 5, 5, 1))[0]

    def _to_come(self, enrolments: Sequence[Enrolment]) -> None:
        """Sessions in the three weeks after the export, of packages that still hold some."""
        until = MAIN_ENDS.date() + timedelta(days=21)
        able = [
            each for each in enrolments
            if not each.package.group and (each.planned < each.package.included or not each.package.included)
            and (each.end is None or each.end >= until)
        ]  # fmt: skip
        for place, enrolment in enumerate(able[-max(8, len(able) // 5) :]):
            at = MAIN_ENDS.replace(hour=9 + place % 8, minute=0) + timedelta(days=1 + place * 3 % 20)
            seat = (Seat(enrolment.client, enrolment),)
            self.sessions.append(
                Session(len(self.sessions), enrolment.package.services[0], enrolment.coach, at, "scheduled", seat)
            )

    def _next_series(self) -> str:
        self._series += 1
        return f"SR-{self._series:05d}"

    # ------------------------------------------------------------ groups

    def _circle(self, service: Service, members: Sequence[Enrolment], clients: Sequence[Client]) -> None:
        """One meeting every two weeks; who comes has an enrolment that runs, is a guest, or just dropped in."""
        rng, series = self.rng, self._next_series()
        left = {member.n: member.planned for member in members}
        at = datetime.combine(OPENED.date(), time(18, 30)) + timedelta(days=rng.randrange(14))
        coach = rng.choice(members).coach
        present = [client for client in clients if client.kind == "plain"]
        while at.date() <= MAIN_ENDS.date() + timedelta(days=20):
            running = [each for each in members if each.start <= at.date() <= _last_day(rng, each) and left[each.n] > 0]
            if running:
                rng.shuffle(running)
                running = _earliest(running)
                status = "scheduled" if at >= MAIN_ENDS else "cancelled" if chance(rng, 0.05) else "completed"
                seats = [Seat(each.client, each) for each in running[:12] if chance(rng, 0.8)] or [
                    Seat(running[0].client, running[0])
                ]
                for seat in seats:
                    left[seat.enrolment.n if seat.enrolment else -1] -= status != "cancelled"
                seats = _one_each([*seats, *self._others(present, service)])
                self.sessions.append(Session(len(self.sessions), service, coach, at, status, tuple(seats), series, "biweekly"))
            at += timedelta(days=14)

    def _others(self, clients: Sequence[Client], service: Service) -> list[Seat]:
        seats = []
        if chance(self.rng, 0.25):
            seats.append(Seat(None, guest=f"guest{self.rng.randint(100, 999)}@visitor.example"))
        if chance(self.rng, 0.25) and service.price:
            seats.append(Seat(self.rng.choice(clients)))
        return seats

    # ------------------------------------------------------------ what no package pays

    def _singles(self, client: Client) -> None:
        """The call before anything is bought, and now and then a session that is paid by itself."""
        rng = self.rng
        if client.kind in QUIET:
            return
        if chance(rng, 0.5) or client.kind == "deleted":
            at = client.created.replace(hour=rng.randint(9, 17), minute=rng.choice((0, 30))) + timedelta(days=rng.randint(0, 2))
            status = rng.choice(("completed", "completed", "completed", "no_show", "cancelled"))
            self._single(client, self.catalogue.intro, at, status)
        for _ in range(rng.choice((1, 1, 2)) if chance(rng, 0.14) else 0):
            span = (MAIN_ENDS - client.created).days
            at = client.created.replace(hour=rng.randint(9, 18), minute=0) + timedelta(days=rng.randint(3, max(4, span)))
            own = [service for service in self.catalogue.services if service.type == "one_on_one" and not service.archived]
            service = REVIEW if chance(rng, 0.35) else rng.choice(own)
            self._single(client, service, at, self._status(at).replace("rescheduled", "completed"))

    def _single(self, client: Client, service: Service, at: datetime, status: str) -> None:
        coach, paid = self.rng.choice(client.coaches), service.price > 0
        self.sessions.append(Session(len(self.sessions), service, coach, at, status, (Seat(client),), paid=paid))

    # ------------------------------------------------------------ in order

    def _numbered(self) -> tuple[list[Session], Book]:
        order = sorted(self.sessions, key=lambda each: (each.start, each.n))
        place = {session.n: n for n, session in enumerate(order)}
        sessions = _called_off([replace(each, n=place[each.n], moved_from=place.get(each.moved_from, -1)) for each in order])
        used: dict[int, int] = defaultdict(int)
        for session in sessions:
            for seat in session.seats:
                if seat.enrolment is not None and session.status in CONSUMING:
                    used[seat.enrolment.n] += 1
        return sessions, Book((), dict(used))


def _called_off(sessions: Sequence[Session]) -> list[Session]:
    """The sessions, the second one that a group held being called off: a group's that was not held is in every sample."""
    held = [n for n, each in enumerate(sessions) if each.group and each.status == "completed"]
    return [replace(each, status="cancelled", kind=CALLED_OFF) if [n] == held[1:2] else each for n, each in enumerate(sessions)]


def _last_day(rng: Random, enrolment: Enrolment) -> date:
    """The last day on which a session may stand; a few coaches look the other way for some days."""
    soon = MAIN_ENDS.date() + timedelta(days=21)
    if enrolment.end is None:
        return soon
    return min(soon, enrolment.end + timedelta(days=10 if chance(rng, 0.04) else 0))


def _earliest(running: Sequence[Enrolment]) -> list[Enrolment]:
    """Of several enrolments of one client only the one that was bought first: it is used up before the next."""
    first: dict[int, Enrolment] = {}
    for each in sorted(running, key=lambda one: one.start):
        first.setdefault(each.client.n, each)
    return [each for each in running if first[each.client.n] is each]


def _one_each(seats: Sequence[Seat]) -> list[Seat]:
    """Nobody sits twice in one session; what a second entry says is dirt of the export, not of the day."""
    taken: set[str] = set()
    kept = []
    for seat in seats:
        who = seat.client.email.strip().casefold() if seat.client else seat.guest
        if who not in taken:
            taken.add(who)
            kept.append(seat)
    return kept
