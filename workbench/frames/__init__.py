"""The pure heart of a migration: DataFrame in and out, no disk, no network; what a partition runs."""

from __future__ import annotations

from workbench.frames.profile import Inference, Profile, infer_type

__all__ = ["Inference", "Profile", "infer_type"]
