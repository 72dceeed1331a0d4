"""Weights that lie in a file leave the memory and come again; what is the process's own stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.registry import STARTER_FOLDER
from unidiff_cli.speed import pages
from unidiff_cli.speed.pages import SMAPS, files, rest

SIDE = 1024
needs_smaps = pytest.mark.skipif(not SMAPS.exists(), reason="this system has no smaps")


def mapped(path: Path) -> nn.Linear:
    """A linear map of 4 MiB whose weights lie in the file."""
    save_file({"weight": torch.arange(SIDE**2).view(SIDE, SIDE).float()}, path)
    file: Any = safe_open(path, framework="pt", device="cpu")
    layer = nn.Linear(SIDE, SIDE, bias=False, device="meta")
    layer.weight = nn.Parameter(file.get_tensor("weight"), requires_grad=False)
    return layer


def resident(path: Path) -> int:
    """KiB of the file's mappings that are in memory."""
    found, inside = 0, False
    for line in SMAPS.read_text().splitlines():
        if pages.HEAD.match(line):
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


@needs_smaps
def test_weights_in_a_file_leave_the_memory_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    layer = mapped(path)
    whole = layer.weight.sum()
    assert resident(path) >= 4096
    rest(layer)
    assert resident(path) >= 4096  # so little is left alone
    rest(layer, least=0)
    assert resident(path) == 0
    assert layer.weight.sum() == whole
    assert resident(path) >= 4096


@needs_smaps
def test_what_was_written_to_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    layer, other = mapped(path), nn.Linear(SIDE, SIDE)
    layer.weight[0, 0] = 7
    before = other.weight.clone()
    rest(layer, least=0)
    rest(other, least=0)
    assert layer.weight[0, 0] == 7
    assert torch.equal(other.weight, before)


@needs_smaps
def test_only_mappings_of_files_are_let_go(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    place = mapped(path).weight
    assert any(start <= place.data_ptr() < end for start, end in files())
    own = torch.ones(64 << 20)
    assert not any(start <= own.data_ptr() < end for start, end in files())


def test_a_system_that_does_not_tell_keeps_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SMAPS", tmp_path / "none")
    layer = mapped(tmp_path / "x.safetensors")
    whole = layer.weight.sum()
    rest(layer, least=0)
    assert layer.weight.sum() == whole


@pytest.mark.parametrize("memory", ["auto", "low", "min"])
def test_the_network_rests_while_a_picture_is_painted(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[set[str]] = []

    def watched(module: nn.Module) -> None:
        assert any(module is other for other in model.parts.loaded.values())
        rested.append({name for name, number_format in model.parts.loaded if number_format})

    monkeypatch.setattr("unidiff_cli.engine.parts.rest", watched)
    model = UniDiffuser.load("tiny", device="cpu", dtype="fp32", memory=memory)
    model.run(Request(mode="i", seed=1, steps=2))
    # Before the VAE is loaded beside it; where parts make room for each other, it has gone.
    assert rested == ([{"uvit"}] if memory == "auto" else [])


@needs_smaps
def test_a_rested_network_draws_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(STARTER_FOLDER, tmp_path / "mine")
    path = folder / "uvit.safetensors"
    save_file({name: tensor.float() for name, tensor in load_file(path).items()}, path)
    ask = Request(mode="t2i", prompt="a fox", seed=3, steps=2)
    model = UniDiffuser.load(str(folder), device="cpu", dtype="fp32")
    first = model.run(ask).outputs[0].image
    rest(model.parts.module("uvit", torch.float32), least=0)
    assert resident(path) == 0
    second = model.run(ask).outputs[0].image
    assert first is not None
    assert second is not None
    assert first.tobytes() == second.tobytes()
