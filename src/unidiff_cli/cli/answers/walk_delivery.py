"""What becomes of each stage of a walk: files, lines on stdout, and at the end one strip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.cli.answers.delivery import one_line
from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.answers.sheets import write_sheet
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console, check_stdout
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.files.output import encode, save
from unidiff_cli.files.record import line
from unidiff_cli.files.route import Route, plan_route
from unidiff_cli.files.stamp import ALL, Stamp

if TYPE_CHECKING:
    from unidiff_cli.files.signing import Source
    from unidiff_cli.walks.asked import Stage, Walk


@dataclass
class WalkDelivery:
    """The stages of a walk so far, handed out one by one."""

    route: Route
    console: Console
    json: bool = False
    stamp: Stamp = ALL
    inputs: tuple[Source, ...] = ()
    """The pictures that are given."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """The walk and its settings, as plain values: for metadata and --json."""
    stages: list[Stage] = field(default_factory=list)

    def deliver(self, stage: Stage) -> None:
        """Write the stage, and tell of it: the path of a picture, or the words."""
        number = len(self.stages)
        self.stages.append(stage)
        path = None if stage.given or self.route.strip is None else self._write(number, stage)
        if self.route.strip is None:
            return
        if self.json:
            words = {"text": stage.text} if stage.text is not None else {}
            image = {"image": str(path)} if stage.image is not None and path else {}
            close = {} if stage.fidelity is None else {"psnr": round(min(stage.fidelity, 99.0), 1)}
            given = {"given": True} if stage.given else {}
            self.console.answer(line({"stage": number, **given, **image, **words, **close}))
        elif stage.text is not None:
            self.console.answer(one_line(stage.text))
        elif path is not None:
            self.console.answer(str(path))

    def _write(self, number: int, stage: Stage) -> Path:
        if stage.image is None:
            path = self.route.stage(number, ".txt")
            return self.route.save(path, f"{stage.text}\n".encode())
        before = self.stages[number - 1] if number else None
        words = {"text": before.text} if before and before.text is not None else {}
        path = self.route.stage(number, self.route.suffix)
        walk = {**self.about, "stage": number, **words}
        data = encode(stage.image, path.suffix, [], walk, self.stamp, self.inputs)
        return self.route.save(path, data)

    def finish(self, arrows: bool) -> None:
        """Write the strip of the stages, if anything was made."""
        from unidiff_cli.walks.montage import strip

        if all(stage.given for stage in self.stages):
            return
        panels = [stage.image or self._words(stage) for stage in self.stages]
        picture, route = strip(panels, arrows), self.route
        path = write_sheet(
            picture,
            route.strip,
            [],
            self.console,
            self.stamp,
            force=route.force,
            walk=self.about,
            inputs=self.inputs,
        )
        if path is not None:
            self._answer("strip", path)
            self.console.picture(picture)

    def _words(self, stage: Stage) -> str:
        """The words of a stage, as the strip shows them."""
        hidden = stage.given and not self.stamp.prompt
        return "prompt" if hidden else stage.text or ""

    def animate(self, path: Path, force: bool) -> None:
        """Write the pictures as frames that go there and back."""
        from unidiff_cli.walks.montage import MOVING, animation

        pictures = [stage.image for stage in self.stages if stage.image is not None]
        format = MOVING[path.suffix.lower()]
        options = self.stamp.options(format, [], self.about)
        data, shown, frames = animation(pictures, format, options)
        data = self.stamp.seal(data, format, [], self.about, self.inputs)
        self._answer("animation", save(path, data, force))
        if frames < shown:
            self.console.note(
                f"it has {frames} frames for {shown} pictures there and back: neighbours that look "
                "alike are one frame, which stays as long as they would"
            )

    def _answer(self, what: str, path: Path) -> None:
        """Tell of a file that holds the whole walk; not on stdout where a picture's bytes go."""
        if self.route.strip is None:
            self.console.note(f"{what}: {path}")
            return
        values = {what: str(path), **self.about}
        self.console.answer(line(values) if self.json else str(path))


def deliver_walk(walk: Walk, chosen: Options, *others: Path | None) -> WalkDelivery:
    """Load the model, walk, write each stage as it comes and the strip at the end.

    `others` are files that will be made of the stages afterwards.
    """
    stamp = chosen.stamp()
    console, seed = Console(chosen.quiet, chosen.progress, chosen.show), walk.ends[0].seed
    name, more = f"{walk.name}-{seed}", any(others)
    route = plan_route(chosen.output, name, walk.stages, chosen.force, others=more)
    if route.strip is None:
        check_stdout(chosen.json)
    given = (end.image for end in walk.ends)
    check_apart(chosen.preview, [*route.files(walk.stages), *others, *given])
    if chosen.seed is None:
        console.note(f"seed {seed}")
    pictures = tuple(end.image for end in walk.ends if end.image is not None)
    delivery = WalkDelivery(route, console, chosen.json, stamp, pictures)
    with console.listening() as progress:
        model = load(chosen, console, progress)
        warn_of_words(model, [end.prompt for end in walk.ends if end.prompt], console)
        made_with = {n: model.made_with[n] for n in ("model", "revision", "device", "dtype")}
        about = walk.about(model.resolve(walk.ends[0], walk.like))
        delivery.about = {**about, **made_with}
        try:
            for stage in model.walk(walk):
                delivery.deliver(stage)
        finally:
            delivery.finish(walk.arrows)
    return delivery
