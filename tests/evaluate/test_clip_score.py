"""The CLIP score is its formula."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.evaluate.conftest import Pictures
from unidiff_cli.evaluate.clip import open_clip
from unidiff_cli.evaluate.clip_score import Scores, clip_score, histogram, score
from unidiff_cli.progress import Silence


def test_score_is_100_cosines_and_never_negative() -> None:
    images = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 1.0]])
    texts = torch.tensor([[6.0, 8.0], [0.0, 2.0], [-1.0, -1.0]])
    torch.testing.assert_close(score(images, texts), torch.tensor([100.0, 0.0, 0.0]))
    half = score(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 3.0**0.5]]))
    assert half.item() == pytest.approx(50)


def test_pairs_stay_together(random_clip: str, pictures: Pictures) -> None:
    clip = open_clip(random_clip, torch.device("cpu"))
    paths = sorted(pictures("some", 18).iterdir())
    pairs = [(path, f"number {n} " * (n % 3 + 1)) for n, path in enumerate(paths)]
    Path("bad.png").write_text("words")
    found = clip_score(clip, [*pairs[:5], (Path("bad.png"), "bad"), *pairs[5:]], Silence())
    assert len(found.bad) == 1
    assert found.kept == (*range(5), *range(6, 19))
    for (path, text), one in zip(pairs, found.each, strict=True):
        image, words = clip.features([Image.open(path)])[0], clip.words([text])[0]
        cosine = (image @ words / image.norm() / words.norm()).item()
        assert one == pytest.approx(max(0.0, 100 * cosine), abs=1e-3)
    assert max(found.each) > 0


def test_mean_and_its_error() -> None:
    figure = Scores((20.0, 30.0, 25.0), (0, 1, 2)).figure
    assert figure.value == 25
    assert figure.error == pytest.approx(5 / 3**0.5)
    assert Scores((20.0,), (0,)).figure.error is None


def test_histogram() -> None:
    found = histogram(Scores((20.1, 20.9, 22.5, 22.6), (0, 1, 2, 3)))
    assert found == [(19.5, 0), (20.5, 0.5), (21.5, 0), (22.5, 0.5), (23.5, 0)]
