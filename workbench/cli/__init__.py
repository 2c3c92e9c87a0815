"""The command line: thin commands over the same functions that a notebook calls."""

from importlib import import_module
from pkgutil import iter_modules

from workbench.cli.terminal import app

__all__ = ["app"]

for _module in sorted(each.name for each in iter_modules(__path__)):  # a further file brings further commands
    import_module(f"{__name__}.{_module}")
