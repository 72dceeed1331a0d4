"""The judge's recipe: things are where it is told they are, and it learns to say which."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unidiff_cli.evaluate.clipart.judge import Judge

COLOURS = ((250, 20, 20), (20, 20, 250), (20, 200, 20))


def art() -> np.ndarray:
    """A red disc, a blue square and a green bar, (3, 128, 128, 4)."""
    y, x = np.mgrid[:128, :128] - 63.5
    shapes = (np.hypot(y, x) < 50, (abs(y) < 44) & (abs(x) < 44), abs(y) < 20)
    painted = [
        np.dstack([*(np.full((128, 128), level) for level in rgb), np.where(shape, 255, 0)])
        for rgb, shape in zip(COLOURS, shapes, strict=True)
    ]
    return np.stack(painted).astype(np.uint8)


@pytest.fixture
def composer():  # type: ignore[no-untyped-def]
    from judge_scenes import Composer

    return Composer(art(), np.array([0, 1, 2]), torch.device("cpu"))


def test_batches_depend_on_the_seed_and_the_index_alone(composer) -> None:  # type: ignore[no-untyped-def]
    first, again, other = (composer.batch(8, 3, index) for index in (5, 5, 6))
    assert torch.equal(first.pictures, again.pictures)
    assert torch.equal(first.nouns, again.nouns)
    assert not torch.equal(first.pictures, other.pictures)
    assert first.pictures.shape == (8, 3, 128, 128)
    assert float(first.pictures.abs().max()) <= 1
    assert set(first.things.picture.tolist()) == set(range(8))


def test_a_thing_is_drawn_where_its_middle_is(composer) -> None:  # type: ignore[no-untyped-def]
    from judge_scenes import Placed

    one = torch.ones(1)
    paint = torch.eye(3, 4)[None]
    x, y = 0.25 * one, 0.75 * one
    still = (0 * one, one, one)
    things = Placed(torch.tensor([0]), torch.tensor([1]), x, y, 0.4 * one, *still, paint)
    canvas = torch.ones(1, 3, 128, 128)
    picture = composer._paste(canvas, things, torch.zeros(1, dtype=torch.bool))[0]
    blue = (picture[2] - picture[0]) > 0.5
    rows, columns = torch.nonzero(blue, as_tuple=True)
    assert float(rows.float().mean()) == pytest.approx(0.75 * 128 - 0.5, abs=1)
    assert float(columns.float().mean()) == pytest.approx(0.25 * 128 - 0.5, abs=1)
    assert int(blue.sum()) == pytest.approx((0.4 * 88) ** 2, rel=0.1)


def test_two_things_of_five_are_in_other_colours() -> None:
    from judge_scenes import Composer

    painted = Composer(art(), np.array([0, 1, 1]), torch.device("cpu"), drawings=2)
    rows = torch.cat([painted.batch(64, 0, index).things.art for index in range(4)])
    assert float((rows == 2).float().mean()) == pytest.approx(0.4, abs=0.06)
    assert {0, 1} <= set(rows.tolist())


def test_several_things_of_a_picture_are_all_on_it(composer) -> None:  # type: ignore[no-untyped-def]
    from judge import middles

    for index in range(4):
        shown = composer.batch(16, 0, index)
        edge = shown.pictures[:, :, :2].flatten(2).median(2).values
        near = middles(shown).flatten(1).argmax(1)
        cells = torch.nn.functional.avg_pool2d(shown.pictures, 8).flatten(2)
        at = cells[shown.things.picture, :, near]
        differs = (at - edge[shown.things.picture]).abs().amax(1)
        assert float((differs > 0.05).float().mean()) > 0.9


def test_unseen_designs_are_a_tenth_and_share_their_twins() -> None:
    from clipart import Picture
    from judge import unseen

    def drawing(name: str, vendor: str) -> Picture:
        return Picture(0, name, name, vendor, "train", "")

    names = [f"thing {n}" for n in range(1000)]
    found = [unseen(drawing(name, "fluent-3d")) for name in names]
    assert found == [unseen(drawing(name, "fluent-flat")) for name in names]
    assert found != [unseen(drawing(name, "noto")) for name in names]
    assert 60 < sum(found) < 140


def test_the_judge_learns_three_shapes(composer) -> None:  # type: ignore[no-untyped-def]
    from judge import losses, named

    torch.manual_seed(0)
    judge = Judge(3, width=8)
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-2)
    values = []
    for index in range(25):
        found = losses(judge, composer.batch(12, 0, index))
        optimizer.zero_grad()
        found["total"].backward()
        optimizer.step()
        values.append(found["total"].item())
    assert sum(values[-5:]) < 0.7 * sum(values[:5])
    judge.eval()
    assert named(judge, composer.plain(torch.tensor([0, 1, 2]))) > 0.6


def test_hues_turn_and_grays_stay() -> None:
    from judge_scenes import turned

    third = turned(2 * np.pi / 3)
    assert (third @ [1, 0, 0]).round(6).tolist() == [0, 1, 0]
    assert (third @ [0.5, 0.5, 0.5]).round(6).tolist() == [0.5, 0.5, 0.5]


def test_damage_keeps_a_picture_what_it_is() -> None:
    from judge_scenes import blocks, small, soft

    picture = torch.nn.functional.interpolate(torch.rand(2, 3, 4, 4), (128, 128))
    for harm in (soft, small, blocks):
        weak, strong = harm(picture, 0.0), harm(picture, 1.0)
        assert weak.shape == picture.shape
        near, far = ((out - picture).abs().mean() for out in (weak, strong))
        assert near < far < 0.1
