"""What `engagement.toml` says, and the one credential that it never says."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from workbench.errors import EngagementError, listed
from workbench.specs import Scalar

__all__ = [
    "CREDENTIALS",
    "KEY",
    "SETTINGS",
    "SOURCE_CREDENTIALS",
    "SOURCE_KEY",
    "Settings",
    "checked",
    "has_grant",
    "read_key",
    "read_secrets",
    "read_settings",
    "read_source_credentials",
    "write_private",
    "write_settings",
]

SETTINGS, CREDENTIALS = "engagement.toml", ".credentials"
PRIVATE = ("access_token", "refresh_token", "client_secret")
KEY = "WORKBENCH_KEY"
"""The environment variable whose key goes before the file's."""
SOURCE_CREDENTIALS, SOURCE_KEY = ".source-credentials", "WORKBENCH_SOURCE_KEY"
SOURCE_SECRETS = {"key": SOURCE_KEY, "user": "WORKBENCH_SOURCE_USER", "password": "WORKBENCH_SOURCE_PASSWORD"}
"""What a source with an API is signed in to with, and the environment variable that goes before the file's."""
IN_ADDRESS = re.compile(r"://[^/@]*:[^/@]*@|[?&](api_?(key|token)|token|password)=", re.IGNORECASE)


class Settings(BaseModel):
    """One engagement in a file. A key for the destination is never part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: str  # a name, or route.toml for one of the engagement's own
    customer: str = ""
    created: str
    engagement_id: str
    base_url: str = ""  # of the destination's API, as its file shows one
    edition: str = ""  # the destination's first one when empty
    plan: str = "growth"
    zone: str = ""  # of times that carry none; the source's own when empty
    region: str = Field(default="", pattern=r"^([A-Z]{2})?$")  # of telephone numbers without one; the source's own when empty
    time_scale: float = Field(default=1.0, gt=0)  # of a rehearsal; 1 in earnest
    store: str = ""  # an SQLAlchemy URL without a password; workbench.db when empty
    destination: dict[str, Scalar] = {}  # laid over the settings of the destination's file
    source: dict[str, Scalar] = {}  # of one with an API: its url, and how it is asked; never a key

    @field_validator("base_url", "store")
    @classmethod
    def _no_password(cls, address: str) -> str:
        if IN_ADDRESS.search(address):
            raise ValueError("an address carries no password and no key; put the key into the environment")
        return address

    @field_validator("source")
    @classmethod
    def _no_secret(cls, source: dict[str, Scalar]) -> dict[str, Scalar]:
        if IN_ADDRESS.search(str(source.get("url", ""))) or set(source) & set(SOURCE_SECRETS):
            raise ValueError("settings carry no password and no key; put them into the environment")
        return source


def read_settings(root: Path) -> Settings:
    """The settings of an engagement; EngagementError says which line may not be."""
    try:
        return Settings.model_validate(tomllib.loads((root / SETTINGS).read_text(encoding="utf-8")))
    except OSError as refused:
        raise EngagementError("the settings cannot be read", found=str(refused.strerror), where=SETTINGS) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise EngagementError(
            f"{SETTINGS} is not valid TOML", found=str(broken), where=SETTINGS, todo="mend the line that it names"
        ) from None
    except ValidationError as wrong:
        raise _unfit(wrong) from None


def write_settings(root: Path, settings: Settings) -> None:
    """Write the file anew, in one step."""
    text = tomli_w.dumps(settings.model_dump())
    temporary = root / f".{SETTINGS}.new"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(root / SETTINGS)


def checked(said: Mapping[str, object]) -> Settings:
    """Settings from loose values; EngagementError instead of the library's own."""
    try:
        return Settings.model_validate(said)
    except ValidationError as wrong:
        raise _unfit(wrong) from None


def read_key(root: Path) -> str:
    """The key of the destination: $WORKBENCH_KEY, else the file `.credentials`; empty where neither is.

    EngagementError where others may read the file: a key that others could read is no longer a secret.
    """
    named = os.environ.get(KEY, "").strip()
    if named:
        return named
    said = _credentials(root)
    return str(_grant(said).get("access_token", "")) if said.startswith("{") else said


def read_secrets(root: Path) -> list[str]:
    """Everything that may stand nowhere else: the key, and of an OAuth grant its tokens and the app's secret."""
    grant, source = _grant(_credentials(root)), read_source_credentials(root)
    hidden = (source.get("key", ""), source.get("password", ""))  # the user's name is told apart nowhere from a person's
    return [value for value in (read_key(root), *(str(grant.get(name, "")) for name in PRIVATE), *hidden) if value]


def read_source_credentials(root: Path) -> dict[str, str]:
    """Key, user and password of the source: each from the environment, else from `.source-credentials`.

    The file holds a JSON object with these names, or the key and nothing else.
    """
    said = _credentials(root, SOURCE_CREDENTIALS)
    kept = _grant(said, SOURCE_CREDENTIALS) if said.startswith("{") else {"key": said}
    named = {name: os.environ.get(variable, "").strip() for name, variable in SOURCE_SECRETS.items()}
    return {name: value or str(kept.get(name, "")) for name, value in named.items()}


def has_grant(root: Path) -> bool:
    """Whether the account is reached by an OAuth grant, which is renewed, and not by a key."""
    return not os.environ.get(KEY, "").strip() and bool(_grant(_credentials(root)))


def _grant(said: str, name: str = CREDENTIALS) -> dict[str, object]:
    try:
        grant = json.loads(said) if said.startswith("{") else {}
    except ValueError:
        raise EngagementError(
            f"{name} begins like JSON and is none",
            expected="JSON with client_id, client_secret, access_token, refresh_token; or the key and nothing else"
            if name == CREDENTIALS
            else "JSON with key, user, password; or the key and nothing else",
            where=name,
            todo="write it anew",
        ) from None
    return grant if isinstance(grant, dict) else {}


def _credentials(root: Path, name: str = CREDENTIALS) -> str:
    """What the file holds; empty where there is none."""
    path = root / name
    if not path.exists():
        return ""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise EngagementError(
            "others on this machine can read the key",
            expected="a file that its owner alone may read (0600)",
            found=f"0{mode:o}",
            where=name,
            todo=f"take a new key from the vendor if others use this machine, then: chmod 600 {name}",
        )
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that is never readable by anybody else, not even for a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text)


def _unfit(wrong: ValidationError) -> EngagementError:
    # A misspelt key is two errors, one of which says what to mend.
    first = min(wrong.errors(include_input=False, include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    unknown = first["type"] == "extra_forbidden"
    return EngagementError(
        "the settings say something that they may not",
        expected=listed(tuple(Settings.model_fields), limit=40) if unknown else "",
        found=f"the key {place!r}" if unknown else first["msg"],
        where=f"{SETTINGS}: {place}",
        todo="take the key away, or spell it as one of these" if unknown else "mend the value",
    )
