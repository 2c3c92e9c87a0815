# %% [markdown]
# # Rollback — put the destination back as it was
#
# **{route}** for **{customer}**.
#
# The ledger is followed backwards. Records that this engagement made are taken away; fields that it changed get their earlier
# value back where they still hold what was loaded. Whatever a person has edited since, or built upon, stays. Every record ends in
# one of three lists: *reversed*, *kept*, *errored*. An interrupted rollback goes on where it stopped.

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
# ## What people changed
#
# Field by field, in the records that were kept: what the field held before us, what we wrote, what it holds now.

# %%
restored.edits

# %% [markdown]
# ## What next
#
# The destination stands as before. The decisions are kept; the engagement can be taken up again at any phase.
