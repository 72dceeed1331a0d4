"""Other programs' pictures: each with the texts as that program writes them, in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Cli, cli
from tests.files.pictures import png, with_exif
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.xmp import packet

__all__ = ["cli"]

GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "scheduler": "karras",
            "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "zorp.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
}  # fmt: skip
FLUX = {
    "1": {"class_type": "RandomNoise", "inputs": {"noise_seed": 9}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["9", 0]}},
    "3": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["2", 0]}},
    "4": {"class_type": "BasicGuider", "inputs": {"conditioning": ["3", 0], "model": ["5", 0]}},
    "5": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux.safetensors"}},
    "6": {"class_type": "BasicScheduler", "inputs": {"steps": 4, "scheduler": "simple"}},
    "7": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["1", 0], "guider": ["4", 0], "sigmas": ["6", 0], "latent_image": ["8", 0],
        },
    },
    "note": {"class_type": "Note", "inputs": {"text": "not for the model"}},
}  # fmt: skip
A1111 = 'a cat\nNegative prompt: blurry\nSteps: 20, CFG scale: 7.5, Seed: 5, Model: "zorp, v2"'
CAT: dict[str, Any] = {"prompt": "a cat", "seed": 5, "steps": 20, "guidance": 7.5}
MANY = {"negative_prompt": "blurry", "model": "zorp", "size": "512x768"}


def unicode(text: str) -> bytes:
    return b"UNICODE\0" + text.encode("utf-16-be")


def comfy() -> Path:
    return png(prompt=json.dumps(GRAPH), workflow=json.dumps({"nodes": [], "links": []}))


def comfy_flux() -> Path:
    return png(prompt=json.dumps(FLUX))


def comfy_webp() -> Path:
    tags = {0x0110: f"prompt:{json.dumps(GRAPH)}", 0x010F: 'workflow:{"nodes": []}'}
    return with_exif("a.webp", tags)


def invoke() -> Path:
    values = {
        "app_version": "5.0.0", "positive_prompt": "a cat", "negative_prompt": "blurry",
        "width": 512, "height": 768, "seed": 5, "steps": 20, "cfg_scale": 7.5,
        "scheduler": "euler", "model": {"key": "k", "name": "zorp", "base": "sd-1"},
    }  # fmt: skip
    return png(invokeai_metadata=json.dumps(values), invokeai_graph="{}")


def invoke_2() -> Path:
    image = {
        "prompt": [{"prompt": "a cat", "weight": 1.0}], "seed": 5, "steps": 20,
        "cfg_scale": 7.5, "sampler": "k_euler", "width": 512, "height": 768,
    }  # fmt: skip
    values = {"model": "stable diffusion", "model_weights": "zorp", "image": image}
    return png(sd_metadata=json.dumps(values), Dream='"a cat" -s 20 -S 5')


def novel() -> Path:
    comment = {
        "prompt": "a cat", "steps": 20, "scale": 7.5, "seed": 5, "uc": "blurry",
        "sampler": "k_euler", "width": 512, "height": 768, "strength": None,
    }  # fmt: skip
    return png(Title="AI generated image", Software="NovelAI", Source="zorp",
               Description="a cat", Comment=json.dumps(comment))  # fmt: skip


EASY = {
    "prompt": "a cat", "negative_prompt": "blurry", "seed": 5, "num_inference_steps": 20,
    "guidance_scale": 7.5, "width": 512, "height": 768, "sampler_name": "euler",
    "use_stable_diffusion_model": "zorp",
}  # fmt: skip


def easy() -> Path:
    return png(**{name: str(value) for name, value in EASY.items()})


def easy_jpeg() -> Path:
    return with_exif("a.jpg", comment=unicode(json.dumps(EASY)))


def mflux() -> Path:
    values = {
        "mflux_version": "0.10.0", "model": "zorp", "base_model": "None", "seed": 5, "steps": 20,
        "guidance": 7.5, "prompt": "a cat", "width": 512, "height": 768, "controlnet": None,
        "negative_prompt": "blurry",
    }  # fmt: skip
    return with_exif("a.png", comment=json.dumps(values).encode())


def draw_things() -> Path:
    values = {
        "c": "a cat", "uc": "blurry", "model": "zorp", "sampler": "Euler A", "scale": 7.5,
        "seed": 5, "size": "512x768", "steps": 20, "v2": {"width": 512},
    }  # fmt: skip
    data = packet("", "", "", "").decode().replace(
        "</rdf:Description>",
        '<e:UserComment xmlns:e="http://ns.adobe.com/exif/1.0/"><rdf:Alt><rdf:li '
        f'xml:lang="x-default">{json.dumps(values)}</rdf:li></rdf:Alt></e:UserComment>'
        "</rdf:Description>",
    )  # fmt: skip
    return png(**{"XML:com.adobe.xmp": data})


def swarm() -> Path:
    inner = {
        "prompt": "a cat", "negativeprompt": "blurry", "model": "zorp", "seed": 5, "steps": 20,
        "cfgscale": 7.5, "width": 512, "height": 768, "swarm_version": "0.9",
    }  # fmt: skip
    return png(parameters=json.dumps({"sui_image_params": inner}))


def fooocus() -> Path:
    values = {
        "prompt": "a cat", "negative_prompt": "blurry", "base_model": "zorp", "seed": "5",
        "base_model_hash": "1", "steps": 20, "guidance_scale": 7.5, "size": "512x768",
    }  # fmt: skip
    return png(parameters=json.dumps({**values, "seed": 5}), fooocus_scheme="fooocus")


@pytest.mark.parametrize(
    ("make", "program", "settings"),
    [
        (comfy, "ComfyUI", {**CAT, **MANY, "model": "zorp.safetensors", "scheduler": "karras"}),
        (comfy_webp, "ComfyUI", {**CAT, **MANY, "model": "zorp.safetensors"}),
        (comfy_flux, "ComfyUI", {"prompt": "a cat", "seed": 9, "steps": 4, "guidance": 3.5,
                                 "model": "flux.safetensors", "scheduler": "simple"}),
        (invoke, "InvokeAI", {**CAT, **MANY, "version": "5.0.0"}),
        (invoke_2, "InvokeAI", {**CAT, "model": "zorp", "size": "512x768", "sampler": "k_euler"}),
        (novel, "NovelAI", {**CAT, **MANY, "sampler": "k_euler"}),
        (easy, "Easy Diffusion", {**CAT, **MANY, "sampler": "euler"}),
        (easy_jpeg, "Easy Diffusion", {**CAT, **MANY, "sampler": "euler"}),
        (mflux, "mflux", {**CAT, **MANY, "version": "0.10.0"}),
        (draw_things, "Draw Things", {**CAT, **MANY, "sampler": "Euler A"}),
        (swarm, "SwarmUI", {**CAT, **MANY, "version": "0.9"}),
        (fooocus, "Fooocus", {**CAT, **MANY}),
    ],
)  # fmt: skip
def test_a_program_is_known_and_says_how(
    make: Callable[[], Path], program: str, settings: dict[str, Any], cli: Cli
) -> None:
    path = make()
    known = read_metadata(path)
    assert known.program == program
    assert {name: known.settings.get(name) for name in settings} == settings
    assert "not for the model" not in str(known.settings)
    (told,) = map(json.loads, cli("info", str(path), "--json").stdout.splitlines())
    assert (told["program"], told["settings"]["prompt"]) == (program, "a cat")
    said = cli("info", str(path)).stdout
    assert "says nothing" not in said
    assert "a cat" in said
    assert program in said


@pytest.mark.parametrize("where", ["png", "jpg"])
@pytest.mark.parametrize(
    ("text", "program"),
    [
        (A1111, "AUTOMATIC1111"),
        (f"{A1111}, Version: stable-diffusion.cpp", "stable-diffusion.cpp"),
        (
            f'{A1111}, Version: stable-diffusion.cpp, SDCPP: {{"Seed": 6, "x": "Model: y"}}',
            "stable-diffusion.cpp",
        ),
    ],
    ids=["plain", "cpp", "tail"],
)
def test_parameters_are_read(where: str, text: str, program: str, cli: Cli) -> None:
    path = (
        png(parameters=text)
        if where == "png"
        else with_exif("a.jpg", comment=unicode(text))
    )  # fmt: skip
    known = read_metadata(path)
    assert (known.program, known.parameters) == (program, text)
    told = {"prompt": "a cat", "negative_prompt": "blurry", "seed": 5, "model": "zorp, v2"}
    assert told.items() <= known.settings.items()
    assert text.splitlines()[1] in cli("info", str(path)).stdout


def test_a_long_text_is_shown_by_its_beginning(cli: Cli) -> None:
    png("a.png", workflow="w" * 5000)
    said = cli("info", "a.png").stdout
    assert "www ... (5,000 characters; --json has all)" in said
    assert len(said) < 700
    assert json.loads(cli("info", "a.png", "--json").stdout)["texts"] == {"workflow": "w" * 5000}


@pytest.mark.parametrize(
    "graph",
    [
        "{}",
        "[]",
        '{"1": {"class_type": "A"}}',
        '{"1": {"class_type": "A", "inputs": []}}',
        '{"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "latent_image": 0}}}',
        '{"1": {"class_type": "A", "inputs": {"seed": NaN, "steps": 1e999, "text": ["9", 9]}}}',
        '{"1": {"class_type": "A", "inputs": {"seed": true, "text": "\\u001b[2J"}}}',
        '{"a": ' * 50_000,
    ],
)
def test_a_hostile_graph_is_mere_data(graph: str, cli: Cli) -> None:
    png("a.png", prompt=graph)
    done = cli("info", "a.png")
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert cli("info", "a.png", "--json").exit_code == 0


def test_a_photo_says_what_camera_it_is_from(cli: Cli) -> None:
    with_exif("a.jpg", {0x010F: "Apple", 0x0110: "iPhone 15"}, b"ASCII\0\0\0Screenshot")
    said = cli("info", "a.jpg").stdout
    assert "It says nothing of how it was made, but has texts:\n" in said
    for row in ("  Make              Apple\n", "  UserComment       Screenshot\n"):
        assert row in said
    Image.new("RGB", (8, 8)).save("b.gif")
    assert cli("info", "b.gif").stdout.endswith("  It says nothing of how it was made.\n")


def test_a_mark_alone_is_told(cli: Cli) -> None:
    from unidiff_cli.files.profile import marked_srgb

    Image.new("RGB", (8, 8)).save("a.png", icc_profile=marked_srgb())
    assert cli("info", "a.png").stdout.splitlines()[1:] == [
        "  It says nothing of how it was made, but by whom:",
        "  Made by a trained model (IPTC trainedAlgorithmicMedia).",
    ]


def test_a_prompt_a_name_and_a_hash_of_digits_stay_texts() -> None:
    text = "2077\nSteps: 20, Model: 1e5, Model hash: 0123456789, VAE hash: 72e3450987, Seed: 5"
    path = png(parameters=text)
    told = {"prompt": "2077", "model": "1e5", "model_hash": "0123456789", "vae_hash": "72e3450987"}
    assert read_metadata(path).settings == {**told, "steps": 20, "seed": 5}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_a_walk_with_what_is_no_number_is_told_and_stops_nothing(number: str, cli: Cli) -> None:
    path = png(
        unidiff=f'{{"format": "unidiff", "version": 1, "records": [], "walk": {{"x": {number}}}}}'
    )
    done = cli("info", str(path), str(path), "--json")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)
    assert json.loads(done.stdout.splitlines()[0])["problem"] == (
        "its walk is no object of plain values"
    )
