"""Runs tap-pipedrive as published, with its one constant for the host set to a rehearsal on this machine."""

from __future__ import annotations

import os

from tap_pipedrive import tap
from tap_pipedrive.cli import main

tap.BASE_URL = os.environ["PIPEDRIVE_ROOT"]
main()
