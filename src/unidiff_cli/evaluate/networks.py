"""The networks that look at pictures: a CLIP, or InceptionV3; never fetched behind one's back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from unidiff_cli.errors import ModelUnavailable, UsageError
from unidiff_cli.evaluate.clip import CLIP, open_clip
from unidiff_cli.evaluate.inception import WIDTH, InceptionV3
from unidiff_cli.evaluate.resizing import RESIZERS, Resize
from unidiff_cli.storage.hub import file_hash
from unidiff_cli.storage.stored import read_tensors

INCEPTION = "inception"
INCEPTION_FILES = (
    "weights-inception-2015-12-05-6726825d.pth",
    "pt_inception-2015-12-05-6726825d.pth",
)
INCEPTION_URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
PUBLISHED = "6726825d"
"""What the SHA-256 of the published weights begins with."""


class Network(Protocol):
    """Pictures in, a vector for each out."""

    @property
    def name(self) -> str:
        """As the user named it."""

    @property
    def about(self) -> Mapping[str, str]:
        """What else its vectors depend on, as JSON values."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known of how it looks at pictures."""

    @property
    def width(self) -> int:
        """Numbers in a vector."""

    def features(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(N, width) float32, on the CPU."""


@dataclass(frozen=True)
class Inception:
    """InceptionV3 as FID was published with, of weights of one's own if a file is named."""

    net: InceptionV3
    device: torch.device
    name: str
    digest: str
    """SHA-256 of the file of the weights."""
    resize: Resize = "clean"
    width: int = WIDTH

    @property
    def about(self) -> Mapping[str, str]:
        """How pictures are resized, and the digest of the weights."""
        return {"resize": self.resize, "sha256": self.digest}

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether these are other weights than everybody's."""
        if self.digest.startswith(PUBLISHED):
            return ()
        return (
            f"the weights are those of {self.name} (sha256 {self.digest[:8]}), not the file that "
            f"FID was published with ({PUBLISHED})",
        )

    @torch.inference_mode()
    def features(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(N, 2048): of the whole picture, as 299 x 299."""
        x = torch.cat([RESIZERS[self.resize](picture) for picture in pictures])
        seen: Tensor = self.net(x.to(self.device))
        return seen.float().cpu()


def open_network(where: str, device: torch.device, resize: Resize | None = None) -> Network:
    """The network that features come from: `inception`, its weights' file, or a CLIP."""
    if where == INCEPTION or Path(where).is_file():
        net, digest = _inception(_inception_file(where))
        return Inception(net.to(device), device, where, digest, resize or "clean")
    if resize is not None:
        raise UsageError(
            "usage.not-together",
            f"--resize {resize} is for InceptionV3; a CLIP has a resizing of its own.",
            "Leave it out, or use --features inception.",
        )
    return open_clip(where, device, text=False)


def _inception_file(where: str) -> Path:
    """The file of the weights: as named, or where torch's hub keeps what others have fetched."""
    if where != INCEPTION:
        return Path(where)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for name in INCEPTION_FILES:
        if (folder / name).is_file():
            return folder / name
    raise ModelUnavailable(
        "model.judge-missing",
        "The InceptionV3 that FID was published with is not on this machine.",
        f"Fetch {INCEPTION_URL}{INCEPTION_FILES[0]} (91 MiB) into {folder}, or use a CLIP: "
        f"--features {CLIP}",
    )


def _inception(path: Path) -> tuple[InceptionV3, str]:
    """The network with the weights in a file, and the file's SHA-256."""
    net, stored = InceptionV3(), read_tensors(path)
    counters = ".num_batches_tracked"  # only training counts batches
    wanted = {name: t.shape for name, t in net.state_dict().items() if not name.endswith(counters)}
    if any(name not in stored or stored[name].shape != shape for name, shape in wanted.items()):
        raise ModelUnavailable(
            "model.other-kind",
            f"{path} holds no weights of the InceptionV3 that FID is measured with.",
            f"They are published as {INCEPTION_URL}{INCEPTION_FILES[0]}",
        )
    net.load_state_dict({name: stored[name].load() for name in wanted}, strict=False)
    return net.eval().requires_grad_(False), file_hash(path, hashlib.sha256())
