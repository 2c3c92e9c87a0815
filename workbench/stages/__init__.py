"""The flow, one module per step: each has `run(engagement) -> Result`, and `plan(engagement)` where it would write."""
