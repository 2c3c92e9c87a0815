"""The lock on an engagement's folder: one process of this machine at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.clock import now
from workbench.errors import EditError, EngagementLocked
from workbench.journal import person

__all__ = ["START_LOCK", "folder_lock", "held"]

LOCK, START_LOCK = ".lock", ".start.lock"
"""Held by whoever changes the engagement, and by the kernel that keeps its start page current."""


@contextmanager
def folder_lock(root: Path) -> Iterator[None]:
    """Hold the folder to the end of the block; EngagementLocked names who else does. It ends with its process."""
    try:
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as refused:
        raise EditError(
            "the engagement cannot be locked, and so not be changed",
            found=refused.strerror or str(refused),
            where=str(root / LOCK),
            todo="see that you may write there and that the disk is neither full nor read-only",
        ) from None
    with os.fdopen(descriptor, "r+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EngagementLocked(
                "another run is writing to this engagement",
                found=stream.read().strip() or "a run that has just begun",
                where=str(root),
                todo="wait until it has ended, or end it; what it has done is kept",
            ) from None
        stream.truncate(0)
        with suppress(OSError):  # on a full disk it is held all the same, and only bears no name
            os.write(descriptor, f"{person()}, process {os.getpid()} on {socket.gethostname()}, since {now()}\n".encode())
        try:
            yield
        finally:
            stream.truncate(0)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock of this file to the end of the block, if nobody else does; whether it is held here."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
