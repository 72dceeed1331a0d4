"""Turn the axes of a newly trained image encoder so that it says what the former one said.

    python recipes/starter/align.py FORMER NEW PAIRS

FORMER and NEW are folders of clip_image; NEW's is written anew. What was trained on the former's
embeddings then has the least to learn again. Distances between embeddings stay what they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from encode import image_encoder, sizes
from torch import Tensor

from unidiff_cli.train.clip import clip_pixels, save
from unidiff_cli.train.pairs import Pairs, to_tensor

BATCH = 64
MEASURED = 6400  # pictures


def rotation(new: Tensor, former: Tensor) -> Tensor:
    """The orthogonal (D, D) that takes embeddings (N, D) nearest to others of the same pictures.

    Schoenemann (1966), the orthogonal Procrustes problem.
    """
    u, _, v = torch.linalg.svd(former.T @ new)
    return u @ v


def embeddings(tower: Any, pairs: Pairs) -> Tensor:
    """(N, D) of the first pictures."""
    size = tower.config.image_size
    shots = (pairs.pictures[first : first + BATCH] for first in range(0, MEASURED, BATCH))
    pixels = (clip_pixels(to_tensor(shot), size) for shot in shots)
    return torch.cat([tower(pixel_values=some).image_embeds for some in pixels])


@torch.no_grad()
def main() -> None:
    """Write the turned encoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("former", "new", "pairs"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    pairs, tower = Pairs.open(arguments.pairs), image_encoder(arguments.new)
    new, former = embeddings(tower, pairs), embeddings(image_encoder(arguments.former), pairs)
    turn = rotation(new, former)
    for name, found in (("as it was", new), ("turned", new @ turn.T)):
        print(f"cosine to the former, {name}: {F.cosine_similarity(found, former).mean():.3f}")
    weight = tower.visual_projection.weight
    weight.copy_(turn @ weight)
    save("clip_image", tower, sizes(arguments.new / "clip_image.json"), arguments.new)


if __name__ == "__main__":
    main()
