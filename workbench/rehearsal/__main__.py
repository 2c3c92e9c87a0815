"""``python -m workbench.rehearsal log FILE`` and ``dump FILE``; without words, the child process of ``running``."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.rehearsal import canonical, dump, log, serve
from workbench.rehearsal.child import child


def told(words: list[str]) -> str:
    """What a state file holds, as text: the request log as CSV, or the tenant as canonical JSON."""
    match words:
        case ["log", file]:
            return log(Path(file)).to_csv(index=False)
        case ["dump", file]:
            return canonical(dump(Path(file)))
    raise WorkbenchError("say log FILE or dump FILE", found=" ".join(words))


if len(sys.argv) == 1:
    child(serve)
else:
    try:
        sys.stdout.write(told(sys.argv[1:]))
    except WorkbenchError as error:
        sys.exit(str(error))
