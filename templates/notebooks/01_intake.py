# %% [markdown]
# # 1 · Intake — did we get everything we asked for?
#
# **{route}** for **{customer}**.
#
# Before anything is mapped we look at the files themselves. Is every file there? Can every line be read? Do the counts meet
# the totals that came with the delivery? A gap that is found today costs one e-mail; the same gap found after the load costs a week.
#
# Nothing is written anywhere but into this engagement's own folder.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import intake

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "intake")

# %% [markdown]
# ## What arrived
#
# One line a file: how it is written, how many rows it holds, and whatever makes it doubtful. Doubtful lines are shown with their number, so that anyone can look them up.

# %%
received = intake.run(engagement)
received

# %% [markdown]
# ## Exceptions
#
# What did not pass can be waived, problem by problem or as a whole: by name, in a role and with a reason. The waiver holds for what it was
# given for and for nothing else; it is printed here, above once that cell has run again, and in the certificate. There is no other way past.

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.waivers(engagement)

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
received.frame

# %% [markdown]
# ## What next
#
# Where intake has passed, **02 · Discovery** looks into the tables. Where it has not, the lines above say which file to ask for again.
