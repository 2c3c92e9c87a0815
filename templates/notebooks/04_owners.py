# %% [markdown]
# # 4 · Owners — who owns what over there?
#
# **{route}** for **{customer}**.
#
# Every record arrives with an owner who exists and is active in the destination. People who left, shared mailboxes and names
# without an address are where migrations go wrong quietly, so each is decided here. The table shows what hangs on each answer:
# how many records, and how much open value.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import owners

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "owners")

# %% [markdown]
# ## May this phase begin?
#
# The map has to be confirmed.

# %% tags=["gate"]
widgets.gate(engagement, "owners")

# %% [markdown]
# ## Owners in the export, users in the destination

# %%
proposals = owners.propose(engagement)

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "owner")

# %% tags=["gate"]
answers = engagement.decisions.require("owner", where="04_owners")

# %%
owned = owners.run(engagement)
owned

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
owned.frame

# %% [markdown]
# ## What next
#
# **05 · Provisioning** makes the destination ready: fields, options, pipelines, and quiet.
