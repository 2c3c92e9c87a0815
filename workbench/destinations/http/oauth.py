"""Signing in by OAuth: an access token that ends within the hour, and the refresh token that brings the next one.

Vendors take the old refresh token back when they give a new one, so the new one is on the disk before anybody uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from workbench.destinations import Secret
from workbench.errors import DestinationBusy, EngagementError, WrongKey

__all__ = ["Grant"]

NEEDED = ("client_id", "client_secret", "access_token", "refresh_token")
TRIES = 4
TIMEOUT = 30.0
AGAIN = "sign the workbench in again at the destination, and write the new grant into .credentials; nothing was lost"


class Grant:
    """The grant of one account in one private file (0600): client_id, client_secret, access_token, refresh_token.

    Threads and processes may share it: whoever comes first renews it, and the others take what that brought.
    """

    def __init__(self, path: Path, *, token_url: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._path = path
        self._url = httpx.URL(token_url)
        self._pause = pause
        self._lock = threading.Lock()

    def key(self) -> Secret:
        """The access token of now."""
        return Secret(self._read()["access_token"])

    def renew(self, stale: Secret) -> Secret:
        """The access token that follows a stale one. WrongKey where the vendor has ended the grant."""
        with self._lock, self._alone():
            kept = self._read()
            if kept["access_token"] == stale.reveal():
                kept = self._renewed(kept)
                self._write(kept)
            return Secret(kept["access_token"])

    def _renewed(self, kept: dict[str, str]) -> dict[str, str]:
        """The grant with new tokens. An answer that was lost is asked for again, with the token that is on the disk."""
        found = ""
        for attempt in range(TRIES):
            if attempt:
                self._pause(2.0**attempt)
            try:
                answer = self._asked(kept)
            except httpx.HTTPError as error:
                found = type(error).__name__
                continue
            data = _data(answer)
            if answer.status_code == 200 and data.get("access_token"):
                fresh = {name: str(data[name]) for name in ("access_token", "refresh_token") if data.get(name)}
                return {**kept, **fresh}
            if 400 <= answer.status_code < 500 and answer.status_code != 429:
                raise WrongKey(
                    "the destination does not renew its access",
                    found=f"{answer.status_code} {str(data.get('error') or '')[:40]}".strip(),
                    where=f"POST {self._url.host}{self._url.path}",
                    todo=AGAIN,
                )
            found = f"{answer.status_code}"
        raise DestinationBusy(
            "nobody renews the access to the destination",
            found=found,
            where=f"POST {self._url.host}{self._url.path}",
            todo="wait until the service is up, then resume; nothing was lost",
        )

    def _asked(self, kept: dict[str, str]) -> httpx.Response:
        trusted = self._url.host not in ("127.0.0.1", "::1", "localhost")
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=trusted) as client:
            return client.post(
                self._url,
                auth=(kept["client_id"], kept["client_secret"]),
                data={"grant_type": "refresh_token", "refresh_token": kept["refresh_token"]},
                headers={"Accept": "application/json"},
            )

    def _read(self) -> dict[str, str]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = None
        if not isinstance(kept, dict) or not all(isinstance(kept.get(name), str) and kept[name] for name in NEEDED):
            raise EngagementError(
                "the OAuth grant cannot be read",
                expected=f"JSON with {', '.join(NEEDED)}",
                where=self._path.name,
                todo=AGAIN,
            )
        return kept

    def _write(self, kept: dict[str, str]) -> None:
        """On the disk, whole and private, before it is used: the vendor may have taken the old token back."""
        temporary = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)
            json.dump(kept, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time; the lock lies beside the file, as the file itself is replaced."""
        lock = self._path.with_name(f"{self._path.name}.lock")
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def _data(answer: httpx.Response) -> dict[str, Any]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
