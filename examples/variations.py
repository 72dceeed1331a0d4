"""Four variations of a picture, with the words they went through, on one contact sheet."""

from __future__ import annotations

import os
import sys

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.files.grid import contact_sheet


def main(picture: str) -> None:
    model = UniDiffuser.load(os.environ.get("UNIDIFF_MODEL"))
    varied = model.run(Request(mode="i2t2i", image=picture, count=4, seed=1))
    # The same seeds give the words in between: a variation is i2t, then t2i of what it found.
    words = model.run(Request(mode="i2t", image=picture, count=4, seed=1))
    contact_sheet(varied.images, words.texts).save("variations.png")
    print("variations.png")


if __name__ == "__main__":
    main(sys.argv[1])
