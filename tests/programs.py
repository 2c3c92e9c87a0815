"""Programs that tests start in processes of their own, to kill them or to speak with them, and the kernels of notebooks.

The modules that they read take a second and more, and there are hundreds: a run of the tests forks them out of a process
that has read the workbench already. `started` itself is what starts one where no run has put the other in its place.
"""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

from forking import Template, serve_forks

__all__ = ["ran", "started", "warm_kernels", "warm_programs"]

CODE = [
    "encodings.idna",
    "ipykernel.inprocess",
    "ipykernel.kernelapp",
    "psycopg",
    "pyarrow.pandas_compat",
    "pysqlite3",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "workbench.cli",
    "workbench.destinations.freshsales",
    "workbench.destinations.pipedrive",
    "workbench.extraction",
    "workbench.extraction.soffront",
    "workbench.ledger.loading",
    "workbench.ledger.probing",
    "workbench.ledger.unloading",
    "workbench.notebooks",
    "workbench.package",
    *(f"workbench.stages.{stage}" for stage in ("cutover", "probes", "production", "provisioning", "rollback", "sample")),
    "workbench.widgets.table",
]
"""What the programs read, all of it together."""
KERNEL = ["-m", "ipykernel_launcher"]
OF_KERNELS = {"stdin", "stdout", "stderr", "cwd", "env", "start_new_session"}
"""What is said of a kernel when it is started; where more is said, it is started as ever."""
Program = subprocess.Popen[str]


def started(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Program:
    """`python SCRIPT …` or `python -c CODE …`; the files are as `Popen` takes them, and pipes carry text."""
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env=environment, cwd=folder, stdin=stdin, stdout=stdout, stderr=stderr, text=True)


def ran(arguments: Sequence[str], *, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same to its end, with everything that it has said."""
    pipe = subprocess.PIPE
    with started(arguments, folder=folder, stdout=pipe, stderr=pipe) as process, ThreadPoolExecutor(1) as aside:
        assert process.stdout is not None and process.stderr is not None
        errors = aside.submit(process.stderr.read)
        said = process.stdout.read()
        return subprocess.CompletedProcess([*arguments], process.wait(), said, errors.result())


@contextmanager
def warm_programs() -> Iterator[Callable[..., Program]]:
    """What takes the place of `started` for a run of the tests."""
    with closing(Template(Path(__file__))) as template:

        def warm(
            arguments: Sequence[str],
            *,
            environment: Mapping[str, str] | None = None,
            folder: Path | None = None,
            stdin: int | None = None,
            stdout: int | None = None,
            stderr: int | None = None,
        ) -> Program:
            known = dict(os.environ if environment is None else environment)
            wish = {"arguments": list(arguments), "environment": known, "folder": str(folder or Path.cwd())}
            return cast(Program, template.start(wish, stdin=stdin, stdout=stdout, stderr=stderr))

        yield warm


def warm_kernels(cold: Callable[..., Any]) -> Callable[..., Any]:
    """What takes the place of the `Popen` that starts kernels."""

    def warm(command: Sequence[str], **said: Any) -> Any:
        if list(command[1:3]) != KERNEL or set(said) - OF_KERNELS:
            return cold(command, **said)
        files = {name: said.get(name) for name in ("stdin", "stdout", "stderr")}
        return started(command[1:], environment=said["env"], folder=said.get("cwd"), **files)

    return warm


def _be(wish: dict[str, Any]) -> NoReturn:
    """What the interpreter does once it has started; it ends as any other does, by leaving the outermost module."""
    script, *rest = wish["arguments"]
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    first = "" if script in ("-c", "-m") else str(Path(script).resolve().parent)
    sys.path[:0] = [first, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if script == "-c":
        sys.argv = ["-c", *rest[1:]]
        module = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), vars(module))
    elif script == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [script, *rest]
        runpy.run_path(script, run_name="__main__")
    raise SystemExit(0)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        serve_forks(asked, CODE, _be)
