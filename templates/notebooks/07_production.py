# %% [markdown]
# # 7 · Production — did every row arrive?
#
# **{route}** for **{customer}**.
#
# Everything is loaded, parents before children. Each change is written into the ledger before it is asked for and again after it
# was answered, so an interrupted load goes on where it stopped and sends nothing twice. Afterwards every record is read back;
# what counts is what is found, never what the loader believes.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import production

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "production")

# %% [markdown]
# ## May this phase begin?
#
# The sample has to be signed, and its evidence unchanged since.

# %% tags=["gate"]
widgets.gate(engagement, "production")

# %% [markdown]
# ## The forecast
#
# Records, calls and time for this account's limits. This cell only reads.

# %%
production.plan(engagement)

# %% [markdown]
# ## The load
#
# Source rows = loaded + merged + excluded + rejected + held + failed, for each feed. If a sum is off by one, the phase is not passed.
# After each object, ledger and destination are laid beside each other, record by record. The load may be interrupted at any time; the
# batches under way end first, and running the cell again goes on from there.

# %%
loaded = production.run(engagement, on_progress=widgets.loading(engagement))
loaded

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
loaded.frame

# %% [markdown]
# ## What next
#
# **08 · Cutover** brings what changed in the meantime.
