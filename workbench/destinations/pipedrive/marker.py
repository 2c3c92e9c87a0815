"""Our key where no field bears it: the end of an activity's or a note's text, a part of a file's name; and text as HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

__all__ = ["Marked", "as_html", "as_text", "marked", "named", "parted", "unnamed"]

SAFE = "/:._-~@+|,=*"
"""What a key may hold as it stands; all else travels as %XX, which no sanitiser touches."""
SAFE_IN_NAMES = ":._-~@+,="
"""The same for the name of a file, in which a stroke would begin a folder."""
BLANKS = r"(?:\s|&nbsp;|\xa0)*"
ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")
LINE_END = re.compile(r"<br\s*/?>", re.IGNORECASE)
TAG = re.compile(
    r"</?(?:a|b|blockquote|code|del|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|s|small|span|strike|strong|sub|sup|table|tbody"
    r"|td|tfoot|th|thead|tr|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
"""A tag of a note that somebody formatted; a line break alone is none."""


@dataclass(frozen=True)
class Marked:
    """A text of the account without our line, and the key that stood in it, empty where there was none."""

    text: str
    key: str


def marked(content: str, key: str, *, style: str, line_end: str = "<br>") -> str:
    """Content with the key in a line of its own at its end."""
    line = style.replace("{key}", quote(key, safe=SAFE))
    return f"{content}{line_end}{line}" if content else line


def parted(content: str, *, style: str) -> Marked:
    """Content and key, as `marked` joined them, however the vendor or somebody's editor has wrapped them since."""
    found = list(_pattern(style).finditer(content))
    if not found:
        return Marked(content, "")
    last = found[-1]  # what is quoted above it is somebody else's
    return Marked(content[: last.start()] + content[last.end() :], unquote(last["key"]))


def named(name: str, key: str, *, style: str) -> str:
    """The name of a file with the key before its ending, so that the file still opens: `Offer [s:files:1].pdf`."""
    ending = ENDING.search(name)
    stem = name[: ending.start()] if ending else name
    return f"{stem}{style.replace('{key}', quote(key, safe=SAFE_IN_NAMES))}{ending.group() if ending else ''}"


def unnamed(name: str, *, style: str) -> Marked:
    """Name and key, as `named` joined them."""
    found = list(_pattern_in_name(style).finditer(name))
    if not found:
        return Marked(name, "")
    last = found[-1]
    return Marked(name[: last.start()] + name[last.end() :], unquote(last["key"]))


@lru_cache(maxsize=8)
def _pattern_in_name(style: str) -> re.Pattern[str]:
    """The key within the style; a blank in front of it goes with it."""
    before, _, after = style.partition("{key}")
    lead = " ?" if before.startswith(" ") else ""
    key = rf"(?P<key>[\w%{re.escape(SAFE_IN_NAMES)}]+?)"
    return re.compile(f"{lead}{re.escape(before.strip())}{key}{re.escape(after.strip())}", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=8)
def _pattern(style: str) -> re.Pattern[str]:
    """Our line with the break before it; its blanks may come back as others."""
    before, _, after = style.partition("{key}")
    parts = [*map(re.escape, before.split()), rf"(?P<key>[\w%{re.escape(SAFE)}]+?)", *map(re.escape, after.split())]
    return re.compile(rf"(?:{LINE_END.pattern}|\n)?{BLANKS.join(parts)}", re.IGNORECASE | re.ASCII)


def as_html(text: str, *, form: str) -> str:
    """Text as the vendor keeps it: escaped, its lines divided by `<br>`. What has tags of its own is left as it is.

    `form` is text, html or auto, which looks for tags.
    """
    if form == "html" or (form == "auto" and TAG.search(text)):
        return text
    return html.escape(text.replace("\r\n", "\n"), quote=False).replace("\n", "<br>")


def as_text(content: str, *, form: str) -> str:
    """What `as_html` was given, from what the vendor kept of it; formatted content stays HTML."""
    if form == "html" or TAG.search(content):
        return content
    return html.unescape(LINE_END.sub("\n", content))
