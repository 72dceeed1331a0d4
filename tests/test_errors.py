"""Every error has a code by name, every code is raised, and its area tells its class."""

from __future__ import annotations

import ast
import errno
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from unidiff_cli import errors
from unidiff_cli.batch.crew import WorkerDied
from unidiff_cli.cli.command import WRONG_USES
from unidiff_cli.errors.codes import Code, registry
from unidiff_cli.errors.system import cannot_read, cannot_write
from unidiff_cli.keep.folder import Unsafe
from unidiff_cli.train.trainer import TrainingDiverged

HOUSE = Path(errors.__file__).parents[1]
REGISTRY = registry()
REGISTERED = [f"{area}.{name}" for area, codes in REGISTRY.items() for name in codes]
CLASSES = {each.__name__: each for each in (*errors.AREAS.values(), WorkerDied, Unsafe)}
CLASSES["TrainingDiverged"] = TrainingDiverged


def files() -> Iterator[tuple[Path, ast.AST]]:
    for path in HOUSE.rglob("*.py"):
        if path.parent.name != "errors" or path.name == "system.py":
            yield path, ast.parse(path.read_text())


def raised() -> Iterator[tuple[str, str, str]]:
    """(a code, the class that it is given to, where); Typer's own errors get theirs of a table."""
    yield from ((code, "UsageError", "WRONG_USES") for code in WRONG_USES.values())
    for path, tree in files():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CLASSES:
                for each in ast.walk(node.args[0]):
                    if isinstance(each, ast.Constant):
                        yield each.value, ast.unparse(node.func), f"{path}:{node.lineno}"


def test_types_know_what_is_registered() -> None:
    assert list(get_args(Code)) == REGISTERED


def test_every_code_that_is_raised_is_registered_and_the_other_way_round() -> None:
    assert {code for code, _, _ in raised()} == set(REGISTERED)


def test_an_area_is_a_class() -> None:
    assert list(REGISTRY) == list(errors.AREAS)
    assert len({each.exit_code for each in errors.AREAS.values()}) == len(REGISTRY)
    for code, name, where in raised():
        assert code.partition(".")[0] == CLASSES[name].area, where


def test_every_class_of_errors_is_known_here() -> None:
    found = {
        node.name
        for _, tree in files()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {ast.unparse(b) for b in node.bases} & {*CLASSES}
    }
    assert found < set(CLASSES)


def test_a_code_says_when_and_what_to_do() -> None:
    for said in (each for codes in REGISTRY.values() for each in codes.values()):
        assert [len(said), *(each[0].isupper() for each in said)] == [2, True, True]
        assert all(each.endswith(".") for each in said)


@pytest.mark.parametrize("kind", CLASSES.values())
def test_errors_travel_whole(kind: type[errors.UnidiffError]) -> None:
    error = kind("input.missing", "It is not there.", "Look.")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back)) == (kind, "It is not there.")
    assert (back.code, back.message, back.hint) == (error.code, error.message, error.hint)


def test_an_error_that_was_written_down_is_one_again() -> None:
    said = {"type": "InputError", "code": "input.missing", "message": "No.", "hint": "Look."}
    back = errors.again(said)
    assert isinstance(back, errors.InputError)
    assert (back.code, back.message, back.hint) == ("input.missing", "No.", "Look.")


def test_an_error_of_an_older_version_has_no_class() -> None:
    back = errors.again({"type": "InputError", "message": "No."})
    assert (type(back), back.code) == (errors.UnidiffError, "internal.unexpected")


@pytest.mark.parametrize(
    ("number", "read", "write"),
    [
        (errno.ENOSPC, "input.unreadable", "output.disk-full"),
        (errno.EDQUOT, "input.unreadable", "output.disk-full"),
        (errno.ENOENT, "input.missing", "output.unwritable"),
        (errno.EISDIR, "input.folder", "output.unwritable"),
        (errno.EACCES, "input.unreadable", "output.unwritable"),
    ],
)
def test_what_the_system_refuses_has_its_own_code(number: int, read: str, write: str) -> None:
    error = OSError(number, os.strerror(number))
    assert (cannot_read("x", error).code, cannot_write("x", error).code) == (read, write)
