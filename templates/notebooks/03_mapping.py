# %% [markdown]
# # 3 · Mapping — which column becomes which field?
#
# **{route}** for **{customer}**.
#
# The workbench proposes a target for every column and says how sure it is, and why. A proposal moves nothing. Only what a named
# person has confirmed is loaded, and every answer is kept the moment it is given: closing this page or running it again loses none.
#
# *In the table:* type to choose, **Enter** confirms and goes on to the next, **↑ ↓** move, **Esc** takes the typing back, **Ctrl+Z** takes the last answer back.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import mapping

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "mapping")

# %% [markdown]
# ## May this phase begin?
#
# Intake and discovery have to be passed or waived.

# %% tags=["gate"]
widgets.gate(engagement, "mapping")

# %% [markdown]
# ## Columns

# %%
proposals = mapping.propose(engagement)

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "field")

# %% tags=["gate"]
answers = engagement.decisions.require("field", where="03_mapping")

# %% [markdown]
# ## Values of choice fields
#
# A choice field takes only the options it has. Each value found in the export is given one of them, or left empty on purpose.

# %%
proposals = mapping.propose_options(engagement)

# %% tags=["asks"]
widgets.decision_table(engagement, "value")

# %% tags=["gate"]
answers = engagement.decisions.require("value", where="03_mapping")

# %% [markdown]
# ## The confirmed map
#
# Column by column and value by value, with the name of whoever confirmed it. This is what will be loaded, and nothing else.

# %%
mapped = mapping.run(engagement)
mapped

# %%
widgets.progress(engagement)

# %% [markdown]
# ## To go on from
#
# The figures above as a DataFrame, for whoever wants to look further.

# %%
mapped.frame

# %% [markdown]
# ## What next
#
# **04 · Owners** finds for every record the person who looks after it over there.
