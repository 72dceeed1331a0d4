"""A model on disk, whatever its layout: parts are built and filled when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from unidiff_cli.model_config import ModelConfig

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from torch import nn

    from unidiff_cli.core.tuned import Tuned

Part = Literal["uvit", "vae", "clip_text", "clip_image", "encode_prefix", "captioner"]
"""encode_prefix is the linear map into the text latent alone; captioner is the whole decoder."""
TokenizerName = Literal["clip", "caption"]


class Checkpoint(Protocol):
    """Parts of a model, in evaluation mode, without gradients."""

    @property
    def name(self) -> str:
        """The registry row, the folder or the Hub id, as the user knows it."""

    @property
    def revision(self) -> str:
        """The Hub's commit, "bundled", "random", or a digest of the files' sizes and config."""

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""

    @property
    def words(self) -> frozenset[str] | None:
        """All words that the model was trained on; None where there is no list of them."""

    @property
    def network(self) -> str:
        """A fingerprint of the U-ViT's weights."""

    @property
    def tuned(self) -> Tuned | None:
        """The solver that was learned for the model; None where there is none beside it.

        ModelUnavailable where it is damaged, or was learned from other weights.
        """

    def module(self, part: Part, device: torch.device, dtype: torch.dtype) -> nn.Module:
        """The part on the device in the dtype: UViT, AutoencoderKL, CLIPTextModel,
        CLIPVisionModelWithProjection or ResNetTower, nn.Linear, Captioner."""

    def streamed(self, device: torch.device, dtype: torch.dtype) -> nn.Module:
        """The U-ViT, of which only the block at work is held."""

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer, neither padding nor truncating; CLIP's adds its start and end."""
