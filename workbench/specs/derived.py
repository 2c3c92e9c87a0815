"""What a route may declare that stands in no table of the source: files found in one, and records that take the orphans."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from workbench.specs.spec import Spec

__all__ = ["Derived", "FixedRecord"]

OVER_LIMIT = ("split", "compress", "link", "skip", "manual")


class Derived(Spec):
    """A table that is made of another one before anything is staged: one row an inline image, or one row a file.

    ``images`` takes the pictures out of an HTML column; ``files`` reads a list of files. Besides the columns of the
    table that it is made of it has `file_id`, `file`, `file_name`, `bytes`, `sha256`, `content_type` and `problem`.
    """

    name: str
    about: str
    kind: Literal["images", "files"]
    table: str
    column: str = ""  # images: the HTML; files: the path inside the delivery
    folder: str = ""  # of the delivery, to which paths are relative
    file_name: str = ""  # files: column with the name that a person gave; the path's own when empty
    content_type: str = ""  # files: column; told from the name when empty
    sha256: str = ""  # files: column with the digest that the file should have
    bytes: str = ""  # files: column with the size that the file should have
    over_limit: str = "manual"  # split, compress, link, skip or manual; `scope:<question>` takes the answer
    limit: int = 25 * 1024 * 1024  # bytes that the destination takes

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.column:
            raise ValueError(f"the table {self.name} is made of a column, which it names in `column`")
        if not self.over_limit.startswith("scope:") and self.over_limit not in OVER_LIMIT:
            raise ValueError(f"over_limit is one of {', '.join(OVER_LIMIT)}, or scope:<question>")
        return self


class FixedRecord(Spec):
    """A record that no row asks for by itself: the one that takes those who have no parent of their own."""

    feed: str
    name: str  # how lookups call it
    fields: dict[str, str]
    owner: str = "(blank)"  # decided on like an owner of the export
    about: str = ""
