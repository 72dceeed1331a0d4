"""Checkpoints: a folder a step, complete or absent, in safetensors and JSON.

checkpoints/step-00001000/
    model.safetensors       trainable parameters and buffers
    ema.safetensors         the average of the parameters (absent without one)
    optimizer.safetensors   "<parameter>/<what>", e.g. "patch_embed.proj.bias/exp_avg"
    state.json              step, seconds trained, the losses not yet logged
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from unidiff_cli.errors import InputError

Files = Mapping[str, Mapping[str, Tensor]]  # "model" -> its tensors, and so on
STEP = re.compile(r"step-(\d+)")


def save(folder: Path, step: int, files: Files, state: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint of `step` under `folder` and drop all but the newest `keep`.

    It appears under its name only when every byte of it is on the disk.
    """
    target = folder / f"step-{step:08d}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    try:
        for name, tensors in files.items():
            whole = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
            save_file(whole, building / f"{name}.safetensors")
        (building / "state.json").write_text(json.dumps({"step": step, **state}, indent=1) + "\n")
        for path in building.iterdir():
            _sync(path)
        building.chmod(0o755)
        building.rename(target)
        _sync(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for old in _all(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def newest(folder: Path) -> Path | None:
    """The last complete checkpoint under `folder`, or None."""
    found = _all(folder)
    return found[-1] if found else None


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written under `folder`."""
    for leftover in folder.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def read(checkpoint: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file of a checkpoint ("model", "ema" or "optimizer"), on the CPU."""
    path = checkpoint / f"{name}.safetensors"
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            "input.checkpoint",
            f"The checkpoint's file {path} cannot be read: {error}.",
            "Delete this checkpoint's folder to go on from the one before it.",
        ) from error


def read_state(checkpoint: Path) -> dict[str, Any]:
    """`state.json` of a checkpoint."""
    state: dict[str, Any] = json.loads((checkpoint / "state.json").read_text())
    return state


def weights(folder: Path) -> dict[str, Tensor]:
    """A run's newest weights, averaged where there is an average; InputError if there are none."""
    found = newest(folder)
    if found is None:
        raise InputError(
            "input.no-checkpoint",
            f"There is no checkpoint in {folder}.",
            "Has the training saved one yet?",
        )
    model = read(found, "model")
    average = read(found, "ema") if (found / "ema.safetensors").exists() else {}
    return {**model, **average}


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: trainable parameters and lasting buffers, by name (not copied)."""
    lasting = model.state_dict().keys()
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in lasting}
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad} | buffers


def optimizer_tensors(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimizer's state, each tensor under the name of its parameter."""
    return {
        f"{name}/{what}": tensor
        for name, parameter in model.named_parameters()
        for what, tensor in optimizer.state.get(parameter, {}).items()
    }


@torch.no_grad()
def restore_model(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy saved tensors into `model`; an `InputError` says so if they belong to another one."""
    own = model_tensors(model)
    differing = [n for n in own if n not in tensors or own[n].shape != tensors[n].shape]
    differing += [n for n in tensors if n not in own]
    if differing:
        raise InputError(
            "input.other-checkpoint",
            f"The checkpoint is of another model: {differing[0]!r} and "
            f"{len(differing) - 1} more tensors differ.",
            "Give another output folder, or the configuration that the run began with.",
        )
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


@torch.no_grad()
def restore_optimizer(
    model: nn.Module, optimizer: Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put saved state back, each tensor with the parameter whose name it bears."""
    own = dict(model.named_parameters())
    whole = optimizer.state_dict()
    order = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    index = {id(parameter): i for i, parameter in enumerate(order)}
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, what = key.rpartition("/")
        parameter = own[name]
        if tensor.shape == parameter.shape:
            # A fused step pairs elements by memory, not by index: saved state, which is contiguous,
            # needs the parameter's memory layout, which may have the channels last.
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(index[id(parameter)], {})[what] = tensor
    optimizer.load_state_dict({**whole, "state": state})


def _all(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step-*") if STEP.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def _sync(path: Path) -> None:
    """Wait until `path` is on the disk; Windows has no such wait for folders."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
