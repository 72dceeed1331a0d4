"""The three layouts give the same model, with diffusers' own classes as the witness."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.storage import make
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.checkpoint import Part
from unidiff_cli.storage.layout import PARTS
from unidiff_cli.storage.names import DIFFUSERS, ORIGINAL
from unidiff_cli.storage.open import Opened, open_checkpoint
from unidiff_cli.storage.original import Extras, Original
from unidiff_cli.storage.parts import fill, hollow
from unidiff_cli.storage.stored import whole

CPU = torch.device("cpu")
EVERY: tuple[Part, ...] = (*PARTS, "encode_prefix")


def same(one: Opened, other: Opened, part: Part) -> bool:
    a = one.module(part, CPU, torch.float32).state_dict()
    b = other.module(part, CPU, torch.float32).state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("data_types", [0, 2])
@torch.no_grad()
def test_uvit_as_diffusers_computes_it(data_types: int) -> None:
    config = make.config_of(data_types)
    theirs = make.uvit_in_diffusers(config)
    stored = {key: whole(key, tensor) for key, tensor in theirs.state_dict().items()}
    ours = fill(
        "uvit", hollow("uvit", config), DIFFUSERS["uvit"].translate(stored), CPU, torch.float32
    )
    draw = torch.Generator().manual_seed(0)
    image = torch.randn(3, 4, 4, 4, generator=draw)
    clip = torch.randn(3, 1, 16, generator=draw)
    text = torch.randn(3, 16, 8, generator=draw)
    t_image, t_text = torch.tensor([1000.0, 20.98, 0.0]), torch.tensor([0.0, 499.5, 980.02])
    for kind in (0, 1):
        flags = torch.full((3,), kind)
        given = {"data_type": flags} if data_types else {}
        said = theirs.requires_grad_(False)(
            latent_image_embeds=image,
            image_embeds=clip,
            prompt_embeds=text,
            timestep_img=t_image,
            timestep_text=t_text,
            **({"data_type": flags} if data_types else {}),
        )
        for a, b in zip(ours(image, clip, text, t_image, t_text, **given), said, strict=True):
            assert a.abs().max() > 0.1
            assert torch.equal(a, b)


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("data_types", [0, 2])
def test_diffusers_folder(tmp_path: Path, data_types: int, safe: bool) -> None:
    folder = make.diffusers_folder(tmp_path / "model", data_types, safe=safe)
    opened = open_checkpoint(str(folder))
    random = make.tiny(data_types)
    assert isinstance(opened, Opened)
    assert opened.config.uvit == random.config.uvit
    assert opened.config.size == 32
    assert opened.config.vae_scale == 0.18215
    assert len(opened.revision) == 12
    for part in ("vae", "clip_text", "clip_image"):
        assert same(opened, random, part)
    theirs = make.captioner_in_diffusers(random.config)
    captioner: Any = opened.module("captioner", CPU, torch.float32)
    assert captioner.gpt.config.activation_function == "gelu_new"
    for key, tensor in theirs.transformer.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(captioner.gpt.state_dict()[key], tensor)
    for name in ("clip", "caption"):
        ids = opened.tokenizer(name).encode("a red fox").ids
        assert ids == random.tokenizer(name).encode("a red fox").ids
    assert opened.tokenizer("caption").token_to_id("<|EOS|>") == 257


def test_vae_of_before_diffusers_0_16() -> None:
    state = make.states(make.tiny())["vae"]
    old: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name = key
        for ours, theirs in (
            ("to_q", "query"),
            ("to_k", "key"),
            ("to_v", "value"),
            ("to_out.0", "proj_attn"),
        ):
            name = name.replace(f"attentions.0.{ours}.", f"attentions.0.{theirs}.")
        old[name] = tensor
    assert old.keys() != state.keys()
    found = DIFFUSERS["vae"].translate({key: whole(key, t) for key, t in old.items()})
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key].load(), state[key]) for key in state)


def test_original_vae_as_diffusers_reads_it() -> None:
    """Our table against the converter in diffusers."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    config = make.config_of(2)
    ldm = make.ldm_vae(make.states(make.tiny())["vae"])
    assert "decoder.up.3.block.0.norm1.weight" in ldm
    assert "encoder.mid.attn_1.proj_out.weight" in ldm
    assert ldm["encoder.mid.attn_1.q.weight"].ndim == 4
    theirs = convert_ldm_vae_checkpoint(
        {f"first_stage_model.{key}": tensor for key, tensor in ldm.items()}, dict(config.vae)
    )
    ours = ORIGINAL["vae"].translate({key: whole(key, tensor) for key, tensor in ldm.items()})
    assert ours.keys() == theirs.keys()
    for key, tensor in theirs.items():
        assert ours[key].shape == tuple(ours[key].load().shape)
        assert torch.equal(ours[key].load(), tensor.reshape(ours[key].shape))


def original(folder: Path, data_types: int = 2, **extras: Path) -> Opened:
    """Opened as one with our sizes: the published ones would not fit tiny files."""
    source = Original(folder, Extras(**extras), sizes=make.config_of(data_types))
    return Opened("original", "", source)


@pytest.mark.parametrize("data_types", [0, 2])
def test_original_folder(tmp_path: Path, data_types: int) -> None:
    clip, gpt2 = make.clip_folder(tmp_path / "clip"), make.gpt2_folder(tmp_path / "gpt2")
    opened = original(
        make.original_folder(tmp_path / "model", data_types),
        data_types,
        clip_image=clip,
        clip_tokenizer=clip,
        caption_tokenizer=gpt2,
    )
    random = make.tiny(data_types)
    for part in EVERY:
        assert same(opened, random, part), part
    for name in ("clip", "caption"):
        ids = opened.tokenizer(name).encode("a red fox").ids
        assert ids == random.tokenizer(name).encode("a red fox").ids


def test_original_without_its_clip_tower(tmp_path: Path) -> None:
    folder = make.original_folder(tmp_path / "model", clip=False)
    with pytest.raises(ModelUnavailable, match="CLIP's text tower") as caught:
        original(folder).tensors("clip_text")
    assert "--clip-text" in caught.value.hint
    file = make.clip_folder(tmp_path / "clip") / "pytorch_model.bin"
    assert same(original(folder, clip_text=file), make.tiny(), "clip_text")


def test_another_clip_in_the_file_is_passed_over(tmp_path: Path) -> None:
    """One whose names say nothing to us is none: the tower is looked for elsewhere."""
    folder = make.original_folder(tmp_path / "model", clip=False)
    state = torch.load(folder / "caption_decoder.pth", weights_only=True)
    state["module.clip.transformer.resblocks.0.ln_1.weight"] = torch.ones(4)
    torch.save(state, folder / "caption_decoder.pth")
    assert same(original(folder), make.tiny(), "captioner")
    with pytest.raises(ModelUnavailable, match="CLIP's text tower"):
        original(folder).tensors("clip_text")


def test_what_original_files_lack_is_named(tmp_path: Path) -> None:
    opened = original(make.original_folder(tmp_path / "model"))
    for call, says, option in (
        (lambda: opened.tensors("clip_image"), "image tower", "--clip-image"),
        (lambda: opened.tokenizer("clip"), "clip tokenizer", "--clip-tokenizer"),
        (lambda: opened.tokenizer("caption"), "caption tokenizer", "--caption-tokenizer"),
    ):
        with pytest.raises(ModelUnavailable, match=says) as caught:
            call()
        assert option in caught.value.hint
        assert "hf download" in caught.value.hint


def test_what_original_files_lack_comes_from_the_cache(tmp_path: Path, cache: Path) -> None:
    def put(repo: str, made: Path) -> None:
        base = cache / f"models--{repo.replace('/', '--')}"
        (base / "snapshots").mkdir(parents=True)
        made.rename(base / "snapshots" / ("1" * 40))
        (base / "refs").mkdir()
        (base / "refs" / "main").write_text("1" * 40)

    put("openai/clip-vit-base-patch32", make.clip_folder(tmp_path / "clip"))
    put("openai-community/gpt2", make.gpt2_folder(tmp_path / "gpt2"))
    opened, random = original(make.original_folder(tmp_path / "model")), make.tiny()
    assert same(opened, random, "clip_image")
    for name in ("clip", "caption"):
        assert opened.tokenizer(name).get_vocab() == random.tokenizer(name).get_vocab()


def test_original_sizes(tmp_path: Path) -> None:
    """A folder of original files is taken for the published model, and says what does not fit."""
    for data_types, name in ((2, "unidiffuser-v1"), (0, "unidiffuser-v0")):
        opened = open_checkpoint(str(make.original_folder(tmp_path / name, data_types)))
        assert opened.config.name == name
        assert opened.config.data_types == data_types
        with pytest.raises(ModelUnavailable, match="of another shape"):
            opened.module("uvit", CPU, torch.float32)


def test_untied_words_are_refused(tmp_path: Path) -> None:
    folder = make.original_folder(tmp_path / "model")
    state = torch.load(folder / "caption_decoder.pth", weights_only=True)
    state["module.gpt.lm_head.weight"] = state["module.gpt.lm_head.weight"] + 1
    torch.save(state, folder / "caption_decoder.pth")
    with pytest.raises(
        ModelUnavailable, match=r"lm_head\.weight and .*wte\.weight should be equal"
    ):
        original(folder).tensors("captioner")


def test_pre_layer_norm_is_refused(tmp_path: Path) -> None:
    folder = make.diffusers_folder(tmp_path / "model")
    path = folder / "unet" / "config.json"
    path.write_text(path.read_text().replace('"pre_layer_norm": false', '"pre_layer_norm": true'))
    with pytest.raises(ModelUnavailable, match="norms"):
        _ = open_checkpoint(str(folder)).config


class Harmful:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("harm"),))


class TestDamage:
    """A file that is no weights file is one sentence, and code in it never runs."""

    def refuse(self, folder: Path, part: Part = "uvit") -> ModelUnavailable:
        with pytest.raises(ModelUnavailable) as caught:
            open_checkpoint(str(folder)).module(part, CPU, torch.float32)
        assert "\n" not in caught.value.message
        return caught.value

    def test_code_in_a_pickle(self, tmp_path: Path) -> None:
        folder = make.original_folder(tmp_path / "model")
        path, harmful = folder / "uvit_v1.pth", {"pos_embed": Harmful()}
        torch.save(harmful, path)
        assert "more than tensors" in self.refuse(folder).message
        path.write_bytes(pickle.dumps(harmful, protocol=2))
        assert "more than tensors" in self.refuse(folder).message
        path.write_bytes(pickle.dumps(harmful, protocol=4))
        assert "no weights file" in self.refuse(folder).message
        assert not Path("harm").exists()

    def test_not_a_state_dict(self, tmp_path: Path) -> None:
        folder = make.original_folder(tmp_path / "model")
        for value in ([torch.zeros(1)], {"step": 3}, {0: torch.zeros(1)}):
            torch.save(value, folder / "uvit_v1.pth")
            assert "not a state dict" in self.refuse(folder).message

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
    @pytest.mark.parametrize("safe", [False, True])
    def test_truncated(self, tmp_path: Path, safe: bool, share: float) -> None:
        folder = make.diffusers_folder(tmp_path / "model", safe=safe)
        path = next((folder / "unet").glob("diffusion*"))
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        error = self.refuse(folder)
        assert path.name in error.message
        assert "verify" in error.hint

    def test_words_for_weights(self, tmp_path: Path) -> None:
        folder = make.diffusers_folder(tmp_path / "model", safe=True)
        path = next((folder / "unet").glob("diffusion*"))
        path.write_text("<html>Please log in</html>" * 9)
        assert "damaged" in self.refuse(folder).message
        path.unlink()
        (folder / "unet/diffusion_pytorch_model.bin").write_text("<html>Please log in</html>")
        error = self.refuse(folder)
        assert "damaged" in error.message
        assert "weights_only" not in error.message

    def test_nothing_there(self, tmp_path: Path) -> None:
        folder = make.diffusers_folder(tmp_path / "model")
        next((folder / "vae").glob("*.bin")).unlink()
        assert "holds no weights" in self.refuse(folder, "vae").message
        (folder / "vae/config.json").write_text("{")
        assert "cannot be read" in self.refuse(folder, "vae").message

    def test_tokenizers(self, tmp_path: Path) -> None:
        folder = make.diffusers_folder(tmp_path / "model")
        opened = open_checkpoint(str(folder))
        (folder / "clip_tokenizer/vocab.json").write_text("{")
        with pytest.raises(ModelUnavailable, match="no tokenizer"):
            opened.tokenizer("clip")
        (folder / "clip_tokenizer/vocab.json").write_text('{"a": 0}')
        with pytest.raises(ModelUnavailable, match=r"lacks <\|startoftext\|>"):
            opened.tokenizer("clip")
        words = {f"w{index}": index for index in range(900)} | {"<|endoftext|>": 900}
        (folder / "text_tokenizer/vocab.json").write_text(json.dumps(words))
        with pytest.raises(ModelUnavailable, match="902 tokens, its network 258"):
            opened.tokenizer("caption")


def test_the_old_file_format_is_said(tmp_path: Path, told: list[str]) -> None:
    folder = make.original_folder(tmp_path / "model", old=True)
    source = Original(folder, Extras(), told.append, make.config_of(2))
    assert same(Opened("old", "", source), make.tiny(), "uvit")
    assert told
    assert "old file format" in told[0]


def test_fewer_parts_than_all(tmp_path: Path) -> None:
    """What a mode does not need is neither read nor missed."""
    folder = make.diffusers_folder(tmp_path / "model")
    for name in ("image_encoder/pytorch_model.bin", "unet/diffusion_pytorch_model.bin"):
        (folder / name).unlink()
    opened = open_checkpoint(str(folder))
    for part in ("vae", "clip_text", "encode_prefix"):
        opened.module(part, CPU, torch.float32)
