"""Two trainings of one network, blended."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file


def saved(folder: Path, x: torch.Tensor) -> Path:
    folder.mkdir()
    save_file({"x": x.half()}, folder / "uvit.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


def test_it_lies_between(tmp_path: Path) -> None:
    from blend import blend

    a = saved(tmp_path / "a", torch.tensor([0.0, 1.0]))
    b = saved(tmp_path / "b", torch.tensor([1.0, -1.0]))
    blend(a, b, tmp_path / "out", 0.25)
    mixed = load_file(tmp_path / "out" / "uvit.safetensors")["x"]
    assert mixed.dtype is torch.float16
    assert mixed.tolist() == [0.25, 0.5]
    assert (tmp_path / "out" / "config.json").exists()


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    from blend import blend

    a, b = saved(tmp_path / "a", torch.zeros(2)), saved(tmp_path / "b", torch.zeros(3))
    with pytest.raises(SystemExit, match="not of one size"):
        blend(a, b, tmp_path / "out", 0.5)
    assert not (tmp_path / "out").exists()
