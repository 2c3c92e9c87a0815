"""Named, pure conversions of one column: convert or reject, and say which.

Every recipe takes a column as text and gives, row by row, a value, or the reason why there is none, and a note where
something was given up on purpose. Routes name recipes; nothing here touches a disk or the network.
"""

from __future__ import annotations

from workbench.recipes.catalogue import check_recipe, convert, recipe_names
from workbench.recipes.cells import Converted, is_placeholder

__all__ = ["Converted", "check_recipe", "convert", "is_placeholder", "recipe_names"]
