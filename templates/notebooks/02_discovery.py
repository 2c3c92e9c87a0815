# %% [markdown]
# # 2 · Discovery — what is in it?
#
# **{route}** for **{customer}**.
#
# Every column is described by what it holds, not by what its name promises: how full it is, which kinds of values, how many
# different ones, which fit no kind. Columns that the source's documentation does not know are custom properties; somebody made
# them for a reason. Rows that look like the same person or the same company are put side by side, and rows that point at nothing are listed.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import discovery

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "discovery")

# %% [markdown]
# ## May this phase begin?
#
# Intake has to be passed. If it is not, the lines below say why, and this notebook stops. Whoever answers for it may let it pass there,
# by name, in a role and with a reason; the certificate says so.

# %% tags=["gate"]
widgets.gate(engagement, "discovery")

# %% [markdown]
# ## A first look
#
# What may stand twice is proposed here, and the questions that come before everything else are put up. Nothing is decided by it.

# %%
proposals = discovery.propose(engagement)

# %% [markdown]
# ## Tables and columns

# %%
found = discovery.run(engagement)
found

# %% [markdown]
# ## The same record twice?
#
# Each line proposes to merge one row into another record, and says why. Confirm it, point it at another record, or keep both. Nothing is ever merged silently, and this notebook goes on when every line has its answer.

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "duplicate")

# %% tags=["gate"]
answers = engagement.decisions.require("duplicate", where="02_discovery")

# %% [markdown]
# ## Lost links
#
# Some exports lose what belonged together: which package paid for which session. Where that is so, the workbench works out each link again from names, times and counts, and says how sure it is. Confirm it, name another one, or none. Where nothing is lost, nothing is asked here.

# %% tags=["asks"]
widgets.decision_table(engagement, "link")

# %% tags=["gate"]
answers = engagement.decisions.require("link", where="02_discovery")

# %% [markdown]
# ## Questions asked once
#
# A few answers shape everything that follows. Each shows what is taken if nobody objects; it still takes a person to say so.

# %% tags=["asks"]
widgets.scope_form(engagement)

# %% tags=["gate"]
answers = engagement.decisions.require("scope", where="02_discovery")

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
found.orphans

# %% [markdown]
# ## What next
#
# **03 · Mapping** decides which column becomes which field.
