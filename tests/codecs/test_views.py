"""The squares of a picture that CLIP looks at."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from unidiff_cli.codecs.image import clip_pixels
from unidiff_cli.codecs.views import views
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Pair
from unidiff_cli.engine.parts import Parts
from unidiff_cli.progress import Silence
from unidiff_cli.storage.open import open_checkpoint


def test_one_view_is_all_of_the_picture() -> None:
    assert views(128, 96, 1) == [(0, 0, 128, 96)]


def test_five_are_all_of_it_and_the_middles_of_its_edges() -> None:
    squares = [(0, 32, 64, 96), (64, 32, 128, 96), (32, 0, 96, 64), (32, 64, 96, 128)]
    assert views(128, 128, 5) == [(0, 0, 128, 128), *squares]
    wide = [(0, 16, 32, 48), (168, 16, 200, 48), (84, 0, 116, 32), (84, 32, 116, 64)]
    assert views(200, 64, 5) == [(0, 0, 200, 64), *wide]


def test_no_other_number_of_views_is_known() -> None:
    with pytest.raises(ValueError, match="1 view or 5, not 3"):
        views(8, 8, 3)


@pytest.mark.parametrize("count", [1, 5])
def test_each_view_has_the_embedding_of_a_picture_of_its_own(count: int) -> None:
    parts = Parts(open_checkpoint("starter"), torch.device("cpu"), Silence())
    images, _ = parts.codecs(torch.float32)
    object.__setattr__(images, "views", count)
    shot = Image.effect_noise((128, 128), 90).convert("RGB")
    noise = Noise([0], Pair(((16, 16, 16), (count, 128)), ((20, 32),)))
    seen = images.encode([shot], 128, 128, noise).parts[1]
    tower = images.clip()
    alone = [
        tower(pixel_values=clip_pixels(shot.crop(box), images.clip_size)).image_embeds
        for box in views(128, 128, count)
    ]
    torch.testing.assert_close(seen[0], torch.cat(alone).detach())
