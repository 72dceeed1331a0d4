"""The stages of make.py. Each can be done again: what it made before is passed over or made anew.

OUT/art           the drawings, and what each shows
OUT/scenes/NAME   rendered scenes with captions, for each table [scenes.NAME]
OUT/latents/NAME  the same, encoded
OUT/runs          the trainings: vae, clip, captioner, uvit-LESSON, decoder; and the tokenizers
OUT/starter       the model
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import doubled
import encode
import export
import render
import sampled
import vocabulary
from build import build
from clipart import HERE
from safetensors.torch import load_file, save_file

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.tuner import Tuner, begun
from unidiff_cli.speed.dtype import choose_device
from unidiff_cli.storage.layout import TUNED
from unidiff_cli.train import parts, store
from unidiff_cli.train.report import Report

NPM = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")


@dataclass(frozen=True)
class Kitchen:
    """Where things lie, what is asked for, and who hears of it."""

    folder: Path
    config: Mapping[str, Any]
    art: Path
    report: Report

    @property
    def runs(self) -> Path:
        """The trainings, and the tokenizers."""
        return self.folder / "runs"

    def scenes(self, name: str, split: str = "train") -> Path:
        """Rendered scenes."""
        return self.folder / "scenes" / name / split

    def latents(self, name: str) -> Path:
        """Encoded ones."""
        return self.folder / "latents" / name

    def train(self, run: str, table: Mapping[str, Any], **given: Any) -> Path:
        """Train what a table says, and what only we know; the run's folder."""
        part = {**table["part"], **{name: _told(value) for name, value in given.items()}}
        plan = parts.plan(part, table["trainer"])
        parts.train(plan, self.runs / run, choose_device("auto"), self.report)
        return self.runs / run


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def art(kitchen: Kitchen) -> None:
    """The drawings, from their makers' packages."""
    if (kitchen.art / "clipart128-webp.npz").exists():
        return
    packages = kitchen.folder / "packages"
    packages.mkdir(exist_ok=True)
    shutil.copyfile(HERE / "package.json", packages / "package.json")
    subprocess.run(NPM, cwd=packages, check=True)
    build(packages / "node_modules", kitchen.art)


def scenes(kitchen: Kitchen) -> None:
    """Scenes for each purpose; and the tokenizers, of all that captions say."""
    for name, table in kitchen.config["scenes"].items():
        out = kitchen.folder / "scenes" / name
        if not out.exists():
            kitchen.report.note(f"scenes: {name}")
            half = out.with_name(f"{name}.half")
            render.make(kitchen.art, half, **table)
            half.rename(out)
    vocabulary.make(kitchen.scenes("words"), kitchen.runs / "tokenizers")


def vae(kitchen: Kitchen) -> None:
    """Pictures to latents and back."""
    words = {"pairs": kitchen.scenes("words"), "heldout": kitchen.scenes("words", "heldout")}
    kitchen.train("vae", kitchen.config["vae"], **words)


def encoders(kitchen: Kitchen) -> None:
    """CLIP's two encoders, on everything that is to be read."""
    table, tokenizers = kitchen.config["clip"], kitchen.runs / "tokenizers"
    kitchen.train(
        "clip",
        table,
        pairs=kitchen.scenes("read"),
        heldout=kitchen.scenes("read", "heldout"),
        tokenizer=tokenizers / "clip_tokenizer.json",
        text={**table["part"]["text"], **vocabulary.sizes(tokenizers, "clip")},
    )


def captioner(kitchen: Kitchen) -> None:
    """Captions to latents and back."""
    table, tokenizers = kitchen.config["captioner"], kitchen.runs / "tokenizers"
    kitchen.train(
        "captioner",
        table,
        pairs=kitchen.scenes("words"),
        clip_text=kitchen.runs / "clip",
        clip_tokenizer=tokenizers / "clip_tokenizer.json",
        caption_tokenizer=tokenizers / "caption_tokenizer.json",
        gpt2={**table["part"]["gpt2"], **vocabulary.sizes(tokenizers, "caption")},
    )


def uvit(kitchen: Kitchen) -> None:
    """The U-ViT, lesson by lesson: each goes on from the model that the one before made."""
    table = kitchen.config["uvit"]
    names = dict.fromkeys([table["read"], *(lesson["draw"] for lesson in table["lessons"])])
    scale = None
    for name in names:
        scale = _encoded(kitchen, name, scale)
    model = kitchen.runs / "untaught"
    export.untaught(kitchen.runs, store.about(kitchen.latents(table["read"])) or {}, model)
    net: Mapping[str, Any] = {"net": table["net"], "start": "small"}
    for lesson in table["lessons"]:
        told = lesson.get("part", {})
        objective = {**table["part"]["objective"], **told.get("objective", {})}
        part = {**table["part"], **told, "objective": objective}
        run = kitchen.train(
            f"uvit-{lesson['name']}",
            {"part": part, "trainer": {**table["trainer"], **lesson["trainer"]}},
            model=model,
            store=kitchen.latents(lesson["draw"]),
            read_store=kitchen.latents(table["read"]),
            **net,
        )
        model, net = run / "model", {}


def _encoded(kitchen: Kitchen, name: str, scale: float | None) -> float:
    """Encode scenes unless they are; the scale of the VAE's latents, measured on the first."""
    about = store.about(kitchen.latents(name))
    if about is None:
        kitchen.report.note(f"latents: {name}")
        told = kitchen.config["latents"].get(name, {})
        encode.make(
            kitchen.scenes(name),
            kitchen.runs,
            kitchen.latents(name),
            scale=scale,
            tell=kitchen.report.note,
            views=kitchen.config["uvit"]["views"],
            **told,
        )
        about = store.about(kitchen.latents(name))
        assert about is not None
    return float(about["vae_scale"])


def decoder(kitchen: Kitchen) -> None:
    """A larger decoder that forgives what sampling leaves; with it the model is whole."""
    table, last = kitchen.config["decoder"], kitchen.config["uvit"]["lessons"][-1]
    model = kitchen.runs / f"uvit-{last['name']}" / "model"
    made = kitchen.folder / "sampled"
    if not (made / "latents.npy").exists():
        sampled.make(model, kitchen.scenes(last["draw"]), made, table["sampled"], kitchen.report)
    narrow, start = kitchen.runs / "vae", kitchen.runs / "doubled.safetensors"
    begun = doubled.doubled(load_file(narrow / "vae.safetensors"))
    save_file(begun, start)
    run = kitchen.train(
        "decoder",
        table,
        pairs=kitchen.scenes("words"),
        heldout=kitchen.scenes("words", "heldout"),
        sampled=made,
        start=start,
        net=doubled.sizes(json.loads((narrow / "vae.json").read_text(encoding="utf-8"))),
    )
    net = json.loads((run / "vae.json").read_text(encoding="utf-8"))
    tensors = doubled.blended(begun, load_file(run / "vae.safetensors"), table["share"])
    said = [kitchen.scenes(name) for name in {lesson["draw"] for lesson in _lessons(kitchen)}]
    export.whole(model, net, tensors, [*said, kitchen.scenes("read")], kitchen.folder / "starter")


def solver(kitchen: Kitchen) -> None:
    """What `unidiff tune` learns: a few steps of the model's own."""
    table, model = kitchen.config["solver"], kitchen.folder / "starter"
    opened = UniDiffuser.load(str(model), dtype="fp32")
    tuner = Tuner(opened, model / TUNED, table["samples"], 0, kitchen.report.note)
    for mode, counts in table["steps"].items():
        tuner([mode], counts, begun(tuner))


def _lessons(kitchen: Kitchen) -> list[dict[str, Any]]:
    return list(kitchen.config["uvit"]["lessons"])


def examination(kitchen: Kitchen) -> None:
    """What the model can do."""
    from unidiff_cli.cli.commands.eval_clipart import clipart

    model, out = kitchen.folder / "starter", kitchen.folder / "examination"
    clipart(out, model=str(model), **kitchen.config["examination"])


STAGES: Mapping[str, Callable[[Kitchen], None]] = {
    "art": art,
    "scenes": scenes,
    "vae": vae,
    "encoders": encoders,
    "captioner": captioner,
    "uvit": uvit,
    "decoder": decoder,
    "solver": solver,
    "examination": examination,
}
