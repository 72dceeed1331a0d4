"""A picture as it forms: what the model takes the picture for at each step, in one strip.

`watched` wraps a sampler and is told every prediction; `Colours` turns a latent into a small
picture without the decoder.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from PIL import Image

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.engine.preview import Colours, watched
from unidiff_cli.walks.montage import strip


def main(prompt: str) -> None:
    model = UniDiffuser.load(os.environ.get("UNIDIFF_MODEL"))
    config = model.parts.config
    vae = model.parts.module("vae", model.dtype)
    colours = Colours.fit(vae, config.vae_scale, int(config.uvit["channels"]))
    seen: list[Image.Image] = []
    looking = replace(model, watch=lambda s: watched(s, lambda z: seen.append(colours.picture(z))))
    (made,) = looking.run(Request(mode="t2i", prompt=prompt, seed=1, steps=8)).images
    strip([*seen, made], arrows=False).save("watch.png")
    print("watch.png")


if __name__ == "__main__":
    main(sys.argv[1])
