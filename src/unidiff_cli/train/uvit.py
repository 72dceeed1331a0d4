"""Training the U-ViT on latents: fine-tuning a model, whole or by adapters, or from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from unidiff_cli.engine.parts import Parts
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import UsageError
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.progress import Silence
from unidiff_cli.storage.checkpoint import Part
from unidiff_cli.storage.layout import PARTS, TOKENIZERS
from unidiff_cli.storage.open import Opened, open_checkpoint
from unidiff_cli.storage.save import save_ours
from unidiff_cli.storage.stored import Tensors
from unidiff_cli.train import draws, lora, store
from unidiff_cli.train.config import TrainerConfig, table
from unidiff_cli.train.encode import encode
from unidiff_cli.train.loss import LatentPairs, Objective, ObjectiveConfig
from unidiff_cli.train.parts import Training
from unidiff_cli.train.report import Report
from unidiff_cli.train.sheet import sheet
from unidiff_cli.train.step import Source
from unidiff_cli.train.store import Store, StoreSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is trained, from where, and on what."""

    model: str = "starter"  # its encoders and captioner, and its weights unless `net` is given
    data: Path | None = None  # pictures with captions; or
    store: Path | None = None  # latents that are encoded already
    heldout: Path | None = None  # a store whose loss is logged with the samples
    read_store: Path | None = None  # latents of pictures that are to be read, but never drawn
    read_share: float = 0.25  # how much of each batch comes from there
    net: dict[str, Any] | None = None  # sizes (UViTConfig) of a network from scratch
    start: Literal["published", "small"] = "published"  # the weights of a network from scratch
    lora: int = 0  # the rank of adapters; 0: all weights learn
    batch: int = 16
    recompute: bool = False  # blocks run again in the backward pass: slower, far less memory
    prompts: tuple[str, ...] = ()  # what is drawn while training; by default the first captions
    name: str = ""  # of the finished model; by default the run's folder
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)

    def __post_init__(self) -> None:
        if (self.data is None) == (self.store is None):
            raise UsageError(
                "usage.config-value", "data or store says what to train on: give one of them."
            )
        if self.net is not None and self.lora:
            raise UsageError(
                "usage.config-value", "lora adapts a model's weights; with net there are none yet."
            )
        if not 0 < self.read_share < 1:
            raise UsageError(
                "usage.config-value",
                "read_share is a share of a batch and must lie between 0 and 1.",
            )
        if self.lora < 0 or self.batch < 1:
            raise UsageError("usage.config-value", "lora must be 0 or more, and batch 1 or more.")
        if self.read_store is not None and self.batch < 2:
            raise UsageError(
                "usage.config-value",
                "With a read_store a batch has 2 rows or more: some of each store.",
            )


def prepare(config: Config, folder: Path, device: torch.device, report: Report) -> Config:
    """The configuration with a store, filled from the pictures and captions if there are any."""
    config = replace(config, name=config.name or folder.resolve().name)
    if config.data is None:
        return config
    parts = Parts(open_checkpoint(config.model), device, Silence())
    encode(config.data, parts, folder / "latents", report.note)
    captions = (store.about(folder / "latents") or {})["captions"]
    prompts = config.prompts or tuple(captions)
    return replace(config, data=None, store=folder / "latents", prompts=prompts)


def build(config: Config, trainer: TrainerConfig, device: torch.device) -> Training:
    """The U-ViT of the configuration, with its data and samples."""
    assert config.store is not None
    parts = Parts(open_checkpoint(config.model), device, Silence())
    torch.manual_seed(draws.key(trainer.seed, "weights"))
    net = _network(config, parts, device)
    if config.recompute:
        recompute(net)
    model = lora.adapt(net, config.lora) if config.lora else net
    objective = Objective(model, config.objective)
    heldout = Store.open(config.heldout) if config.heldout else None

    def sample(path: Path) -> Mapping[str, float]:
        if config.prompts:
            sheet(_diffuser(parts, model, device), config.prompts, trainer.seed).save(path)
        return heldout_loss(objective, heldout, device) if heldout else {}

    def finish(folder: Path) -> None:
        write(parts, lora.merge(model) if config.lora else net, config.name, folder / "model")

    return Training(
        model=model,
        loss=objective,
        source=_source(config, trainer.seed, device),
        sample=sample if config.prompts or heldout else None,
        finish=finish,
    )


def _source(config: Config, seed: int, device: torch.device) -> Source:
    """Batches of the store, the end of each from `read_store` if there is one."""
    assert config.store is not None
    drawn = Store.open(config.store)
    if config.read_store is None:
        return StoreSource(drawn, config.batch, seed, device)
    count = min(config.batch - 1, max(1, round(config.read_share * config.batch)))
    pairs = StoreSource(drawn, config.batch - count, seed, device)
    read = StoreSource(Store.open(config.read_store), count, seed, device)
    return lambda index: LatentPairs.joined(pairs(index), read(index))


def heldout_loss(
    objective: Objective, heldout: Store, device: torch.device, rows: int = 256
) -> dict[str, float]:
    """The unweighted losses on held-out rows, at levels and with noise that never change."""
    generator = draws.generator("heldout", device=device)
    sums: dict[str, float] = {}
    for some in torch.split(torch.arange(min(rows, len(heldout))), 32):
        losses = objective(heldout.rows(some).to(device), generator)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(some)
    return {f"heldout_{name}": value / min(rows, len(heldout)) for name, value in sums.items()}


def _network(config: Config, parts: Parts, device: torch.device) -> UViT:
    """The model's own U-ViT in float32, or one from scratch that fits the model's latents."""
    if config.net is None:
        net = parts.checkpoint.module("uvit", device, torch.float32)
        assert isinstance(net, UViT)
        for parameter in net.parameters():
            parameter.data = parameter.data.clone()  # a file's memory map is not ours to write to
        return net.requires_grad_(True)
    sizes = table(UViTConfig, {**parts.config.uvit, **config.net}, "part.net")
    for name in ("channels", "text_tokens", "text_dim", "clip_dim", "clip_tokens"):
        if getattr(sizes, name) != parts.config.uvit.get(name, 1):
            raise UsageError(
                "usage.config-value",
                f"[part.net] {name} must be {parts.config.uvit[name]}: {config.model}'s latents "
                "are so.",
                f"Leave {name} out.",
            )
    net = UViT(sizes)
    if config.start == "published":
        net.initialise()
    else:
        start_small(net)
    return net.to(device)


def start_small(net: UViT) -> None:
    """Weights to begin a narrow network with, where N(0, 0.02^2) would be too little to go on.

    Linear maps keep the size of what goes through them (Xavier), and positions are as large as
    the tokens that they are added to: attention tells tokens apart from the first step on.
    """
    nn.init.normal_(net.pos_embed, std=0.5)
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for head in (net.decoder_pred, net.clip_img_out, net.text_out):
        nn.init.trunc_normal_(head.weight, std=0.02)


def recompute(net: UViT) -> None:
    """Let the blocks keep only their inputs for the backward pass, and run again in it."""
    for block in [*net.in_blocks, net.mid_block, *net.out_blocks]:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)


def _diffuser(parts: Parts, net: nn.Module, device: torch.device) -> UniDiffuser:
    """The model as its users would have it now, with the network as it is trained so far."""
    parts.loaded["uvit", torch.float32] = net
    return UniDiffuser(parts, device, torch.float32, Silence())


def write(parts: Parts, net: UViT, name: str, folder: Path) -> None:
    """A complete model in half precision: the trained U-ViT, and the other parts as they were."""
    opened = parts.checkpoint
    assert isinstance(opened, Opened)
    config = replace(parts.config, name=name, uvit=asdict(net.config))
    whole: dict[Part, nn.Module | Tensors] = {
        part: opened.tensors(part) for part in PARTS if part != "uvit"
    }
    tokenizers = {each: opened.tokenizer(each) for each in TOKENIZERS}
    save_ours(folder, config, {**whole, "uvit": net}, tokenizers, torch.float16)
