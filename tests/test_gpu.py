"""What only a GPU can show: that it makes what the CPU makes, and survives a full memory.

Skipped where PyTorch finds none. `UNIDIFF_TEST_DEVICES=cpu python -m pytest -m gpu` tries the
tests themselves, all but those of CUDA's memory.
"""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.cli.app import app
from unidiff_cli.core.modes import MODES
from unidiff_cli.engine.rescue import Rescue
from unidiff_cli.files.pictures import psnr
from unidiff_cli.request import Output

FOUND = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
DEVICES = os.environ.get("UNIDIFF_TEST_DEVICES", " ".join(k for k in FOUND if FOUND[k])).split()

pytestmark = pytest.mark.gpu
each_device = pytest.mark.parametrize("device", DEVICES)
cuda = pytest.mark.skipif("cuda" not in DEVICES, reason="no CUDA GPU here")


def ask(mode: str, **options: Any) -> Request:
    """A request of any mode with what it needs."""
    photo = Image.radial_gradient("L").convert("RGB")
    given = {"text": {"prompt": "a red fox"}, "image": {"image": photo}, None: {}}
    return Request(mode=mode, **{"seed": 5, "steps": 6, **given[MODES[mode].needs], **options})


def made(device: str, request: Request, dtype: str = "fp32", **options: Any) -> tuple[Output, ...]:
    return UniDiffuser.load("starter", device=device, dtype=dtype, **options).run(request).outputs


def near(one: Output, other: Output, least: float) -> None:
    """Equal captions, and pictures at most so far apart (PSNR in dB)."""
    assert one.text == other.text
    if one.image is not None and other.image is not None:
        assert psnr(one.image, other.image) > least
    assert (one.image is None) == (other.image is None)


@each_device
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_makes_what_the_cpu_makes(device: str, mode: str) -> None:
    (here,), (there,) = made(device, ask(mode)), made("cpu", ask(mode))
    near(here, there, 40)


@each_device
@pytest.mark.parametrize("dtype", ["auto", "fp16", "bf16"])
def test_half_precision_stays_near(device: str, dtype: str) -> None:
    (here,), (there,) = made(device, ask("t2i"), dtype), made("cpu", ask("t2i"))
    near(here, there, 22)


@each_device
def test_a_sample_does_not_depend_on_its_batch(device: str) -> None:
    alone, together = made(device, ask("joint", seed=7)), made(device, ask("joint", count=3))
    near(alone[0], together[2], 40)


@each_device
@pytest.mark.parametrize("fast", ["off", "safe"])
@pytest.mark.parametrize("memory", ["low", "min"])
def test_little_memory_gives_the_same(device: str, memory: str, fast: str) -> None:
    request = ask("t2i", fast=fast)
    near(made(device, request, memory=memory)[0], made(device, request)[0], 40)


@each_device
def test_chains_and_pipes(device: str, tmp_path: Path) -> None:
    """The commands that go back and forth, from the file of a picture."""
    photo = tmp_path / "photo.png"
    Image.radial_gradient("L").convert("RGB").save(photo)
    for words in (
        ["vary", str(photo), "-n", "2"],
        ["chain", str(photo), "--rounds", "1"],
        ["interpolate", "a red fox", "a blue car", "--stages", "3"],
    ):
        done = CliRunner().invoke(app, [*words, "--steps", "3", "--device", device, "--json"])
        assert done.exit_code == 0, done.output


@each_device
def test_bench_measures_it(device: str) -> None:
    done = CliRunner().invoke(app, ["bench", "--device", device, "--batch-sizes", "1,2", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [row["batch"] for row in found["pictures"]] == [1, 2]
    assert found["peak_memory_gib"] > 0 or device == "mps"


@each_device
def test_training_learns_and_goes_on(device: str, tmp_path: Path) -> None:
    pairs = Path(__file__).parents[1] / "examples" / "finetune"
    run = tmp_path / "run"
    words = ["train", "--data", str(pairs), "-o", str(run), "--device", device]
    for steps in ("2", "4"):
        done = CliRunner().invoke(app, [*words, "--steps", steps])
        assert done.exit_code == 0, done.output
    assert (run / "checkpoints" / "step-00000004").is_dir()
    trained = UniDiffuser.load(str(run / "model"), device=device)
    assert trained.run(ask("t2i")).images


@cuda
def test_a_batch_that_does_not_fit_is_made_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU's memory is narrowed to twice what one sample takes."""
    model = UniDiffuser.load("starter", device="cuda", dtype="fp32")
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    one = model.run(ask("t2i", seed=5)).outputs
    needed = torch.cuda.max_memory_reserved()
    total = torch.cuda.get_device_properties(0).total_memory
    sizes = []
    checked = Rescue._checked

    def counted(self: Any, batch: Any, dtype: torch.dtype) -> Any:
        sizes.append(len(batch))
        return checked(self, batch, dtype)

    monkeypatch.setattr(Rescue, "_checked", counted)
    torch.cuda.set_per_process_memory_fraction(2 * needed / total)
    try:
        results = list(model.stream([ask("t2i", count=64)], batch_size=64))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert [result.error for result in results] == [None] * 64
    assert sizes[0] == 64
    assert min(sizes) < 64
    near(results[0].outputs[0], one[0], 40)


@cuda
@pytest.mark.parametrize("memory", ["low", "min"])
def test_little_memory_takes_less_of_the_gpu(memory: str) -> None:
    peaks = {}
    for kept in ("auto", memory):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        made("cuda", ask("t2i"), "auto", memory=kept)
        peaks[kept] = torch.cuda.max_memory_allocated()
    assert peaks[memory] < peaks["auto"]
