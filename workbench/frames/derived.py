"""What is known of files that a table lists or a text holds, and what that makes of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COLUMNS", "ENDS", "KEY", "PROBLEM", "base_columns"]

KEY, PROBLEM = "file_id", "problem"
COLUMNS = (KEY, "file", "file_name", "bytes", "sha256", "content_type", "part", PROBLEM)
"""What a derived table has besides the columns of the table that it is made of; where names are the same these count."""

ENDS: Mapping[str, str] = MappingProxyType(
    {
        "image_elsewhere": "excluded",
        "file_skipped": "excluded",
        "file_linked": "excluded",
        "file_over_limit": "held",
        "image_missing": "rejected",
        "image_unreadable": "rejected",
        "file_missing": "rejected",
        "file_empty": "rejected",
        "file_differs": "rejected",
        "file_outside": "rejected",
    }
)
"""Why a file does not come along, and the bucket in which its row ends."""


def base_columns(columns: list[str], *, without: str = "") -> list[str]:
    """The columns of the table that a derived one is made of which it keeps."""
    return [name for name in columns if name not in COLUMNS and name != without]
