"""The manners of every part of a TOML file: frozen, and deaf to no misspelt key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Options", "Scalar", "Spec"]

Scalar = str | int | float | bool
Options = dict[str, Scalar | list[str] | dict[str, str]]


class Spec(BaseModel):
    """A part of a file: frozen, and deaf to no misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
