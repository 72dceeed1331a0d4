"""Libraries without what is not needed of them: the same bits, and whoever asks gets the rest."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from tests.cli.conftest import environment
from unidiff_cli.speed import lean

SAMPLES = """
import hashlib
from unidiff_cli import Request, UniDiffuser
def sampled():
    model = UniDiffuser.load("tiny", device="cpu", dtype="fp32")
    picture = model.run(Request(mode="t2i", prompt="a fox", seed=1)).images[0]
    words = model.run(Request(mode="i2t", image=picture, seed=1)).texts
    return hashlib.sha256(picture.tobytes() + repr(words).encode()).hexdigest()
"""
PROGRAM = f"""
import sys
from unidiff_cli.speed.lean import LATER, StandIn, import_libraries
import_libraries()
{SAMPLES}
print(sampled())
print(*[name for name in LATER if name in sys.modules])
print(*[name for name, module in sys.modules.items() if isinstance(module, StandIn)])
import torch, torch._dynamo, torch.distributed.tensor
from diffusers.models.transformers import Transformer2DModel
assert torch._dynamo.disable(len).__module__ != "unidiff_cli.speed.lean"
print(Transformer2DModel.__mro__[-2].__name__)
"""


def test_the_bits_are_the_same_and_nothing_is_missed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    sampled, imported, left, base = done.stdout.split("\n")[:4]
    assert (imported, left) == ("", "")
    assert base != "Thing"
    here: dict[str, object] = {}
    exec(SAMPLES, here)
    assert sampled == here["sampled"]()  # type: ignore[operator]


def test_a_version_that_needs_one_at_once_is_imported_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def needs() -> None:
        tries.append(any(isinstance(finder, lean.Finder) for finder in sys.meta_path))
        sys.modules["transformers.half"] = ModuleType("transformers.half")
        if tries[-1]:
            raise TypeError("a stand-in is no base of an enumeration")

    monkeypatch.setattr(lean, "_import", needs)
    lean.import_libraries()
    assert tries == [True, False]
    assert sys.modules.pop("transformers.half")


def test_a_stand_in_becomes_the_real_one_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lean, "LATER", ("colorsys", "this"))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with lean._stand_ins():
        from colorsys import rgb_to_yiq as name

        @name
        def plain() -> int:
            return 3

        @name(quick=True)
        def told() -> int:
            return 4

        class Child(name):  # type: ignore[misc, valid-type]
            pass

        assert (plain(), told()) == (3, 4)
        assert not isinstance(3, name)
    assert "colorsys" not in sys.modules
    assert round(name(1, 1, 1)[0], 9) == 1  # type: ignore[arg-type, index]
    assert isinstance(Child(), Child)
