"""A consultant in a process of their own: the table of decisions, told on standard input what the page would tell it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import programs


@dataclass(frozen=True)
class Heard:
    """What the page would show after one message."""

    problems: Mapping[str, str]
    answers: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Consultant:
    """One of them, by name; `say` does not wait, so that two can speak at once."""

    name: str
    process: subprocess.Popen[str]

    @classmethod
    def sits_down(cls, folder: Path, name: str) -> Consultant:
        environment = {**os.environ, "WORKBENCH_USER": name}
        environment.pop("WORKBENCH_HEADLESS", None)
        started = programs.started(
            [__file__, str(folder)], environment=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return cls(name, started)

    def say(self, kind: str, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps({'kind': kind, **message})}\n")
        self.process.stdin.flush()

    def hear(self) -> Heard:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.name} ended with {self.process.wait()}"
        return Heard(**json.loads(line))

    def leave(self) -> None:
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()
            assert self.process.wait(60) == 0


def main(folder: str) -> None:
    from workbench.engagement import open_engagement
    from workbench.widgets.table import DecisionTable

    engagement = open_engagement(folder)
    table = DecisionTable(engagement, "field")
    said: list[dict[str, Any]] = []
    table.send = lambda content, buffers=None: said.append(content)
    _tell({}, table.answers)
    for line in sys.stdin:
        table._handle_custom_msg(json.loads(line), [])
        _tell(said[-1]["problems"], table.answers)
    engagement.store.dispose()


def _tell(problems: Mapping[str, str], answers: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps({'problems': problems, 'answers': answers})}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
