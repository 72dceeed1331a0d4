"""`unidiff models`: what there is, what is here, and how to get the rest."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unidiff_cli.cli.command import Command, help_alone
from unidiff_cli.cli.options.shared import Json, Quiet
from unidiff_cli.cli.terminal.console import Console, is_terminal
from unidiff_cli.errors import INTERRUPTED, ModelUnavailable, UsageError
from unidiff_cli.registry import DEFAULT, MODELS

if TYPE_CHECKING:
    from unidiff_cli.storage.find import Found

EXAMPLES = """\
\b
Examples:
  unidiff models list
  unidiff models pull
  unidiff models convert unidiffuser-v1 models/v1-half --dtype fp16
"""

app = typer.Typer(
    help="List, fetch, check, convert and remove models.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
    add_completion=False,
)
app.callback(invoke_without_command=True)(help_alone)

NAME_HELP = "A name from `unidiff models list`, a folder, or a Hub id."
Name = Annotated[str, typer.Argument(metavar="MODEL", help=NAME_HELP)]


@app.command("list", cls=Command)
def list_models(json: Json = False) -> None:
    """List the named models, with size and licence of the weights."""
    from unidiff_cli.storage.catalogue import described

    console = Console()
    rows = [described(row) for row in MODELS.values()]
    if json:
        for row in rows:
            console.answer(_json(row))
        return
    table = [("NAME", "SIZE", "LICENCE", "HERE", "WHAT IT IS")]
    table += [
        (row["name"], _shown(row["size"]), row["license"], _yes(row["here"]), row["summary"])
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        console.answer("  ".join(padded).rstrip())
    for row in rows:
        if row["why"] and "cannot be" in row["why"]:
            console.note(row["why"])


@app.command("pull", cls=Command)
def pull(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="A name from the list, or a Hub id.")
    ] = DEFAULT,
    quiet: Quiet = False,
) -> None:
    """Fetch a published model and check every byte.

    It goes into the Hub's cache, and its folder is printed. Files that are complete are kept when
    another one fails. HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what
    they mean to the Hub's client.
    """
    from unidiff_cli.storage import cached, hub
    from unidiff_cli.storage.layout import human

    console = Console(quiet)
    row = MODELS.get(name)
    if row and row.kind != "hub":
        raise UsageError(
            "usage.not-for-model",
            f"{name} needs no fetching.",
            f"Use it: unidiff t2i PROMPT --model {name}",
        )
    if not row and "/" not in name:
        raise ModelUnavailable(
            "model.unknown", f"There is no model {name!r}.", "See: unidiff models list"
        )
    if quiet:
        hub.without_bars()
    plan = hub.plan(row.repo if row else name, row.revision if row else "main")
    free = hub.check_space(plan)
    console.note(
        f"{plan.repo} at {plan.commit[:12]}: {len(plan.files)} files, {human(plan.size)}, "
        f"{human(plan.to_fetch)} to fetch; {human(free)} free in {cached.cache_folder()}."
    )
    console.note(f"Licence of these weights: {plan.license}.")
    console.answer(str(hub.fetch(plan, console.note)))


@app.command("path", cls=Command)
def path(name: Name) -> None:
    """Print the folder of a model that is here."""
    Console().answer(str(_folder(name)[1]))


@app.command("info", cls=Command)
def info(name: Name, json: Json = False) -> None:
    """Show what is known about a model that is here."""
    from unidiff_cli.storage.catalogue import known_of
    from unidiff_cli.storage.find import find

    known, console = known_of(find(name)), Console()
    if json:
        console.answer(_json(known))
        return
    for key, value in known.items():
        text = _shown(value) if key == "size" else value
        if isinstance(value, dict):
            text = _settings(value)
        console.answer(f"{key.replace('_', ' '):<14} {text}")


@app.command("verify", cls=Command)
def verify(name: Name, quiet: Quiet = False) -> None:
    """Check that a model is undamaged.

    A fetched one is compared, file by file, with the Hub's hashes, or without a connection with
    those that the cache remembers; another by the names, shapes and numbers of its tensors.
    """
    from unidiff_cli.storage.find import find

    found, console = find(name), Console(quiet)
    repo = found.repo
    if repo and found.folder:
        from unidiff_cli.storage import hub

        if bad := hub.damaged(repo, found.folder, console.note):
            raise ModelUnavailable(
                "model.damaged",
                f"{len(bad)} damaged: {', '.join(bad)}.",
                f"Fetch only these again with: unidiff models pull {name}",
            )
    else:
        from unidiff_cli.storage.verify import verify_weights

        verify_weights(found, console.note)
    console.answer(f"{name} is as it should be.")


@app.command("convert", cls=Command)
def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help=NAME_HELP)],
    target: Annotated[Path, typer.Argument(metavar="DST", help="The folder to make.")],
    dtype: Annotated[
        Literal["fp32", "fp16", "bf16"], typer.Option("--dtype", help="Number format to write.")
    ] = "fp32",
    clip_text: Annotated[
        Path | None,
        typer.Option("--clip-text", help="CLIP ViT-L/14, if caption_decoder.pth lacks it."),
    ] = None,
    clip_image: Annotated[
        Path | None, typer.Option("--clip-image", help="CLIP ViT-B/32, a folder or its weights.")
    ] = None,
    clip_tokenizer: Annotated[
        Path | None, typer.Option("--clip-tokenizer", help="A tokenizer.json, or its folder.")
    ] = None,
    caption_tokenizer: Annotated[
        Path | None, typer.Option("--caption-tokenizer", help="GPT-2's, a file or its folder.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a model as one folder of safetensors, which loads fast.

    Prints the folder. SRC may also be a folder with the files as first published (uvit_v1.pth,
    caption_decoder.pth, autoencoder_kl.pth). What these lack comes from the four options, or from
    the Hub's cache.
    """
    from unidiff_cli.storage.convert import convert as write
    from unidiff_cli.storage.original import Extras

    extras = Extras(
        clip_text=clip_text,
        clip_image=clip_image,
        clip_tokenizer=clip_tokenizer,
        caption_tokenizer=caption_tokenizer,
    )
    console = Console(quiet)
    console.answer(str(write(source, target, dtype=dtype, extras=extras, tell=console.note)))


@app.command("rm", cls=Command)
def remove(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A fetched model.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a fetched model from the Hub's cache.

    Every revision of it goes.
    """
    from unidiff_cli.storage import cached, hub
    from unidiff_cli.storage.layout import human

    found, folder = _folder(name)
    repo = found.repo
    if found.revision in ("bundled", "random"):
        raise UsageError(
            "usage.not-for-model", f"{name} comes with unidiff and stays.", "unidiff models list"
        )
    if not repo:
        raise UsageError(
            "usage.not-for-model",
            f"{name} does not lie in the Hub's cache.",
            f"Remove its folder yourself: {folder}",
        )
    if not yes and not _agreed(f"Remove {repo} from {cached.cache_folder()}?"):
        Console().note("Nothing was removed.")
        return
    Console().note(f"Removed {repo}: {human(hub.remove(repo))} are free again.")


def _agreed(question: str) -> bool:
    """The answer of whoever sits there; nobody is a UsageError."""
    if not is_terminal(sys.stdin):
        raise UsageError(
            "usage.unconfirmed",
            "There is nobody to ask.",
            "Say --yes to remove it without a question.",
        )
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise typer.Exit(INTERRUPTED) from None


def _folder(name: str) -> tuple[Found, Path]:
    from unidiff_cli.storage.find import find

    found = find(name)
    if found.folder is None:
        raise UsageError(
            "usage.not-for-model", f"{name} has no files: its weights are made when it is used."
        )
    return found, found.folder


def _settings(values: Mapping[str, Any]) -> str:
    """Settings on a line; those of single modes behind those of all."""
    usual = [f"{name} {value}" for name, value in values.items() if not isinstance(value, dict)]
    own = [f"{mode}: {_settings(row)}" for mode, row in values.get("modes", {}).items()]
    return "; ".join([", ".join(usual), *own])


def _shown(size: int) -> str:
    from unidiff_cli.storage.layout import human

    return human(size) if size else "-"


def _yes(here: bool) -> str:
    return "yes" if here else "no"


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
