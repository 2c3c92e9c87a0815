"""Parts of a migration run in processes of their own, and killed on the way, by the requests that a stand-in has answered."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import programs

__all__ = ["answered", "killed"]

PAUSE = 0.01
HERE = Path(__file__).parent


def answered(state: Path) -> int:
    """How many requests a stand-in has answered so far, asked of its file: it is not disturbed, and asking costs little."""
    with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM log").fetchone()[0])


def killed(script: Path, arguments: Sequence[str], *, requests: Callable[[], int], after: Sequence[int]) -> int:
    """Run a script again and again, and kill it after so many requests each, until it has ended by itself; returns the kills.

    It sees the code of this tree, and what lies beside it.
    """
    kills = 0
    path = os.pathsep.join([str(HERE.parent), str(HERE), str(script.parent)])
    for most in (*after, None):
        start = requests()
        with programs.started([str(script), *arguments], environment={**os.environ, "PYTHONPATH": path}) as process:
            while process.poll() is None:
                if most is not None and requests() - start >= most:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                time.sleep(PAUSE)
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, f"{script.name} {arguments[0]} ended with {process.returncode}"
            break
        kills += 1
    return kills
