# %% [markdown]
# # Where we are
#
# **{route}** for **{customer}**: the phases and what stops them, where every row is, what is next, who decided last. The names lead to
# the notebooks. Run the cell below (**Shift+Enter**) and it keeps itself current; until then it shows how things stood when the
# engagement was last opened, or worked on from the command line.

# %% jupyter={"source_hidden": true} tags=["start"]
import workbench as wb
from workbench import widgets

widgets.start(wb.open_engagement())
