"""The U-ViT: conformance vectors, frozen keys and counts, positions, time and order of patches."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unidiff_cli.nets.products import attend
from unidiff_cli.nets.uvit import UViT, UViTConfig, time_embedding

TINY = UViTConfig(
    channels=4,
    size=8,
    patch=2,
    dim=32,
    depth=4,
    heads=4,
    text_tokens=5,
    text_dim=6,
    clip_dim=7,
)


def filled(data_types: int) -> UViT:
    """The tiny network whose weights are a known wave, key by key."""
    config = UViTConfig(**{**vars(TINY), "data_types": data_types})
    net = UViT(config).eval().requires_grad_(False)
    for k, (name, tensor) in enumerate(sorted(net.state_dict().items())):
        i = torch.arange(tensor.numel(), dtype=torch.float64)
        wave = torch.sin(0.61803 * i + k)
        is_norm = re.search(r"norm\d?\.weight$", name)
        tensor.copy_((1 + 0.1 * wave if is_norm else 0.15 * wave).view_as(tensor))
    return net


def wave(shape: tuple[int, ...], function: Callable[[Tensor], Tensor]) -> Tensor:
    count = torch.Size(shape).numel()
    return function(torch.arange(count, dtype=torch.float64)).view(shape).float()


def inputs(height: int, width: int, batch: int = 1) -> tuple[Tensor, ...]:
    return (
        wave((batch, 4, height, width), lambda i: torch.sin(0.1 * i)),
        wave((batch, 1, 7), lambda i: torch.cos(0.2 * i)),
        wave((batch, 5, 6), lambda i: torch.sin(0.3 * i + 0.5)),
        torch.full((batch,), 37.25),
        torch.full((batch,), 940.0),
    )


CONFORMANCE = [
    (
        0,
        8,
        [0.28322, -0.49535, 0.15872, -0.37490, 0.03360, 0.39097],
        [-0.26754, 0.00803, 0.30944, 0.35715],
        [-0.19151, -0.26083, -0.06084, 0.25008],
    ),
    (
        2,
        8,
        [0.29108, -0.50450, 0.16694, -0.38677, 0.03406, 0.39243],
        [-0.27039, 0.00890, 0.31334, 0.36096],
        [-0.21569, -0.03822, 0.22125, 0.32298],
    ),
    (
        0,
        12,
        [0.23230, -0.53397, 0.33259, -0.69416, 0.10857, 0.92620],
        [-0.14954, 0.02455, 0.21126, 0.22284],
        [-0.10078, -0.12138, 0.01574, 0.20251],
    ),
    (
        2,
        12,
        [0.23353, -0.52885, 0.31865, -0.65969, 0.11119, 0.94675],
        [-0.15602, 0.02611, 0.21961, 0.23130],
        [-0.07445, 0.03072, 0.16272, 0.18382],
    ),
]


@pytest.mark.parametrize(("data_types", "size", "image", "clip", "text"), CONFORMANCE)
def test_conformance_vectors(
    data_types: int, size: int, image: list[float], clip: list[float], text: list[float]
) -> None:
    """First four numbers of each head, and the image's mean and deviation."""
    kind = torch.ones(1, dtype=torch.long) if data_types else None
    noise = filled(data_types)(*inputs(size, size), kind)
    summary = [
        *noise.image.flatten()[:4].tolist(),
        noise.image.mean().item(),
        noise.image.std(correction=0).item(),
    ]
    assert summary == pytest.approx(image, abs=1e-5)
    assert noise.clip.flatten()[:4].tolist() == pytest.approx(clip, abs=1e-5)
    assert noise.text.flatten()[:4].tolist() == pytest.approx(text, abs=1e-5)


@pytest.mark.parametrize(("data_types", "count", "keys"), [(0, 70_141, 78), (2, 70_237, 80)])
def test_size_of_the_conformance_network(data_types: int, count: int, keys: int) -> None:
    net = filled(data_types)
    assert sum(p.numel() for p in net.parameters()) == count
    assert len(net.state_dict()) == keys


@pytest.mark.parametrize(
    ("data_types", "count", "keys"), [(0, 952_504_912, 416), (2, 952_509_520, 418)]
)
def test_full_size(data_types: int, count: int, keys: int) -> None:
    with torch.device("meta"):
        net = UViT(UViTConfig(data_types=data_types))
    state = net.state_dict()
    assert sum(p.numel() for p in net.parameters()) == count
    assert len(state) == keys
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    expected = {
        "pos_embed": (1, 1104, 1536),
        "patch_embed.proj.weight": (1536, 4, 2, 2),
        "text_embed.weight": (1536, 64),
        "clip_img_embed.weight": (1536, 512),
        "norm.bias": (1536,),
        "decoder_pred.weight": (16, 1536),
        "clip_img_out.weight": (512, 1536),
        "text_out.bias": (64,),
        "in_blocks.14.attn.qkv.weight": (4608, 1536),
        "mid_block.mlp.fc1.weight": (6144, 1536),
        "out_blocks.0.mlp.fc2.weight": (1536, 6144),
        "out_blocks.14.skip_linear.weight": (1536, 3072),
        "out_blocks.14.norm1.weight": (1536,),
    }
    if data_types:
        expected["pos_embed_token"] = (1, 1, 1536)
        expected["token_embedding.weight"] = (2, 1536)
    assert {name: shapes[name] for name in expected} == expected


def test_the_keys_are_frozen() -> None:
    top = {"pos_embed", "pos_embed_token", "token_embedding.weight", "patch_embed.proj.weight"}
    top |= {"patch_embed.proj.bias"}
    heads = ("text_embed", "clip_img_embed", "norm", "decoder_pred", "clip_img_out", "text_out")
    top |= {f"{name}.{kind}" for name in heads for kind in ("weight", "bias")}
    linear = ("norm2", "norm3", "attn.proj", "mlp.fc1", "mlp.fc2")
    inner = {f"{name}.{kind}" for name in linear for kind in ("weight", "bias")}
    inner |= {"attn.qkv.weight"}
    outer = inner | {f"{n}.{kind}" for n in ("norm1", "skip_linear") for kind in ("weight", "bias")}
    blocks = {f"in_blocks.{n}.{name}" for n in range(2) for name in inner}
    blocks |= {f"mid_block.{name}" for name in inner}
    blocks |= {f"out_blocks.{n}.{name}" for n in range(2) for name in outer}
    assert set(UViT(TINY).state_dict()) == top | blocks
    without = set(UViT(UViTConfig(**{**vars(TINY), "data_types": 0})).state_dict())
    assert without == (top | blocks) - {"pos_embed_token", "token_embedding.weight"}


@pytest.mark.parametrize("data_types", [0, 2])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 16), (6, 10), (2, 8), (16, 4)])
def test_every_size_has_its_own_shape(data_types: int, height: int, width: int) -> None:
    noise = filled(data_types)(*inputs(height, width, batch=2))
    assert noise.image.shape == (2, 4, height, width)
    assert noise.clip.shape == (2, 1, 7)
    assert noise.text.shape == (2, 5, 6)
    assert all(part.isfinite().all() for part in noise)


@pytest.mark.parametrize("data_types", [0, 2])
def test_several_embeddings_of_a_picture_have_a_token_and_an_answer_each(data_types: int) -> None:
    """Without attention's mixing each is answered by its own token, and by no other."""
    torch.manual_seed(0)
    net = UViT(UViTConfig(**{**vars(TINY), "data_types": data_types, "clip_tokens": 5})).eval()
    for block in (*net.in_blocks, net.mid_block, *net.out_blocks):
        torch.nn.init.zeros_(block.attn.proj.weight)
    image, _, *rest = inputs(6, 10)
    clip = torch.randn(1, 5, 7)
    before = net(image, clip, *rest)
    assert before.clip.shape == (1, 5, 7)
    assert before.text.shape == (1, 5, 6)
    clip[:, 3] += 1
    after = net(image, clip, *rest)
    moved = (after.clip - before.clip).abs().amax(dim=(0, 2)) > 1e-6
    assert moved.tolist() == [False, False, False, True, False]
    torch.testing.assert_close(after.text, before.text)
    torch.testing.assert_close(after.image, before.image)


def test_rows_and_columns_are_not_mixed_up() -> None:
    """A network without attention's mixing answers for each patch at its own place."""
    net = filled(0)
    net.pos_embed.zero_()
    for block in (*net.in_blocks, net.mid_block, *net.out_blocks):
        block.attn.proj.weight.zero_()
    image, *rest = inputs(4, 12)
    before = net(image, *rest).image
    touched = image.clone()
    touched[:, :, 2:4, 6:8] += 0.5
    changed = (net(touched, *rest).image - before).abs().amax(dim=(0, 1)) > 1e-6
    expected = torch.zeros(4, 12, dtype=torch.bool)
    expected[2:4, 6:8] = True
    assert torch.equal(changed, expected)


def test_position_embeddings_are_resized_as_pictures_are() -> None:
    net = filled(2)
    assert torch.equal(net.positions(4, 4)[:, :2], net.pos_embed[:, :2])
    assert torch.equal(net.positions(4, 4)[:, 2:3], net.pos_embed_token)
    assert torch.equal(net.positions(4, 4)[:, 3:], net.pos_embed[:, 2:])
    square = net.pos_embed[:, -16:].view(1, 4, 4, 32)
    wide = net.positions(4, 8)[:, -32:].view(1, 4, 8, 32)
    assert torch.equal(net.positions(4, 8)[:, :9], net.positions(4, 4)[:, :9])
    # Twice as wide: the ends stay, and what lies between is mixed from its two neighbours.
    torch.testing.assert_close(wide[:, :, 0], square[:, :, 0])
    torch.testing.assert_close(wide[:, :, -1], square[:, :, -1])
    mixed = 0.75 * square[:, :, 1] + 0.25 * square[:, :, 2]
    torch.testing.assert_close(wide[:, :, 3], mixed)


def test_un_patchify_has_channels_fastest() -> None:
    net = filled(0)
    net.decoder_pred.weight.zero_()
    net.decoder_pred.bias.copy_(torch.arange(16.0))
    image = net(*inputs(4, 6)).image
    for row in range(2):
        for column in range(2):
            for channel in range(4):
                patch = image[0, channel, row::2, column::2]
                assert (patch == 8 * row + 4 * column + channel).all()


def test_time_embedding() -> None:
    clean, noise = time_embedding(torch.tensor([0.0, 1000.0]), 1536)
    assert torch.equal(clean, torch.cat([torch.ones(768), torch.zeros(768)]))
    i = torch.arange(768, dtype=torch.float64)
    angle = 1000 * torch.exp(-torch.log(torch.tensor(10_000.0)) * i / 768)
    exact = torch.cat([angle.cos(), angle.sin()]).float()
    torch.testing.assert_close(noise, exact, atol=2e-4, rtol=0)
    half = time_embedding(torch.tensor([37.25]), 4)[0].tolist()
    exact = [f(angle) for f in (math.cos, math.sin) for angle in (37.25, 0.3725)]
    assert half == pytest.approx(exact, abs=1e-5)


def test_only_its_position_tells_the_two_times_apart() -> None:
    net = filled(0)
    image, clip, text, t_image, t_text = inputs(8, 8)
    swapped = net(image, clip, text, t_text, t_image).image
    assert (swapped - net(image, clip, text, t_image, t_text).image).abs().max() > 1e-3
    net.pos_embed[:, 1] = net.pos_embed[:, 0]
    swapped = net(image, clip, text, t_text, t_image).image
    torch.testing.assert_close(swapped, net(image, clip, text, t_image, t_text).image)


def test_the_data_type_is_a_token_of_v1_and_the_cleaner_set_by_default() -> None:
    net, asked = filled(2), inputs(8, 8)
    web, clean = (net(*asked, torch.full((1,), kind)).image for kind in (0, 1))
    assert torch.equal(net(*asked).image, clean)
    assert (web - clean).abs().max() > 1e-3
    assert net.embed(*asked).shape[1] == filled(0).embed(*asked).shape[1] + 1


def test_initialisation() -> None:
    torch.manual_seed(0)
    net = UViT(UViTConfig(**{**vars(TINY), "dim": 96}))
    net.initialise()
    assert net.pos_embed.std().item() == pytest.approx(0.02, rel=0.05)
    assert net.in_blocks[0].mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not net.text_out.bias.any()
    assert (net.norm.weight == 1).all()
    assert not net.pos_embed_token.any()
    assert net.token_embedding.weight.std() > 0.5
    assert 0.2 < net.patch_embed.proj.weight.abs().max() <= 0.25


def test_attention_is_the_same_where_it_is_trained() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v, pull = torch.randn(4, 2, 3, 7, 8, generator=generator)

    def gradients(attention: Callable[[Tensor, Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        out = attention(*leaves)
        return (out.detach(), *torch.autograd.grad(out, leaves, pull))

    fused = gradients(torch.nn.functional.scaled_dot_product_attention)
    for own, other in zip(gradients(attend), fused, strict=True):
        torch.testing.assert_close(own, other)
