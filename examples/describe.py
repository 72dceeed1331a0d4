"""Captions of pictures: one loaded model, a batch of requests, errors told one by one."""

from __future__ import annotations

import os
import sys

from unidiff_cli import Request, UniDiffuser


def main(pictures: list[str]) -> None:
    model = UniDiffuser.load(os.environ.get("UNIDIFF_MODEL"))
    requests = [Request(mode="i2t", image=picture, seed=1) for picture in pictures]
    for result in model.stream(requests):
        print(f"{result.request.image}: {result.error or result.texts[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
