# %% [markdown]
# # 5 · Provisioning — is the destination ready?
#
# **{route}** for **{customer}**.
#
# The fields, options and pipelines that the map needs are compared with what the destination really has. What is missing is made,
# or listed for an administrator where it can only be made by hand. Then the destination is read again; the phase passes only when
# it says what the plan says.

# %% tags=["parameters"]
engagement_path = ""

# %%
import workbench as wb
from workbench import widgets
from workbench.stages import provisioning

# %%
engagement = wb.open_engagement(engagement_path or None)
widgets.header(engagement, "provisioning")

# %% [markdown]
# ## May this phase begin?
#
# Every owner has to be resolved.

# %% tags=["gate"]
widgets.gate(engagement, "provisioning")

# %% [markdown]
# ## The plan
#
# What there is, what is missing, what would be made. This cell only reads.

# %%
provisioning.plan(engagement)

# %% [markdown]
# ## Quiet
#
# A load that mails eight thousand customers cannot be taken back. A person goes through these points in the destination and ticks them here.

# %% tags=["asks"]
widgets.who(engagement)

# %% tags=["asks"]
widgets.quiet_checklist(engagement)

# %% tags=["gate"]
answers = engagement.decisions.require("quiet", where="05_provisioning")

# %% [markdown]
# ## Make it so, and read it back

# %%
provisioned = provisioning.run(engagement)
provisioned

# %%
widgets.progress(engagement)

# %% [markdown]
# ## What next
#
# **06 · Sample** loads a few hundred records and compares them field by field.
