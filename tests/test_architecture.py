"""The layers of docs/architecture.md, and the manners of the house, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import workbench

ROOT = Path(workbench.__file__).parent
LINES, LENGTH = 400, 50

LAYERS: tuple[dict[str, tuple[str, ...]], ...] = (
    # from the bottom up; in each layer: unit → its modules, where `name.*` is everything below a name.
    {"errors": ("errors",), "clock": ("clock",), "show": ("show", "plain"), "verification": ("verification",)},
    {
        "recipes": ("recipes", "recipes.*"),
        "templates": ("templates",),
        "staging": ("staging",),
        "additions": ("additions",),
    },
    {"specs": ("specs", "specs.*")},
    {
        "protocol": (
            "destinations",
            "destinations.http",
            "destinations.http.*",
            "destinations.limits",
            "destinations.limits.*",
            "destinations.fields",
            "destinations.probes",
        ),
        "engine": ("rehearsal.engine", "rehearsal.engine.*", "rehearsal.child"),
        "store": ("store", "store.*"),
        "journal": ("journal",),
        "settings": ("settings",),
    },
    {
        "destination": ("destinations.*",),
        "rehearsal": ("rehearsal", "rehearsal.__main__"),
        "rehearsal of": ("rehearsal.*",),
        "ledger": ("ledger", "ledger.*"),
        "decisions": ("decisions", "decisions.*"),
        "matching": ("matching", "matching.*"),
        "frames": ("frames", "frames.*"),
        "readers": ("readers", "readers.*"),
        "package": ("package",),
        "reports": ("reports", "reports.*"),
    },
    {"engagement": ("engagement", "engagement.*")},
    {
        "flow": ("flow", "flow.*"),  # what several stages do in the same way
        "extraction": ("extraction", "extraction.*"),
    },
    {"stages": ("stages", "stages.*")},
    {"notebooks": ("notebooks", "rendering", "upgrading"), "widgets": ("widgets", "widgets.*")},
    {"cli": ("cli", "cli.*")},
    {"workbench": ("",)},  # the names that a notebook imports
)
OWN_UNITS = ("destination", "rehearsal of")
PURE = ("recipes", "matching", "frames")
OUTSIDE = (
    "asyncio",
    "http.",
    "httpcore",
    "httpx",
    "requests",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "subprocess",
    "urllib.request",
    "uvicorn",
)
RUNS_CODE = {"dill", "joblib", "marshal", "pickle", "shelve", "yaml"}
SHAPELESS = {"base", "common", "helpers", "manager", "misc", "utils"}


@cache
def _modules() -> dict[str, ast.Module]:
    """Every module by its name below `workbench`, which itself is the empty name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def _path(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(tree: ast.Module) -> Iterator[str]:
    """Full names of what a module imports, wherever in it; `from x import y` gives x.y."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _ours(tree: ast.Module) -> set[str]:
    names = {name.removeprefix("workbench").lstrip(".") for name in _imported(tree) if name.split(".")[0] == "workbench"}
    return {name if name in _modules() else name.rpartition(".")[0] for name in names}


def _place(name: str) -> tuple[int, str]:
    """Layer and unit: an exact name goes before `name.*`. Destinations and rehearsals are units of their own by name."""
    for exact in (True, False):
        for height, layer in enumerate(LAYERS):
            for unit, patterns in layer.items():
                for pattern in patterns:
                    if (name == pattern) if exact else pattern.endswith(".*") and name.startswith(pattern[:-1]):
                        return height, f"{unit} {name.split('.')[1].partition('_')[0]}" if unit in OWN_UNITS else unit
    raise AssertionError(
        f"workbench/{name.replace('.', '/')}.py stands in no layer: add it to LAYERS and to docs/architecture.md"
    )


def test_every_module_stands_in_a_layer_and_imports_downwards_only() -> None:
    wrong = []
    for name, tree in _modules().items():
        height, unit = _place(name)
        for other in _ours(tree):
            other_height, other_unit = _place(other)
            if other_unit != unit and other_height >= height:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_a_stage_calls_no_stage() -> None:
    stages = {name: _ours(tree) for name, tree in _modules().items() if name.startswith("stages.")}
    assert stages
    assert not [f"{name} imports {other}" for name, others in stages.items() for other in others if other.startswith("stages")]


def test_a_stand_in_shares_no_code_with_the_client_that_it_tests() -> None:
    allowed = ("rehearsal", "errors", "recipes", "clock", "additions")
    for name, tree in _modules().items():
        if name.startswith("rehearsal"):
            assert not [other for other in _ours(tree) if other.split(".")[0] not in allowed], name
        if name.startswith(("destinations", "ledger", "loading", "unloading")):
            assert not [other for other in _ours(tree) if other.startswith("rehearsal")], name


def test_the_mathematics_reach_neither_network_nor_database() -> None:
    for name, tree in _modules().items():
        if name.split(".")[0] in PURE:
            assert not [imported for imported in _imported(tree) if imported.startswith(OUTSIDE)], name


def test_nothing_that_runs_code_when_it_is_read_is_imported() -> None:
    for name, tree in _modules().items():
        assert not {imported.split(".")[0] for imported in _imported(tree)} & RUNS_CODE, name
        calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not calls & {"read_pickle", "to_pickle", "set_trace"}, name


def test_every_module_opens_with_a_sentence() -> None:
    for name, tree in _modules().items():
        told = ast.get_docstring(tree) or ""
        assert told.split("\n\n")[0].rstrip().endswith("."), f"{name or 'workbench'}: {told[:60]!r}"


def test_every_public_function_and_class_says_what_it_is_for() -> None:
    silent = []
    for name, tree in _modules().items():
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                silent.append(f"{name}.{node.name}")
    assert not silent


def test_modules_stay_short() -> None:
    lengths = {name: len(_path(name).read_text(encoding="utf-8").splitlines()) for name in _modules()}
    assert not {name: length for name, length in lengths.items() if length > LINES}


def test_functions_stay_short() -> None:
    long = {}
    for name, tree in _modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LENGTH:
                    long[f"{name}.{node.name}"] = length
    assert not long


def test_modules_are_named_after_what_they_are() -> None:
    assert not {name for name in _modules() if name.rpartition(".")[2] in SHAPELESS}


def test_no_module_passes_unknown_keywords_through() -> None:
    wrong = []
    for name, tree in _modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None:
                annotation = node.args.kwarg.annotation
                typed = isinstance(annotation, ast.Attribute) and annotation.attr == "kwargs"  # of a ParamSpec
                if not typed and not node.name.startswith("_repr_"):  # whose shape is IPython's
                    wrong.append(f"{name}.{node.name}")
    assert not wrong


def test_todo_notes_and_addresses_of_one_machine_stay_out() -> None:
    marks = ("# TO" + "DO", "FIX" + "ME", "X" + "XX", "/wo" + "rk/", "/ho" + "me/")
    for name in _modules():
        text = _path(name).read_text(encoding="utf-8")
        assert not [mark for mark in marks if mark in text], name


def test_public_names_are_sorted_real_and_typed() -> None:
    assert workbench.__all__ == sorted(workbench.__all__)
    assert set(workbench.__all__) == set(workbench.PLACES) == set(dir(workbench))
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    checked = next(node for node in _modules()[""].body if isinstance(node, ast.If))
    told = {alias.asname or alias.name for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(workbench.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(workbench, "nonsense")  # noqa: B009  # mypy knows that it is not there


def test_importing_the_workbench_loads_nothing() -> None:
    code = "import sys, workbench; print(sorted(name for name in sys.modules if name in ('pandas', 'httpx', 'sqlalchemy')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, check=True)
    assert done.stdout == "[]\n"


def test_adding_a_file_is_all_that_a_source_a_destination_or_a_route_takes() -> None:
    named = {path.stem for folder in ("sources", "destinations", "routes") for path in (ROOT / folder).glob("*.toml")}
    assert named
    shared = [name for name in _modules() if not name.startswith(("destinations.", "rehearsal.", "sources."))]
    texts = {name: [node.value for node in ast.walk(_modules()[name]) if isinstance(node, ast.Constant)] for name in shared}
    assert not [(name, value) for name, values in texts.items() for value in values if value in named]
