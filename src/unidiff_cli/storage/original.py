"""Models as they were first published: three pickles, and what is not in them.

The files hold the U-ViT, the captioner (with CLIP's text tower beside it) and the VAE. CLIP's
image tower and both tokenizers come from folders that the user names, or from the Hub's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.hub import cached_folder
from unidiff_cli.storage.layout import (
    ORIGINAL_CAPTIONER,
    ORIGINAL_UVIT,
    ORIGINAL_VAE,
    VOCABULARIES,
)
from unidiff_cli.storage.names import CLIP, ORIGINAL
from unidiff_cli.storage.sizes import original_config
from unidiff_cli.storage.stored import Stored, Tell, read_folder, read_tensors, silent
from unidiff_cli.storage.vocabulary import read_tokenizer
from unidiff_cli.storage.weights import WHOLE

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CLIP_TEXT_REPO = "openai/clip-vit-large-patch14"
CLIP_IMAGE_REPO = "openai/clip-vit-base-patch32"
GPT2_REPO = "openai-community/gpt2"


@dataclass(frozen=True, kw_only=True)
class Extras:
    """Where to find what the original files lack; None looks into the Hub's cache."""

    clip_text: Path | None = None
    clip_image: Path | None = None
    clip_tokenizer: Path | None = None
    caption_tokenizer: Path | None = None


@dataclass(frozen=True)
class Original:
    """A folder with the files as first published."""

    folder: Path
    extras: Extras = Extras()
    tell: Tell = silent
    sizes: ModelConfig | None = None
    """None: the published ones."""

    @cached_property
    def config(self) -> ModelConfig:
        """The published sizes."""
        return self.sizes or original_config(self.folder)

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The tensors of a part."""
        if part in ("clip_text", "clip_image"):
            return self._clip(part)
        file = {
            "uvit": self._uvit,
            "vae": self.folder / ORIGINAL_VAE,
            "captioner": self.folder / ORIGINAL_CAPTIONER,
        }[part]
        return ORIGINAL[part].translate(read_tensors(file, self.tell))

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The named tokenizer, or one from the Hub's cache."""
        given = self.extras.clip_tokenizer if name == "clip" else self.extras.caption_tokenizer
        if given is None:
            repos = (CLIP_TEXT_REPO, CLIP_IMAGE_REPO) if name == "clip" else (GPT2_REPO, "gpt2")
            given = _cached(repos, VOCABULARIES)
        if given is None:
            raise _lacking(f"the {name} tokenizer", f"--{name}-tokenizer", repos[0])
        return read_tokenizer(given, name)

    @property
    def _uvit(self) -> Path:
        return next(
            (path for name in ORIGINAL_UVIT if (path := self.folder / name).is_file()),
            self.folder / ORIGINAL_UVIT[0],
        )

    def _clip(self, part: Part) -> dict[str, Stored]:
        text = part == "clip_text"
        given = self.extras.clip_text if text else self.extras.clip_image
        if text and given is None:
            inside = ORIGINAL[part].translate(
                read_tensors(self.folder / ORIGINAL_CAPTIONER, self.tell)
            )
            if inside:
                return inside
        repo = CLIP_TEXT_REPO if text else CLIP_IMAGE_REPO
        given = given or _cached((repo,), [(name,) for name in WHOLE])
        if given is None:
            tower = "text" if text else "image"
            raise _lacking(f"CLIP's {tower} tower", f"--clip-{tower}", repo)
        read = read_folder if given.is_dir() else read_tensors
        return CLIP[part].translate(read(given, self.tell))


def _cached(repos: tuple[str, ...], choices: Sequence[Sequence[str]]) -> Path | None:
    return next((found for repo in repos if (found := cached_folder(repo, choices))), None)


def _lacking(what: str, option: str, repo: str) -> ModelUnavailable:
    return ModelUnavailable(
        "model.part-missing",
        f"The original files do not hold {what}, and {repo} is not in the Hub's cache.",
        f"Convert the model with {option} PATH, or fetch it: hf download {repo}",
    )
