"""The child process of ``running``; people start a stand-in with ``workbench rehearse``."""

from __future__ import annotations

from workbench.rehearsal import serve
from workbench.rehearsal.child import child

child(serve)
