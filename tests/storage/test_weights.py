"""Folders as diffusers itself writes them: of variants, and in several files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.storage import make
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.layout import PARTS, is_complete
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.weights import weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """diffusers' own pipeline around the tiny model."""
    folder = make.diffusers_folder(tmp_path_factory.mktemp("published") / "model")
    config = make.config_of(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import AutoencoderKL, DPMSolverMultistepScheduler
        from diffusers.pipelines.deprecated.unidiffuser import pipeline_unidiffuser as theirs
        from transformers import (
            CLIPImageProcessorPil,
            CLIPTextConfig,
            CLIPTextModel,
            CLIPTokenizer,
            CLIPVisionConfig,
            CLIPVisionModelWithProjection,
            GPT2Tokenizer,
        )  # fmt: skip

        return theirs.UniDiffuserPipeline(
            vae=AutoencoderKL(**config.vae),
            text_encoder=CLIPTextModel(CLIPTextConfig(**config.clip_text)),
            image_encoder=CLIPVisionModelWithProjection(CLIPVisionConfig(**config.clip_image)),
            clip_image_processor=CLIPImageProcessorPil(),
            clip_tokenizer=CLIPTokenizer.from_pretrained(folder / "clip_tokenizer"),
            text_decoder=make.captioner_in_diffusers(config),
            text_tokenizer=GPT2Tokenizer.from_pretrained(folder / "text_tokenizer"),
            unet=make.uvit_in_diffusers(config),
            scheduler=DPMSolverMultistepScheduler(),
        )


@pytest.mark.filterwarnings("ignore")  # of the library that writes
@pytest.mark.parametrize("size", [None, "60KB"])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_what_diffusers_saves_opens(
    pipeline: Any, tmp_path: Path, variant: str | None, size: str | None
) -> None:
    limit = {"max_shard_size": size} if size else {}
    pipeline.save_pretrained(tmp_path / "m", safe_serialization=False, variant=variant, **limit)
    files = [path.name for path in (tmp_path / "m" / "unet").glob("*.bin")]
    assert (len(files) > 1) is (size is not None)
    assert all("fp16" in name for name in files) is (variant is not None)
    assert is_complete(tmp_path / "m")
    opened = open_checkpoint(str(tmp_path / "m"))
    for part in PARTS:
        opened.module(part, CPU, torch.float32)
    theirs = pipeline.vae.state_dict()
    ours = opened.module("vae", CPU, torch.float32).state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.filterwarnings("ignore")
def test_safetensors_is_what_diffusers_cannot_save_it_in(pipeline: Any, tmp_path: Path) -> None:
    """docs/from-diffusers.md says so: when this fails, that sentence is out of date."""
    with pytest.raises(RuntimeError, match="share memory"):
        pipeline.save_pretrained(tmp_path / "m")


def test_weights_that_are_not_whole_are_named(tmp_path: Path) -> None:
    folder = make.diffusers_folder(tmp_path / "model")
    file = folder / "vae" / "diffusion_pytorch_model.bin"
    file.rename(file.with_name("diffusion_pytorch_model-00001-of-00002.bin"))
    with pytest.raises(ModelUnavailable, match=r"whole: no .*model-00002-of-00002\.bin"):
        open_checkpoint(str(folder)).tensors("vae")
    assert not is_complete(folder)
    file.with_name("diffusion_pytorch_model-00001-of-00002.bin").rename(file.with_name("my.ckpt"))
    with pytest.raises(ModelUnavailable, match=r"it has config\.json, my\.ckpt\.") as caught:
        open_checkpoint(str(folder)).tensors("vae")
    assert "save_pretrained(..., safe_serialization=False)" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "best", "missing"),
    [
        (["model.fp16.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"], []),
        (["pytorch_model.bin", "model.safetensors", "x.bin"], ["model.safetensors"], []),
        (["model.bf16.safetensors", "model.safetensors.index.json"],
         ["model.bf16.safetensors"], []),
        (["model-00001-of-00002.safetensors", "model.fp16.safetensors"],
         ["model.fp16.safetensors"], []),
        (["model-00002-of-00002.safetensors"],
         ["model-00002-of-00002.safetensors"], ["model-00001-of-00002.safetensors"]),
        (["config.json", "model.ckpt"], [], []),
    ],
)  # fmt: skip
def test_the_best_of_several(names: list[str], best: list[str], missing: list[str]) -> None:
    assert weights(names) == (best, missing)
