"""Recipes for rich text: what a note may safely show is kept, the rest is taken out and said."""

from __future__ import annotations

import html as entities
import re
from html.parser import HTMLParser

import nh3

from workbench.recipes.cells import Cell, CellRecipe, at_most, kept, positive
from workbench.recipes.texts import tidied

__all__ = ["FILE_SCHEME", "as_markup", "html", "is_markup", "note_text"]

FILE_SCHEME = "workbench-file"
"""Scheme of the address that stands for a file until it is uploaded: `workbench-file:<record key>`."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = HEADINGS | {"blockquote", "div", "hr", "li", "ol", "p", "pre", "table", "tr", "ul"}
CELLS = frozenset({"tbody", "td", "th", "thead"})
INLINE = frozenset({"a", "b", "br", "code", "em", "i", "img", "s", "span", "strong", "sub", "sup", "u"})
TAGS = BLOCKS | CELLS | INLINE
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "width", "height"}, "td": {"colspan", "rowspan"}}
SCHEMES = frozenset({"http", "https", "mailto", "tel", FILE_SCHEME})
RUNS = frozenset({"script", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "link", "meta", "base"})
GONE_WITH_CONTENT = frozenset({"script", "style", "iframe", "object", "embed", "noscript", "template", "xml", "head", "title"})
ENDING = " […]"
"""Stands at the end of a text that was cut."""

PARTIAL = re.compile(r"<[^<>]*\Z|&[#\w]*\Z")
ADDRESS = re.compile(r"<((?:[a-z]+:)?[^<>@\s\"'=/]+@[^<>@\s\"'=/]+|https?://[^<>\s\"']+)>", re.IGNORECASE)
"""An address in angle brackets: `Ann <ann@example.com>`. Whoever takes it for a tag throws it away."""
CODED = re.compile(r"(?i)^\s*(?:javascript|vbscript|data)\s*:")


class _Seen(HTMLParser):
    """What stands in a text: its tags, whether anything in it would run, and its formatting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.runs = False
        self.formats = False
        self.images: list[tuple[str, str, str]] = []  # the tag as it stands, address, words
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        coded = CODED.match(said.get("href", "")) or (tag != "img" and CODED.match(said.get("src", "")))
        if tag in RUNS or coded or any(name.startswith("on") for name in said):
            self.runs = True
        elif tag not in TAGS or "style" in said or "class" in said:
            self.formats = True
        if tag == "img":
            self.images.append((self.get_starttag_text() or "", said.get("src", ""), said.get("alt", "")))

    handle_startendtag = handle_starttag

    def handle_decl(self, decl: str) -> None:
        self.formats = True

    def unknown_decl(self, data: str) -> None:
        self.formats = True


def is_markup(text: str) -> bool:
    """Whether a text has tags; an address in angle brackets, as mails have it, is none."""
    return bool(nh3.is_html(_shielded(text)))


def as_markup(text: str) -> str:
    """The text as it may stand among tags: plain text with its lines and its signs, and rich text as it is."""
    text = _shielded(text)
    return text if is_markup(text) else entities.escape(entities.unescape(text), quote=False).replace("\n", "<br>")


def _shielded(text: str) -> str:
    return ADDRESS.sub(r"&lt;\1&gt;", text) if "<" in text else text


def html(*, max_length: int = 64_000, cut: bool = False) -> CellRecipe:
    """Rich text with basic formatting; scripts, styles and hidden parts go, pictures from elsewhere become links.

    Text without any tag keeps its lines. Longer than max_length (in characters, tags included) is rejected;
    cut = true ends it where all tags still close, and says so at the end.
    """
    positive(max_length, "max_length")

    def cell(raw: str) -> Cell:
        text, note = tidied(raw)
        if not is_markup(text):
            return _fitted(as_markup(text), max_length, cut, note)
        text = _shielded(text)
        seen, text = _Seen(text), _clean(text)
        # Pictures of what is shown: the same tag may stand in a script or a comment before it.
        linked = [image for image in _Seen(text).images if not image[1].startswith(f"{FILE_SCHEME}:")]
        for tag, source, words in linked:
            text = text.replace(tag, _as_link(source, words), 1)
        notes = [note, "html_cleaned" if seen.runs else None, "formatting_dropped" if seen.formats else None]
        return _fitted(_clean(text), max_length, cut, *notes, "images_as_links" if linked else None)

    return cell


def note_text(*, max_length: int = 64_000, cut: bool = False) -> CellRecipe:
    """Rich text as plain text: paragraphs and lists keep their lines, links their address, pictures their words."""
    positive(max_length, "max_length")

    def cell(raw: str) -> Cell:
        text, note = tidied(raw)
        if not is_markup(text):
            return _not_longer(kept(entities.unescape(text), note), max_length, cut)
        text = _shielded(text)
        seen = _Seen(text)
        said = _Lines(_clean(text)).text()
        notes = [note, "html_cleaned" if seen.runs else None, "formatting_dropped"]
        return _not_longer(kept(said, *notes), max_length, cut) if said else Cell(note=kept("", *notes).note)

    return cell


class _Lines(HTMLParser):
    """The text of a page as lines."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._link: list[str] = []
        self.feed(text)
        self.close()

    def text(self) -> str:
        lines = [" ".join(line.split()) for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "br" or tag in BLOCKS:
            self._parts.append("\n- " if tag == "li" else "\n")
        if tag == "a":
            self._link.append(said.get("href") or "")
        if tag == "img":
            words = said.get("alt") or "picture"
            self._parts.append(f"[{words}: {said.get('src') or ''}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS and tag != "li":
            self._parts.append("\n")
        if tag in ("td", "th"):
            self._parts.append(" ")
        if tag == "a" and self._link:
            address = self._link.pop()
            if address and address not in "".join(self._parts[-2:]):
                self._parts.append(f" ({address})")

    def handle_data(self, data: str) -> None:
        self._parts.append(data.replace("\n", " "))


def _clean(text: str) -> str:
    return nh3.clean(
        text,
        tags=set(TAGS),
        clean_content_tags=set(GONE_WITH_CONTENT),
        attributes={name: set(names) for name, names in ATTRIBUTES.items()},
        url_schemes=set(SCHEMES),
        strip_comments=True,
        link_rel=None,
    ).strip()


def _as_link(source: str, words: str) -> str:
    said = entities.escape(words or "picture")
    if source.casefold().startswith(("http://", "https://")):
        return f'<a href="{entities.escape(source, quote=True)}">{said}</a>'
    return f"[{said}]"


def _fitted(text: str, limit: int, cut: bool, *notes: str | None) -> Cell:
    """The text where it fits; where it is to be cut, as much of it as closes within the limit."""
    if not _says_something(text):
        return Cell(note=kept("", *notes).note)
    if len(text) <= limit or not cut:
        return at_most(kept(text, *notes), limit)
    room = limit - len(ENDING)
    while room > 0:
        part = _clean(PARTIAL.sub("", text[:room]).rstrip())
        if len(part) + len(ENDING) <= limit:
            return kept(part + ENDING, *notes, "cut_short_marked")
        room -= max(1, len(part) + len(ENDING) - limit)
    return at_most(kept(text, *notes), limit)


def _not_longer(cell: Cell, limit: int, cut: bool) -> Cell:
    if not cut or not isinstance(cell.value, str) or len(cell.value) <= limit:
        return at_most(cell, limit)
    return kept(cell.value[: max(0, limit - len(ENDING))].rstrip() + ENDING, cell.note, "cut_short_marked")


def _says_something(text: str) -> bool:
    return bool(re.sub(r"<(?!img\b|hr\b)[^>]*>|&nbsp;|\s|\u00a0", "", text))
