# %% [markdown]
# # 6 · Sample — a few hundred records: right?
#
# **{route}** for **{customer}**.
#
# A sample that holds every kind of record, and the odd ones on purpose, is loaded and read back. Every field is compared with
# what it should be. A difference is *intended* (we said so beforehand), *lossy* (the destination cannot hold it) or *wrong*.
# There is no sign-off over a wrong one.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import sample, transform, validate

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "sample")

# %% [markdown]
# ## May this phase begin?
#
# The destination has to be ready.

# %% tags=["gate"]
widgets.gate(engagement, "sample")

# %% [markdown]
# ## What the map does to the rows
#
# The confirmed map is tried on every row of every file, here and now, with nothing sent. Each row ends in one bucket; each value that cannot come along whole is listed with its reason, as it stands in the export.

# %%
staged = transform.run(engagement)
staged

# %% [markdown]
# ## Does what we are about to send keep the rules?
#
# Every staged record is checked against what the destination accepts, rule by rule. The result is kept in the package.

# %%
checked = validate.run(engagement)
checked

# %% [markdown]
# ## Which records
#
# This cell only reads.

# %%
sample.plan(engagement)

# %% [markdown]
# ## Loaded, read back, compared

# %%
comparison = sample.run(engagement)
comparison

# %% [markdown]
# ## Sign-off
#
# The person who answers for the data signs here. The signature is bound to the digests of the exports, of the decisions and of this comparison. If one of them changes, it is void and the load refuses to start.

# %% tags=["asks"]
widgets.sign_off(engagement, comparison)

# %% tags=["gate"]
answers = engagement.decisions.require("signoff", where="06_sample")

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
staged.reasons

# %% [markdown]
# ## What next
#
# **07 · Production** loads everything.
