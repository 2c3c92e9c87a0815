# %% [markdown]
# # Rollback — put the destination back as it was
#
# **{route}** for **{customer}**.
#
# The ledger is followed backwards. Records that this engagement made are taken away; fields that it changed get their earlier
# value back where they still hold what was loaded. Whatever a person has edited since stays, and is listed. Every record ends as
# *reversed*, *kept* or *errored*.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import rollback

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "rollback")

# %% [markdown]
# ## What would be put back
#
# This cell only reads. Look at the records that would be kept: somebody has worked on them.

# %%
rollback.plan(engagement)

# %% [markdown]
# ## Put it back

# %%
restored = rollback.run(engagement)
restored

# %% [markdown]
# ## What next
#
# The destination stands as before. The decisions are kept; the engagement can be taken up again at any phase.
