"""Who may import whom. No arrow goes up, none goes round."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import unidiff_cli

HOUSE = Path(unidiff_cli.__file__).parent
SHARED = {"errors", "checks", "request", "progress", "model_config", "registry", "files"}
"""Plain rooms without torch: everybody above core may use them."""

MAY_IMPORT = {
    "core": set(),
    "nets": set(),
    "errors": set(),
    "progress": set(),
    "process": {"files"},
    "model_config": {"errors"},
    "registry": {"errors", "model_config"},
    "checks": {"errors", "core"},
    "request": {"errors", "core", "checks"},
    "files": {"errors", "checks", "core", "request", "registry", "model_config"},
    "codecs": {"core", "nets", "errors", "files"},
    "speed": {"core", "nets", "errors", "progress"},
    "storage": {"nets", "core", *SHARED},
    "engine": {"codecs", "storage", "speed", "nets", "core", "process", *SHARED},
    "train": {"codecs", "nets", "core", "engine", "storage", "speed", "process", *SHARED},
    "batch": {"engine", "process", "core", *SHARED},
    "gallery": SHARED,
    "walks": {"engine", "codecs", "speed", "core", *SHARED},
    "keep": {"walks", "engine", "storage", "speed", "process", "core", *SHARED},
    "evaluate": {"batch", "engine", "codecs", "storage", "speed", *SHARED},
    "schemas": {"batch", "core", *SHARED},
    "cli": {"process", "core", *SHARED},
}
LATER = {
    "batch": {"speed"},
    "cli": {
        "engine",
        "train",
        "storage",
        "speed",
        "batch",
        "gallery",
        "walks",
        "evaluate",
        "keep",
        "schemas",
    },
}
"""What is imported inside functions only, beside what may be imported at the top."""
WITHIN_CLI = ("app", "shelf", "commands", "answers", "command", "terminal", "options")
"""Rooms of the command line, from the top to the bottom: each may import those below it."""


def files() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path.parent != HOUSE or room(path))


def folders() -> list[Path]:
    """The folders with modules in them."""
    return sorted({path.parent for path in HOUSE.rglob("*.py")} - {HOUSE})


def room(path: Path) -> str:
    """The first name below the package: its folder, or its module."""
    first = path.relative_to(HOUSE).parts[0]
    name = first.removesuffix(".py")
    return "" if name in ("__init__", "__main__") else name


def imports(tree: ast.AST, top: bool) -> Iterator[str]:
    """Rooms that are imported: by importing the module, or anywhere in it but for types."""
    for node in ast.iter_child_nodes(tree):
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if typing or (top and function):
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError("imports are absolute")
        if isinstance(node, ast.ImportFrom) and node.module == "unidiff_cli":
            yield from (alias.name for alias in node.names if (HOUSE / alias.name).exists())
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("unidiff_cli."))
        yield from imports(node, top)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_arrows(path: Path) -> None:
    here = room(path)
    assert here in MAY_IMPORT, f"{here} is a new room: say what it may import"
    tree = ast.parse(path.read_text())
    at_import = set(imports(tree, top=True)) - {here}
    ever = set(imports(tree, top=False)) - {here}
    assert at_import <= MAY_IMPORT[here]
    assert ever <= MAY_IMPORT[here] | LATER.get(here, set())


def test_few_modules_lie_loose() -> None:
    loose = {path.stem for path in HOUSE.glob("*.py")} - {"__init__", "__main__"}
    assert loose == set(MAY_IMPORT) - {path.name for path in folders() if path.parent == HOUSE}
    assert len(loose) <= 6


def test_every_folder_says_what_belongs_there() -> None:
    for folder in folders():
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        assert said.endswith("."), folder


def test_a_name_means_one_file() -> None:
    """In the package and in cli alike only a command and what it calls have the same name."""
    below = {path.name for path in files() if room(path) != "cli"}
    above = [path for path in files() if room(path) == "cli" and path.parent.name != "commands"]
    assert {path.name for path in above} & below <= {"__init__.py"}


def test_the_command_line_touches_no_tensor() -> None:
    for path in files():
        if room(path) == "cli":
            nodes = [*ast.walk(ast.parse(path.read_text()))]
            named = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
            named += [each.name for n in nodes if isinstance(n, ast.Import) for each in n.names]
            assert not {name.split(".")[0] for name in named} & {"torch", "numpy"}, path


def test_the_rooms_of_the_command_line_import_downwards() -> None:
    for path in (HOUSE / "cli").rglob("*.py"):
        here = path.relative_to(HOUSE / "cli").parts[0].removesuffix(".py")
        allowed = WITHIN_CLI[WITHIN_CLI.index(here) :] if here != "__init__" else ()
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith("unidiff_cli.cli."):
                assert module.split(".")[2] in allowed, f"{path} imports {module}"


def test_the_map_names_what_is_there() -> None:
    for page in ("CONTRIBUTING.md", "docs/how-it-works.md"):
        text = (Path(__file__).parents[1] / page).read_text()
        for name in re.findall(r"`([a-z]+/[a-z_/]+\.py)`", text):
            places = (HOUSE / name, Path(__file__).parents[1] / name)
            assert any(place.exists() for place in places), f"{page} names {name}"


def test_no_arrow_goes_round() -> None:
    def reaches(start: str, seen: frozenset[str]) -> set[str]:
        nexts = MAY_IMPORT[start] | LATER.get(start, set())
        assert not nexts & seen, (start, nexts & seen)
        return nexts.union(*(reaches(each, seen | {each}) for each in nexts))

    for start in MAY_IMPORT:
        reaches(start, frozenset({start}))
