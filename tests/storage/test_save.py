"""Our layout: what is written is what is read, complete or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.storage import make
from unidiff_cli.errors import ModelUnavailable, OutputError
from unidiff_cli.storage import convert as module
from unidiff_cli.storage import save
from unidiff_cli.storage.convert import convert
from unidiff_cli.storage.find import find
from unidiff_cli.storage.layout import PARTS, TOKENIZERS, files_in, is_complete, needed
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.original import Extras
from unidiff_cli.storage.save import DTYPES, save_ours
from unidiff_cli.storage.verify import verify_weights

CPU = torch.device("cpu")


def all_of(opened: Any) -> dict[str, Any]:
    return {name: opened.tokenizer(name) for name in TOKENIZERS}


def test_modules_and_tensors_round_trip(tmp_path: Path) -> None:
    tiny = make.tiny()
    parts: dict[Any, Any] = {part: tiny.tensors(part) for part in PARTS}
    parts["captioner"] = tiny.module("captioner", CPU, torch.float32)
    parts["clip_text"] = tiny.module("clip_text", CPU, torch.float32)
    save_ours(tmp_path / "ours", tiny.config, parts, all_of(tiny))
    names = files_in(tmp_path / "ours")
    assert needed("ours", names) == (
        [
            "config.json",
            *(f"{part}.safetensors" for part in PARTS),
            *(f"{name}_tokenizer.json" for name in TOKENIZERS),
        ],
        [],
    )
    assert len(names) == 8
    read = open_checkpoint(str(tmp_path / "ours"))
    assert read.config == tiny.config
    for part in (*PARTS, "encode_prefix"):
        a = tiny.module(part, CPU, torch.float32).state_dict()
        b = read.module(part, CPU, torch.float32).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
    for name in TOKENIZERS:
        assert read.tokenizer(name).to_str() == tiny.tokenizer(name).to_str()


def test_names_on_disk(tmp_path: Path) -> None:
    """They are ours, whatever the installed libraries call their tensors."""
    convert("tiny", tmp_path / "ours", extras=Extras())
    keys = {part: set(load_file(tmp_path / f"ours/{part}.safetensors")) for part in PARTS}
    assert "embeddings.token_embedding.weight" in keys["clip_text"]
    assert {"embeddings.class_embedding", "visual_projection.weight"} <= keys["clip_image"]
    assert "gpt.transformer.wte.weight" in keys["captioner"]
    for part, names in keys.items():
        assert not [n for n in names if "_model." in n or "lm_head" in n or "_ids" in n], part


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_on_disk(tmp_path: Path, name: str) -> None:
    convert("tiny", tmp_path / "ours", dtype=name, extras=Extras())
    for part, state in make.states(make.tiny()).items():
        for key, tensor in load_file(tmp_path / f"ours/{part}.safetensors").items():
            assert tensor.dtype == DTYPES[name]
            assert torch.equal(tensor, state[key].to(DTYPES[name]))


@pytest.mark.parametrize("data_types", [0, 2])
def test_from_diffusers(tmp_path: Path, data_types: int) -> None:
    source = make.diffusers_folder(tmp_path / "model", data_types)
    target = convert(str(source), tmp_path / "deep" / "ours", extras=Extras())
    one, other = open_checkpoint(str(source)), open_checkpoint(str(target))
    assert other.config == one.config
    for part in PARTS:
        a = one.module(part, CPU, torch.float32).state_dict()
        b = other.module(part, CPU, torch.float32).state_dict()
        assert all(torch.equal(a[key], b[key]) for key in a)
    verify_weights(find(str(target)), lambda line: None)
    assert is_complete(target)
    assert os.listdir(target.parent) == ["ours"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_from_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    from unidiff_cli.storage import original

    monkeypatch.setattr(original, "original_config", lambda folder: make.config_of(2))
    source = make.original_folder(tmp_path / "model", old=True)
    with pytest.raises(ModelUnavailable, match="tokenizer"):
        convert(str(source), tmp_path / "ours", extras=Extras())
    clip, gpt2 = make.clip_folder(tmp_path / "clip"), make.gpt2_folder(tmp_path / "gpt2")
    extras = Extras(clip_tokenizer=clip, caption_tokenizer=gpt2)
    with pytest.raises(ModelUnavailable, match="image tower"):
        convert(str(source), tmp_path / "ours", extras=extras)
    assert not list(tmp_path.glob("*ours*"))
    extras = Extras(clip_image=clip, clip_tokenizer=clip, caption_tokenizer=gpt2)
    convert(str(source), tmp_path / "ours", extras=extras, tell=told.append)
    tiny, read = make.tiny(), open_checkpoint(str(tmp_path / "ours"))
    for part in PARTS:
        a = tiny.module(part, CPU, torch.float32).state_dict()
        b = read.module(part, CPU, torch.float32).state_dict()
        assert all(torch.equal(a[key], b[key]) for key in a)
    assert any("old file format" in line for line in told)


def test_what_exists_stays(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists") as caught:
        convert("tiny", tmp_path / "ours", extras=Extras())
    assert caught.value.exit_code == 8
    assert os.listdir(tmp_path / "ours") == ["mine.txt"]


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(save.os, "fsync", full)
        with pytest.raises(OutputError, match="No space left") as caught:
            convert("tiny", tmp_path / "ours", extras=Extras())
        with pytest.raises(OutputError, match="No space left"):
            save_ours(tmp_path / "other", make.tiny().config, {}, all_of(make.tiny()))
    assert caught.value.code == "output.disk-full"
    assert os.listdir(tmp_path / "other") == []
    assert not list(tmp_path.glob("*ours*"))


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    source = make.diffusers_folder(tmp_path / "model")
    path = source / "text_decoder" / "diffusion_pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match="damaged"):
        convert(str(source), tmp_path / "ours", extras=Extras())
    assert not list(tmp_path.glob("*ours*"))


def test_what_does_not_fit_is_not_written(tmp_path: Path) -> None:
    tiny = make.tiny()
    parts: dict[Any, Any] = {"vae": dict(list(tiny.tensors("vae").items())[1:])}
    with pytest.raises(ModelUnavailable, match="1 missing"):
        save_ours(tmp_path / "ours", tiny.config, parts, {})
    assert not (tmp_path / "ours").exists()


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    tiny = make.tiny()
    vae = tiny.module("vae", CPU, torch.float32)
    with torch.no_grad():
        next(vae.parameters())[0] = float("nan")
    parts: dict[Any, Any] = {part: tiny.tensors(part) for part in PARTS}
    save_ours(tmp_path / "ours", tiny.config, {**parts, "vae": vae}, all_of(tiny))
    with pytest.raises(ModelUnavailable, match="not finite"):
        verify_weights(find(str(tmp_path / "ours")), lambda line: None)


def test_one_tensor_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a file is written, no tensor of it outlives its turn."""
    import weakref

    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def watched(path: Path, tensors: Any, dtype: torch.dtype) -> None:
        nonlocal most
        rows = []
        for name, stored in tensors:

            def load(stored: Any = stored) -> torch.Tensor:
                nonlocal most
                tensor: torch.Tensor = stored.load()
                alive.append(weakref.ref(tensor))
                most = max(most, sum(ref() is not None for ref in alive))
                return tensor

            rows.append((name, save.Stored(stored.origin, stored.shape, load)))
        save.write_tensors(path, rows, dtype)

    monkeypatch.setattr(module, "write_tensors", watched)
    convert("tiny", tmp_path / "ours", dtype="fp16", extras=Extras())
    assert len(alive) > 300
    assert most <= 2
