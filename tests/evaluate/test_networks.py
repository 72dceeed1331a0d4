"""Networks: what they compute is what their libraries compute; what is not here is said to be."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from unidiff_cli.codecs.image import CLIP_MEAN, CLIP_STD, clip_pixels
from unidiff_cli.errors import ModelUnavailable, UsageError
from unidiff_cli.evaluate.clip import CLIP, Clip, open_clip
from unidiff_cli.evaluate.inception import InceptionV3
from unidiff_cli.evaluate.networks import INCEPTION_FILES, open_network

CPU = torch.device("cpu")
PUBLISHED_PARAMETERS = 21_785_568
"""Of InceptionV3 without its classes."""


@pytest.fixture
def clip(random_clip: str) -> Clip:
    return open_clip(random_clip, CPU)


def test_a_picture_is_seen_as_by_transformers(clip: Clip, random_clip: str) -> None:
    from transformers import CLIPVisionModelWithProjection

    picture = Image.linear_gradient("L").convert("RGB").resize((90, 50))
    net = CLIPVisionModelWithProjection(clip.net.config.vision_config).eval()
    net.load_state_dict(clip.net.state_dict(), strict=False)
    with torch.no_grad():
        wanted = net(pixel_values=clip_pixels(picture, clip.side)).image_embeds
    torch.testing.assert_close(clip.features([picture]), wanted)
    assert (clip.width, clip.side, clip.name) == (16, 32, random_clip)


def test_words_are_read_as_by_transformers(clip: Clip) -> None:
    from transformers import CLIPTextModelWithProjection

    texts = ["a", "a red fox", "words " * 50]
    net = CLIPTextModelWithProjection(clip.net.config.text_config).eval()
    net.load_state_dict(clip.net.state_dict(), strict=False)
    ids = [clip.tokenizer.encode(text).ids for text in texts]
    assert [len(row) for row in ids] == [3, 9, 16]
    with torch.no_grad():
        rows = [net(input_ids=torch.tensor([row])).text_embeds for row in ids]
    torch.testing.assert_close(clip.words(texts), torch.cat(rows))


def test_a_tower_alone_gives_features_but_no_score(random_clip: str, clip: Clip) -> None:
    from transformers import CLIPVisionModelWithProjection

    net = CLIPVisionModelWithProjection(clip.net.config.vision_config)
    net.load_state_dict(clip.net.state_dict(), strict=False)
    net.save_pretrained("tower")
    picture = Image.new("RGB", (32, 32), "red")
    seen = open_network("tower", CPU).features([picture])
    torch.testing.assert_close(seen, clip.features([picture]))
    with pytest.raises(ModelUnavailable, match="no CLIP"):
        open_clip("tower", CPU)


def test_what_is_not_here_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(Path.cwd()))
    with pytest.raises(ModelUnavailable, match="is not on this machine") as no:
        open_clip(CLIP, CPU)
    assert no.value.hint.startswith(f"Fetch it: hf download {CLIP} config.json")
    with pytest.raises(ModelUnavailable, match="InceptionV3 that FID was published") as no:
        open_network("inception", CPU)
    assert INCEPTION_FILES[0] in no.value.hint
    with pytest.raises(ModelUnavailable, match="no network 'nonsense'"):
        open_network("nonsense", CPU)


def test_a_clip_in_the_hubs_cache_has_its_id(
    random_clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(Path("cache").resolve()))
    base = Path("cache/models--some--clip")
    shutil.copytree(random_clip, base / "snapshots" / "abc")
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("abc")
    (base / "snapshots" / "abc" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0, 0, 0], "image_std": [1, 1, 1]})
    )
    network = open_clip("some/clip", CPU)
    assert (network.name, network.mean) == ("some/clip", (0, 0, 0))


def test_a_clip_of_transformers_5_says_how_its_pictures_are_normalised(random_clip: str) -> None:
    """Its CLIPProcessor writes the image part into processor_config.json, and no other file."""
    from transformers import CLIPImageProcessorPil, CLIPProcessor, PreTrainedTokenizerFast

    shutil.copytree(random_clip, "mine")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file="mine/tokenizer.json")
    half = CLIPImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.5] * 3)
    CLIPProcessor(image_processor=half, tokenizer=tokenizer).save_pretrained("mine")
    assert open_clip("mine", CPU).mean == (0.5, 0.5, 0.5)  # though the other file says otherwise
    Path("mine/preprocessor_config.json").unlink()
    network = open_clip("mine", CPU)
    assert (network.mean, network.std, network.notes) == ((0.5,) * 3, (0.5,) * 3, ())
    Path("mine/processor_config.json").write_text('{"processor_class": "CLIPProcessor"}')
    network = open_clip("mine", CPU)
    assert (network.mean, network.std) == (CLIP_MEAN, CLIP_STD)
    assert "says nothing of how its pictures are normalised" in network.notes[0]


def test_a_clip_has_a_resizing_of_its_own(random_clip: str) -> None:
    with pytest.raises(UsageError, match="--resize legacy is for InceptionV3"):
        open_network(random_clip, CPU, "legacy")


def test_weights_that_are_no_clip(random_clip: str) -> None:
    shutil.copytree(random_clip, "broken")
    Path("broken/model.safetensors").write_bytes(b"words")
    with pytest.raises(ModelUnavailable, match="cannot be loaded as a CLIP"):
        open_network("broken", CPU)
    from safetensors.torch import load_file, save_file

    tensors = load_file(Path(random_clip, "model.safetensors"))
    del tensors["visual_projection.weight"]
    save_file(tensors, "broken/model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnavailable, match="not those of a whole CLIP"):
        open_network("broken", CPU)


def test_inception_is_as_large_as_published() -> None:
    with torch.device("meta"):
        net = InceptionV3()
    assert sum(p.numel() for p in net.parameters()) == PUBLISHED_PARAMETERS
    names = net.state_dict()
    assert names["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    assert names["Mixed_6e.branch7x7dbl_2.conv.weight"].shape == (192, 192, 7, 1)
    assert net(torch.empty(2, 3, 299, 299, device="meta")).shape == (2, 2048)


def test_inception_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(Path.cwd()))
    net = InceptionV3()
    tensors = {name: t for name, t in net.state_dict().items() if "num_batches" not in name}
    Path("hub/checkpoints").mkdir(parents=True)
    file = Path("hub/checkpoints", INCEPTION_FILES[1])
    torch.save(tensors | {"fc.weight": torch.ones(1008, 2048)}, file)
    picture = Image.linear_gradient("L").convert("RGB")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    seen = {}
    for where, resize in (("inception", None), (str(file), "legacy"), (str(file), "clean")):
        network = open_network(where, CPU, resize)
        seen[where, resize] = network.features([picture])
        assert seen[where, resize].shape == (1, 2048)
        assert seen[where, resize].isfinite().all()
        assert network.name == where
        assert network.about == {"resize": resize or "clean", "sha256": digest}
        assert f"(sha256 {digest[:8]}), not the file that FID was" in network.notes[0]
    assert torch.equal(seen["inception", None], seen[str(file), "clean"])
    assert not torch.equal(seen["inception", None], seen[str(file), "legacy"])
    del tensors["Mixed_5b.branch1x1.conv.weight"]
    torch.save(tensors, "half.pth")
    with pytest.raises(ModelUnavailable, match="no weights of the InceptionV3"):
        open_network("half.pth", CPU)
