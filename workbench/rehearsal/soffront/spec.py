"""What a recipe of a Soffront account may say; the rows themselves lie in the folder that it names."""

from __future__ import annotations

from pydantic import Field

from workbench.rehearsal.engine.recipes import Part, Text

USER, PASSWORD = "migration@example.com", "rehearsal-only"
"""Who signs in where the recipe names nobody else; the developer's key is the rehearsal's own."""


class Account(Part):
    """The CRM user whose name and password get a token."""

    user: Text = USER
    password: Text = PASSWORD


class Tenant(Part):
    """The whole recipe."""

    folder: Text
    account: Account = Field(default_factory=Account)
    profile: dict[str, dict[str, str]] = Field(default_factory=dict)  # laid over the package's own
    switches: dict[str, str] = Field(default_factory=dict)
