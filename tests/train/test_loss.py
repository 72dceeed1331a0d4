from dataclasses import replace

import pytest
import torch
from torch import Tensor

from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.sampler import Levels
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.engine.predictor import UViTPredictor, as_noise
from unidiff_cli.errors import UsageError
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.train.loss import (
    ABSENT,
    START,
    LatentPairs,
    Objective,
    ObjectiveConfig,
    draw_levels,
    noised,
    read,
)
from unidiff_cli.train.uvit import start_small

TINY = UViTConfig(
    channels=2,
    size=4,
    dim=16,
    depth=2,
    heads=2,
    text_tokens=3,
    text_dim=5,
    clip_dim=6,
    data_types=0,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model() -> UViT:
    torch.manual_seed(0)
    model = UViT(TINY)
    model.initialise()
    return model


def pairs(batch: int) -> LatentPairs:
    draw = seeded(5)
    shapes = [(batch, 2, 4, 4), (batch, 1, 6), (batch, 3, 5)]
    return LatentPairs(*(torch.randn(shape, generator=draw) for shape in shapes))


def test_published_levels_are_uniform_and_independent() -> None:
    levels = draw_levels(200_000, 0.0, seeded()).double()
    assert (levels.min(), levels.max()) == (1, 1000)
    counts = torch.bincount(levels.flatten().long(), minlength=1001)[1:]
    assert counts.min() > 300  # 400 expected, standard deviation 20
    assert counts.max() < 500
    correlation = torch.corrcoef(levels.T)[0, 1]
    assert abs(correlation) < 0.01


def leg(image: int, text: int) -> str:
    match image, text:
        case _, 0:
            return "t2i"
        case 0, _:
            return "i2t"
        case _ if image == ABSENT:
            return "t"
        case _ if text == ABSENT:
            return "i"
        case _:
            return "joint" if image == text else "inside"


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_levels_lie_on_the_five_legs_as_often_as_asked(share: float) -> None:
    levels = draw_levels(20_000, share, seeded()).tolist()
    names = [leg(*level) for level in levels]
    for name in ("t2i", "i2t", "joint", "i", "t"):
        assert names.count(name) / len(names) == pytest.approx(share / 5, abs=0.01)
    sampled = [n for level in levels for n in level if 0 < n < ABSENT]
    assert min(sampled) == 1
    assert max(sampled) == 1000


def test_some_legs_are_drawn_more_often() -> None:
    config = ObjectiveConfig(legs=1.0, often={"t2i": 3, "i2t": 2, "i": 0})
    levels = draw_levels(20_000, 1.0, seeded(), config.weights).tolist()
    names = [leg(*level) for level in levels]
    for name, share in {"t2i": 3, "i2t": 2, "joint": 1, "i": 0, "t": 1}.items():
        assert names.count(name) / len(names) == pytest.approx(share / 7, abs=0.01)


def test_all_legs_may_have_whole_numbers() -> None:
    config = ObjectiveConfig(legs=1.0, often={"t2i": 0, "i2t": 6, "joint": 0, "i": 0, "t": 1})
    levels = draw_levels(1000, 1.0, seeded(), config.weights).tolist()
    assert {leg(*level) for level in levels} == {"i2t", "t"}


def test_what_is_only_read_stands_on_the_leg_of_captions() -> None:
    only = torch.arange(20_000) % 4 == 0
    levels = read(draw_levels(20_000, 0.5, seeded()), only, seeded())
    image, text = levels[only].unbind(1)
    assert not image.any()
    assert 0 < text.min() < 100
    assert text.max() == 1000
    assert text.double().mean() == pytest.approx(667, abs=10)  # as often as they are high
    assert (text <= 250).double().mean() == pytest.approx(1 / 16, abs=0.01)
    assert torch.equal(levels[~only], draw_levels(20_000, 0.5, seeded())[~only])


def test_pictures_that_are_only_read_are_shown_clean_and_never_asked_for(model: UViT) -> None:
    seen: list[tuple[Tensor, ...]] = []
    model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    joined = LatentPairs.joined(pairs(6), pairs(2))
    Objective(model, ObjectiveConfig(legs=1.0))(joined, seeded())
    image, clip, _, t_image, t_text, _ = seen[0]
    assert torch.equal(image[6:], joined.image[6:])
    assert torch.equal(clip[6:], joined.clip[6:])
    assert t_image[6:].tolist() == [0, 0]
    assert t_text[6:].min() > 0
    assert not torch.equal(image[:6], joined.image[:6])


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(UsageError, match="start is a share"):
        ObjectiveConfig(start=1.5)


@pytest.mark.parametrize(
    ("often", "said"),
    [
        ({"t2t": 1.0}, "often has 't2t'"),
        ({"i": -1.0}, "must not be negative"),
        (dict.fromkeys(("t2i", "i2t", "joint", "i", "t"), 0.0), "not 0 for every leg"),
    ],
)
def test_odd_legs_are_refused(often: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ObjectiveConfig(often=often)


def test_loss_is_the_hand_written_one(model: UViT) -> None:
    clean, levels = pairs(3), torch.tensor([[1, 1000], [400, 250], [999, 3]])
    losses = Objective(model, ObjectiveConfig(image=2.0, clip=0.5, text=3.0)).at(
        clean, levels, seeded(9)
    )
    draw, schedule = seeded(9), stable_diffusion()
    noises = [torch.randn(z.shape, generator=draw) for z in (clean.image, clean.clip, clean.text)]
    expected = torch.zeros(3)
    for row in range(3):
        t_image, t_text = levels[row].tolist()

        def mix(z: Tensor, noise: Tensor, n: int, row: int = row) -> Tensor:
            t = n / 1000
            return (schedule.alpha(t) * z[row] + schedule.sigma(t) * noise[row])[None]

        out = model(
            mix(clean.image, noises[0], t_image),
            mix(clean.clip, noises[1], t_image),
            mix(clean.text, noises[2], t_text),
            levels[row : row + 1, 0],
            levels[row : row + 1, 1],
        )
        expected += torch.stack(
            [
                (part[0] - noise[row]).square().mean()
                for part, noise in zip(out, noises, strict=True)
            ]
        )
    got = torch.stack([losses["image"], losses["clip"], losses["text"]])
    torch.testing.assert_close(got, expected / 3)
    torch.testing.assert_close(losses["total"], (expected / 3 * torch.tensor([2, 0.5, 3])).sum())


def test_what_a_leg_does_not_sample_does_not_count(model: UViT) -> None:
    """t2i's clean text and i's absent text have no noise that anyone would ask for."""
    clean, objective = pairs(2), Objective(model, ObjectiveConfig())
    losses = objective.at(clean, torch.tensor([[500, 0], [500, ABSENT]]), seeded())
    assert losses["text"] == 0
    assert losses["image"] > 0
    losses = objective.at(clean, torch.tensor([[0, 500], [ABSENT, 500]]), seeded())
    assert losses["image"] == losses["clip"] == 0
    assert losses["text"] > 0


def test_what_is_given_is_clean_and_what_is_absent_tells_nothing(model: UViT) -> None:
    seen: list[tuple[Tensor, ...]] = []
    model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    clean = pairs(2)
    Objective(model, ObjectiveConfig()).at(clean, torch.tensor([[500, 0], [0, ABSENT]]), seeded())
    image, clip, text, t_image, t_text, _ = seen[0]
    assert torch.equal(text[0], clean.text[0])
    assert torch.equal(image[1], clean.image[1])
    assert torch.equal(clip[1], clean.clip[1])
    draw = seeded()
    noises = [torch.randn(z.shape, generator=draw) for z in (clean.image, clean.clip, clean.text)]
    assert torch.equal(text[1], noises[2][1])
    assert (t_image.tolist(), t_text.tolist()) == ([500, 0], [0, 1000])


def test_a_share_of_the_samples_stands_where_sampling_begins() -> None:
    plain = draw_levels(20_000, 0.7, seeded())
    levels = draw_levels(20_000, 0.7, seeded(), start=0.1)
    begun = (levels == START).any(1)
    assert begun.double().mean() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(levels[~begun], plain[~begun])
    for was, became in zip(plain[begun].tolist(), levels[begun].tolist(), strict=True):
        assert became == [n if n in (0, ABSENT) else START for n in was]  # what is given stays


def test_at_the_start_nothing_is_shown_but_the_answer_is_that_of_level_1000(model: UViT) -> None:
    seen: list[tuple[Tensor, ...]] = []
    model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    clean, levels = pairs(2), torch.full((2, 2), START)
    losses = Objective(model, ObjectiveConfig()).at(clean, levels, seeded())
    assert min(losses.values()) > 0
    first = noised((clean.image, clean.clip), levels[:, 0], seeded(), "velocity")
    last = noised((clean.image, clean.clip), torch.full((2,), 1000), seeded(), "velocity")
    draw = seeded()
    for part, like in zip(first.parts, (clean.image, clean.clip), strict=True):
        assert torch.equal(part, torch.randn(like.shape, generator=draw))
    for target, same in zip(first.targets, last.targets, strict=True):
        assert torch.equal(target, same)
    assert torch.equal(seen[0][0], first.parts[0])
    assert seen[0][3].tolist() == [1000, 1000]  # told so


def test_a_velocity_says_the_same_as_its_noise() -> None:
    """What a network of either kind is asked for turns into the very noise that was drawn."""
    clean, levels = pairs(2), torch.tensor([640, 640])
    asked = noised((clean.image, clean.clip), levels, seeded(3), "velocity")
    drawn = noised((clean.image, clean.clip), levels, seeded(3), "noise").targets
    text = Latent((clean.text,))
    velocity = Latents(Latent(asked.targets), text)
    noise = as_noise(velocity, Latents(Latent(asked.parts), text), Levels(0.64, 0.0))
    for found, expected in zip(noise.image.parts, drawn, strict=True):
        torch.testing.assert_close(found, expected)


def test_the_predictor_gives_noise_whatever_the_network_puts_out(model: UViT) -> None:
    clean = pairs(2)
    z = Latents(Latent((clean.image, clean.clip)), Latent((clean.text,)))
    (noise,) = UViTPredictor(model)([(z, Levels(0.7, 0.2))])
    model.config = replace(TINY, prediction="velocity")
    (again,) = UViTPredictor(model)([(z, Levels(0.7, 0.2))])
    schedule = stable_diffusion()
    expected = schedule.alpha(0.7) * noise.image + schedule.sigma(0.7) * z.image
    torch.testing.assert_close(again.image.parts, expected.parts)
    expected = schedule.alpha(0.2) * noise.text + schedule.sigma(0.2) * z.text
    torch.testing.assert_close(again.text.parts, expected.parts)


def test_a_small_network_begins_with_all_tokens_of_one_size() -> None:
    torch.manual_seed(0)
    net = UViT(TINY)
    start_small(net)
    clean, sizes = pairs(32), []
    for tokens in (net.patch_embed(clean.image), net.text_embed(clean.text), net.pos_embed):
        sizes.append(tokens.std().item())
    assert max(sizes) < 4 * min(sizes)
