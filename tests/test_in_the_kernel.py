"""What a consultant's kernel does with an engagement: names that the Tab key offers, and errors in a few lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from workbench.engagement import PHASES, new_engagement

QUICK = 120  # seconds until a kernel has answered
OPENING = "import workbench as wb\nfrom workbench import widgets\nengagement = wb.open_engagement()"


@dataclass(frozen=True)
class Kernel:
    """A kernel and who asks it."""

    client: BlockingKernelClient

    def run(self, code: str) -> list[dict[str, Any]]:
        """What a cell shows, message by message, each with its type."""
        asked, shown = self.client.execute(code), []
        while True:
            message = self.client.get_iopub_msg(timeout=QUICK)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return shown
            shown.append({"type": kind, **content})

    def error(self, code: str) -> list[str]:
        """The lines of the error in which a cell ends."""
        found = next(each for each in self.run(code) if each["type"] == "error")
        return "\n".join(found["traceback"]).splitlines()

    def complete(self, code: str) -> list[str]:
        """What the Tab key offers behind this."""
        asked = self.client.complete(code)
        while True:
            reply = self.client.get_shell_msg(timeout=QUICK)
            if reply["parent_header"].get("msg_id") == asked:
                offered: list[str] = reply["content"]["matches"]
                return offered


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel in an engagement's folder, as JupyterLab starts it, with the opening cell of a notebook behind it."""
    root = tmp_path_factory.mktemp("kernel") / "e"
    new_engagement(root, route="promio_to_freshsales", customer="Bright Roof").store.dispose()
    manager = KernelManager(transport_encryption="auto")
    own = {"WORKBENCH_USER": "Kim", "IPYTHONDIR": str(root.parent / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH")} | own
    path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
    manager.start_kernel(cwd=str(root), env={**environment, "PYTHONPATH": path})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=QUICK)
        asked = Kernel(client)
        assert [each["type"] for each in asked.run(OPENING)] == ["status", "execute_input"]
        asked.run('header = widgets.header(engagement, "mapping")')
        yield asked
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_tab_offers_the_phases_of_an_engagement_and_nothing_private(kernel: Kernel) -> None:
    offered = kernel.complete("engagement.")
    assert set(PHASES) <= set(offered)
    assert {"gate", "waive", "decisions", "status"} <= set(offered)
    assert [name for name in offered if name.startswith("_")] == []
    assert kernel.complete("engagement.prov") == ["provisioning"]
    assert {"state", "reasons", "summary"} <= set(kernel.complete("engagement.mapping."))
    assert "open_engagement" in kernel.complete("wb.")
    assert "gate" in kernel.complete("widgets.")


def test_an_engagement_and_a_phase_show_themselves_as_html_and_as_text(kernel: Kernel) -> None:
    whole, phase = (kernel.run(code)[-1]["data"] for code in ("engagement", "engagement.mapping"))
    assert "Bright Roof" in whole["text/html"] and "Next: 1 · Intake" in whole["text/plain"]
    assert "object at 0x" not in whole["text/plain"]
    assert phase["text/plain"] == "mapping: it has not run yet"


def test_a_closed_gate_shows_what_is_lacking_the_form_and_what_to_do(kernel: Kernel) -> None:
    shown = kernel.run('widgets.gate(engagement, "mapping")')
    data = [each["data"] for each in shown if each["type"] == "display_data"]
    assert "intake" in data[0]["text/plain"] and "it has not run yet" in data[0]["text/plain"]
    assert [each["text/plain"] for each in data[1:]] == ["Decisions of this session: Kim", "Waivers: none"]
    last = "\n".join(shown[-1]["traceback"]).splitlines()[-1]
    assert last.startswith("  → finish intake first") and "workbench waive DIR intake" in last


def test_an_error_from_within_ends_in_what_to_do_and_keeps_its_stack_for_whoever_asks(kernel: Kernel) -> None:
    lines = kernel.error("from workbench.stages import mapping\nmapping.run(None)")
    assert len(lines) == 3
    assert lines[0].startswith("AttributeError: 'NoneType'")
    assert lines[1].startswith("  where: workbench/stages/mapping.py, line ")
    assert lines[2].startswith("  → ") and "%tb" in lines[2]
    assert len(kernel.error("%tb")) > 10


def test_errors_of_ones_own_lines_keep_their_stack(kernel: Kernel) -> None:
    assert any("Traceback" in line for line in kernel.error("1 / 0"))


def test_our_own_errors_are_words_without_a_stack(kernel: Kernel) -> None:
    lines = kernel.error('engagement.load("nothing")')
    assert lines[0] == "EngagementError: nothing is not staged"
    assert lines[-1].startswith("  → run the phase that stages it")
