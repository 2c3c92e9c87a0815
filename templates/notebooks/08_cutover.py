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
from workbench.stages import cutover

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "cutover")

# %% [markdown]
# ## May this phase begin?
#
# Production has to be passed.

# %% tags=["gate"]
engagement.gate("cutover")

# %% [markdown]
# ## The difference
#
# This cell only reads.

# %%
cutover.plan(engagement)

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "conflict")

# %% tags=["gate"]
engagement.decisions.require("conflict", where="08_cutover")

# %%
changed = cutover.run(engagement)
changed

# %%
changed.frame

# %%
engagement.status()

# %% [markdown]
# ## What next
#
# From here on the destination is the truth. **09 · Handoff** gathers what the customer keeps.
