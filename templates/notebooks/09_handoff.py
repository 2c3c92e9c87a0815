# %% [markdown]
# # 9 · Handoff — what does the customer keep, and what is rebuilt by hand?
#
# **{route}** for **{customer}**.
#
# The package holds the reconciliation, the list of what could not move and where it is now, the automations to rebuild, the
# decisions with their names and dates, and these notebooks as they ran. A manifest with digests and a signature says whether a
# byte was changed since; checking it needs no network.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import handoff

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "handoff")

# %% [markdown]
# ## May this phase begin?
#
# The cutover has to be passed.

# %% tags=["gate"]
widgets.gate(engagement, "handoff")

# %% [markdown]
# ## The documents

# %%
handed = handoff.run(engagement)
handed

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
handed.statements

# %% [markdown]
# ## What next
#
# `workbench package` closes the package and `workbench verify` proves it. Should the worst come to the worst, the notebook **rollback** puts the destination back as it was.
