"""What a recipe of a FastTrack account may say; the rows themselves lie in the folder that it names."""

from __future__ import annotations

from pydantic import Field

from workbench.rehearsal.engine.recipes import Part, Text


class Tenant(Part):
    """The whole recipe."""

    folder: Text
    switches: dict[str, str] = Field(default_factory=dict)
