"""What every stand-in is built on: one state file, a clock, limits, faults, switches, and the wire in front."""

from workbench.rehearsal.engine.contract import Call, House, Refusal, Reply, StandIn, as_json
from workbench.rehearsal.engine.limits import Clock, Cost, Left, Limiter, Standing, Window
from workbench.rehearsal.engine.state import Entry, Job, Json, Record, State, Traits
from workbench.rehearsal.engine.switches import Switch, Switches

__all__ = [
    "Call",
    "Clock",
    "Cost",
    "Entry",
    "House",
    "Job",
    "Json",
    "Left",
    "Limiter",
    "Record",
    "Refusal",
    "Reply",
    "StandIn",
    "Standing",
    "State",
    "Switch",
    "Switches",
    "Traits",
    "Window",
    "as_json",
]
