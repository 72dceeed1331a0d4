"""How far what a model predicts is off, on rows that encode.py stored.

    python recipes/starter/errors.py MODEL STORE [--level T]

Prints the mean square errors of the velocity of pictures on the leg t2i and of captions on i2t, at
uniform levels or at level T of 1..1000, on 256 rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from compare import CPU, velocity_errors

from unidiff_cli.nets.uvit import UViT
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.train.store import Store


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("store", type=Path)
    parser.add_argument("--level", type=int)
    arguments = parser.parse_args()
    net = open_checkpoint(arguments.model).module("uvit", CPU, torch.float32)
    assert isinstance(net, UViT)
    found = velocity_errors(net.eval(), Store.open(arguments.store), arguments.level)
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
