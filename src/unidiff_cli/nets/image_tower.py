"""CLIP's image encoder, of either kind that CLIP was published with.

Radford et al. 2021 (arXiv 2103.00020, section 2.4) trained vision transformers and ResNets. The
published UniDiffusers have a transformer. A ResNet, which knows from the start that a thing stays
the same wherever it stands, learns a small world from far fewer pictures.

Axes: B batch, H W pixels, D width of the embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, ResNetConfig, ResNetModel
from transformers.models.clip.modeling_clip import CLIPVisionModelOutput

RESNET = "resnet"


class ResNetTower(nn.Module):
    """transformers' ResNetModel in the place of CLIPVisionModelWithProjection: same call, same
    answer."""

    def __init__(self, *, projection_dim: int, **sizes: Any) -> None:
        super().__init__()
        self.config = ResNetConfig(**sizes)
        self.resnet = ResNetModel(self.config)
        self.visual_projection = nn.Linear(self.config.hidden_sizes[-1], projection_dim, bias=False)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.num_batches_tracked = None  # with a fixed momentum nothing reads it

    def forward(self, pixel_values: Tensor) -> CLIPVisionModelOutput:
        """(B, 3, H, W) -> `image_embeds` (B, D)."""
        pooled = self.resnet(pixel_values).pooler_output.flatten(1)
        return CLIPVisionModelOutput(image_embeds=self.visual_projection(pooled))


def image_tower(sizes: Mapping[str, Any]) -> CLIPVisionModelWithProjection | ResNetTower:
    """The encoder of these sizes: arguments of CLIPVisionConfig; or, where `model_type` is
    "resnet", of ResNetConfig, with `image_size` and `projection_dim`."""
    if sizes.get("model_type") == RESNET:
        return ResNetTower(**sizes)
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes))
