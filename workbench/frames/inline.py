"""Find the pictures inside a text with HTML, and put other addresses in their places."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, unquote, unquote_to_bytes

from workbench.recipes.markup import FILE_SCHEME

__all__ = ["Picture", "address_of", "decoded", "filled_in", "keys_in", "pictures", "with_addresses"]

DATA = re.compile(r"(?is)\s*data:(?P<type>[\w.+-]+/[\w.+-]+)?(?P<rest>(?:;[\w=.-]+)*?)(?P<coded>;base64)?,(?P<body>.*)")
PLACEHOLDER = re.compile(rf"{FILE_SCHEME}:([^\s\"'<>\]]+)")
TAG = re.compile(rf"<img\b[^<>]*\bsrc=\"{FILE_SCHEME}:([^\"]+)\"[^<>]*>")
ALT = re.compile(r"\balt=\"([^\"]*)\"")
WORDS = re.compile(rf"\[([^\[\]]*?):? ?{FILE_SCHEME}:([^\s\"'<>\]]+)\]")


@dataclass(frozen=True)
class Picture:
    """One picture as a text shows it: where its tag stands, the address, the words beside it."""

    start: int
    end: int
    source: str
    words: str


class _Pictures(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Picture] = []
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            line, column = self.getpos()
            start, said = self._lines[line - 1] + column, dict(attrs)
            words = (said.get("alt") or "").strip()
            whole = self.get_starttag_text() or ""
            self.found.append(Picture(start, start + len(whole), (said.get("src") or "").strip(), words))

    handle_startendtag = handle_starttag


def pictures(text: str) -> tuple[Picture, ...]:
    """The pictures of a text in their order; those inside comments and scripts are none."""
    return tuple(_Pictures(text).found) if "<img" in text.casefold() else ()


def decoded(source: str) -> tuple[bytes, str] | None:
    """The bytes and the type of a picture that stands in its own address; None where it is no such address or broken."""
    said = DATA.fullmatch(source)
    if said is None:
        return None
    try:
        body = unquote(said["body"]) if said["coded"] else said["body"]
        content = base64.b64decode(re.sub(r"\s+", "", body), validate=True) if said["coded"] else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return None
    return (content, (said["type"] or "text/plain").lower()) if content else None


def with_addresses(text: str, addresses: Sequence[str]) -> str:
    """The text with these addresses in the pictures' places, one a picture; where it is empty the picture stays as it is."""
    made, at = [], 0
    for picture, address in zip(pictures(text), addresses, strict=True):
        if address:
            words = f' alt="{escape(picture.words, quote=True)}"' if picture.words else ""
            made += [text[at : picture.start], f'<img src="{escape(address, quote=True)}"{words}>']
            at = picture.end
    return "".join([*made, text[at:]])


def address_of(key: str) -> str:
    """What stands for the file of a record key until it is uploaded."""
    return f"{FILE_SCHEME}:{quote(key, safe='/!~.-_')}"


def keys_in(text: str) -> tuple[str, ...]:
    """The record keys of the files that stand in a text, each once."""
    return tuple(dict.fromkeys(unquote(found) for found in PLACEHOLDER.findall(text)))


def filled_in(text: str, addresses: Mapping[str, str]) -> str:
    """The text with the addresses of uploaded files; of a file that has none its words remain, in brackets."""

    def tag(found: re.Match[str]) -> str:
        address, words = addresses.get(unquote(found[1]), ""), ALT.search(found[0])
        if address:
            return found[0].replace(f"{FILE_SCHEME}:{found[1]}", escape(address, quote=True))
        return f"[{words[1] if words and words[1] else 'picture'}]"

    def words(found: re.Match[str]) -> str:
        address = addresses.get(unquote(found[2]), "")
        return f"[{found[1]}: {address}]" if address else f"[{found[1]}]"

    return WORDS.sub(words, TAG.sub(tag, text))
