# %% [markdown]
# # 8 · Cutover — what changed meanwhile, and is it final?
#
# **{route}** for **{customer}**.
#
# People went on working in the old system, and some began in the new one. The last export is compared with what was loaded and
# with what stands in the destination now. A field that changed on one side only follows that side. A field that changed on both
# is a question for a person, and nothing is overwritten before it is answered.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import cutover, discovery, intake, mapping, owners, transform

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "cutover")

# %% [markdown]
# ## May this phase begin?
#
# Production has to be passed.

# %% tags=["gate"]
widgets.gate(engagement, "cutover")

# %% [markdown]
# ## What came last
#
# The last delivery is read like the first one. Where none came, these cells say so, and nothing changes.

# %%
received = intake.run(engagement, "delta")
received

# %% [markdown]
# ## New questions
#
# A new number may be somebody who is here already; a new value or a new owner may have no answer yet. What was decided before
# stays decided.

# %%
proposals = discovery.propose(engagement, "delta")

# %%
proposals = mapping.propose_options(engagement)

# %%
proposals = owners.propose(engagement)

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "duplicate")

# %% tags=["asks"]
widgets.decision_table(engagement, "link")

# %% tags=["asks"]
widgets.decision_table(engagement, "value")

# %% tags=["asks"]
widgets.decision_table(engagement, "owner")

# %% tags=["gate"]
answers = engagement.decisions.require("duplicate", where="08_cutover")

# %% tags=["gate"]
answers = engagement.decisions.require("link", where="08_cutover")

# %% tags=["gate"]
answers = engagement.decisions.require("value", where="08_cutover")

# %% tags=["gate"]
answers = engagement.decisions.require("owner", where="08_cutover")

# %% [markdown]
# ## The difference
#
# Three sides are compared: what was loaded, what the export says now, what the destination says now. This cell only reads.

# %%
staged = transform.run(engagement, "delta")
staged

# %%
cutover.plan(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "conflict")

# %% tags=["gate"]
answers = engagement.decisions.require("conflict", where="08_cutover")

# %% [markdown]
# ## Bring it over
#
# New records are made, changed fields are sent, and nothing else. A record whose row the export does not bring any more stays, and
# is listed.

# %%
changed = cutover.run(engagement)
changed

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
changed.accounting

# %% [markdown]
# ## What next
#
# From here on the destination is the truth. **09 · Handoff** gathers what the customer keeps.
