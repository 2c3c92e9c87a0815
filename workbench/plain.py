"""What a result shows as HTML, told as plain text: for terminals, logs, and front ends that draw no HTML."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html.parser import HTMLParser

__all__ = ["Shown", "plain"]

WIDEST = 72
"""Letters of one cell in plain text; of a longer one the beginning is told."""
UNTOLD = frozenset({"style", "script", "title", "svg"})
BREAKS = frozenset({"p", "div", "li", "br", "caption", "summary", "h1", "h2", "h3", "h4", "section", "ol", "ul", "table"})
VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})


class Shown(ABC):
    """What has a `_repr_html_`: its `repr` says the same in plain text, so that nobody is left with less."""

    @abstractmethod
    def _repr_html_(self) -> str: ...

    def __repr__(self) -> str:
        return plain(self._repr_html_())


def plain(html: str) -> str:
    """The words of a piece of HTML: a line for a paragraph, tables in columns, of what is folded only that it is there."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "\n".join(reader.told())


class _Cell:
    """One cell on its way into a table."""

    def __init__(self, *, right: bool) -> None:
        self.right, self.text = right, ""


class _Reader(HTMLParser):
    """Reads HTML that the workbench made, and keeps its words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._rows: list[list[_Cell]] = []  # of the table that is open
        self._cell: _Cell | None = None
        self._text = ""
        self._silent: list[str] = []  # tags below which nothing is told

    def told(self) -> list[str]:
        """The lines, without empty ones."""
        self._break()
        return self._lines

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if self._silent or tag in UNTOLD or (said.get("aria-hidden") == "true" and tag not in VOID):
            if tag not in VOID:
                self._silent.append(tag)
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._cell = _Cell(right="n" in (said.get("class") or "").split())
            self._rows[-1].append(self._cell)
        elif tag in BREAKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif tag in ("td", "th"):
            self._cell = None
        elif tag == "table":
            self._end_table()
        elif tag == "summary":
            self._break()
            self._silent.append("details")  # what lies below it is folded
        elif tag in BREAKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._cell is not None:
            self._cell.text += data
        else:
            self._text += data

    def _break(self) -> None:
        if self._cell is not None:
            self._cell.text += " "
            return
        text = " ".join(self._text.split())
        self._text = ""
        if text:
            self._lines.append(text)

    def _end_table(self) -> None:
        rows = [[(cell.right, _short(cell.text)) for cell in row] for row in self._rows if row]
        self._rows, self._cell = [], None
        wide = max((len(row) for row in rows), default=0)
        widths = [max((len(row[n][1]) for row in rows if n < len(row)), default=0) for n in range(wide)]
        for row in rows:
            cells = [
                text.rjust(width) if right else text.ljust(width) for (right, text), width in zip(row, widths, strict=False)
            ]
            if line := "  ".join(cells).rstrip():
                self._lines.append(f"  {line}")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= WIDEST else f"{words[: WIDEST - 2]} …"
