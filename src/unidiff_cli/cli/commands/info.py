"""`unidiff info`: what a picture says of how it was made."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.shared import Glob, Json, output_option
from unidiff_cli.cli.terminal.console import Console, printable
from unidiff_cli.errors import InputError

if TYPE_CHECKING:
    from unidiff_cli.files.credentials import Credentials
    from unidiff_cli.files.metadata import Metadata
    from unidiff_cli.files.record import Record

Manifest = Annotated[
    bool,
    output_option("--credentials", help="Print the whole manifest of the Content Credentials."),
]
Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", metavar="FILE", help="Certificates in PEM; who signs with one, or with one that "
        "they signed, is trusted.",
    ),
]  # fmt: skip
MAX_WORDS = 400
"""Characters of a text that are shown."""
EXAMPLES = """\
\b
Examples:
  unidiff info t2i-7-0.png
  unidiff info pictures/ --json | jq .records[0].seed
"""

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Picture files, or folders.")]


def info(
    files: Files,
    glob: Glob = None,
    credentials: Manifest = False,
    trust: Trust = None,
    json: Json = False,
) -> None:
    """Show how a picture was made, if it says so, and who signed that."""
    from unidiff_cli.files.credentials import certificates, read_credentials
    from unidiff_cli.files.folders import expanded
    from unidiff_cli.files.metadata import read_metadata
    from unidiff_cli.files.record import line
    from unidiff_cli.files.streams import settled

    console, failures = Console(), []
    trusted = certificates(trust) if trust else b""
    names, folders = expanded(files, glob)
    for folder in folders:
        console.tell(folder.note)
    for file in names:
        try:
            whole = settled(Path(file))
            known, signed = read_metadata(whole), read_credentials(whole, trusted)
            if credentials:
                console.answer(_manifest(file, signed))
                continue
        except InputError as error:
            if len(names) == 1:
                raise
            console.problem(error)
            failures.append(error)
            continue
        if json:
            more = {"credentials": signed.to_json()} if signed else {}
            console.answer(line({"file": file, **known.to_json(), **more}))
        else:
            console.answer("\n".join([*lines(file, known), *_signature(signed)]))
    leave(failures, len(names))


def _manifest(file: str, signed: Credentials | None) -> str:
    """The whole manifest as JSON; an InputError where there is none to show."""
    from unidiff_cli.files.credentials import library

    library()
    if signed is None:
        raise InputError(
            "input.no-credentials",
            f"{file} carries no Content Credentials.",
            f"unidiff info {file}",
        )
    if not signed.manifest:
        raise InputError(
            "input.broken-credentials",
            f"The Content Credentials of {file} are broken: {signed.problems[0]}.",
        )
    return dumps(signed.manifest, indent=1)


def _signature(signed: Credentials | None) -> list[str]:
    """What there is to say of the credentials that a file carries."""
    if signed is None:
        return []
    words = {
        "trusted": "valid, and the signer is trusted",
        "valid": "valid but untrusted: unchanged since it was signed, by somebody not known here",
        "broken": f"broken: {'; '.join(signed.problems)}",
        "unchecked": "not checked; pip install 'unidiff-cli[c2pa]' checks them",
    }
    rows = {
        "credentials": words[signed.state],
        "signed by": signed.signer,
        "made with": signed.made_with,
        "source": signed.source.rpartition("/")[2],
        "made of": ", ".join(signed.inputs),
    }
    return [_row((name, value)) for name, value in rows.items() if value]


def lines(file: str, known: Metadata) -> list[str]:
    """What is known of a picture, for people."""
    said = [f"{printable(file)}: {known.format}, {known.width} x {known.height}"]
    for number, record in enumerate(known.records):
        if len(known.records) > 1:
            said.append(f"  picture {number + 1}")
        said += map(_row, _told(record).items())
    said += map(_row, known.walk.items())
    if known.place:
        said.append(_row(("found in", known.place)))
    else:
        said += _of_others(known)
    if known.digital_source is not None:
        said.append(f"  {_maker(known.digital_source)}")
    if known.unread:
        said.append(f"  Too large to be read: {printable(', '.join(known.unread))}.")
    return said


def _told(record: Record) -> dict[str, Any]:
    """The record in one row for each of its values."""
    values = record.to_json()
    outputs, made_with = values.pop("outputs"), values.pop("made_with")
    values.pop("status")
    if "also" in values:
        values["and"] = "; ".join(f"{words}:{weight:g}" for words, weight in values.pop("also"))
    texts = [output["text"] for output in outputs if "text" in output]
    best = [{"kept seed": one["seed"], "fit": one["fit"]} for one in outputs if "fit" in one]
    return {**values, **({"text": texts[0]} if texts else {}), **dict(*best[:1]), **made_with}


def _of_others(known: Metadata) -> list[str]:
    """What there is where no record of ours can be read."""
    said = []
    if known.problem:
        said.append(
            f"  It has a record of unidiff that cannot be understood: {printable(known.problem)}"
        )
    if known.parameters is not None:
        by = f" ({printable(known.program)})" if known.program else ""
        said.append(f"  It has no record of unidiff, but another program's parameters{by}:")
        said += [f"  {printable(text)}" for text in known.parameters.splitlines()]
    elif known.program is not None:
        told = "says:" if known.settings else "made it."
        said.append(f"  It has no record of unidiff, but {printable(known.program)} {told}")
        said += map(_row, known.settings.items())
    rest = {name: text for name, text in known.texts.items() if name not in known.used}
    if not said:
        also = known.digital_source is not None  # the mark, in the line after this
        more = ", but has texts:" if rest else ", but by whom:" if also else "."
        said.append(f"  It says nothing of how it was made{more}")
    elif rest:
        said.append("  Other texts in it:")
    return said + [_row((name, _short(text))) for name, text in rest.items()]


def _short(text: str) -> str:
    """The text, or its beginning where it is long."""
    if len(text) <= MAX_WORDS:
        return text
    return f"{text[:MAX_WORDS]} ... ({len(text):,} characters; --json has all)"


def _maker(source: str) -> str:
    """IPTC's kind of source, in words where it tells of a model."""
    name = source.rpartition("/")[2]
    words = {
        "trainedAlgorithmicMedia": "Made by a trained model",
        "compositeWithTrainedAlgorithmicMedia": "Made with the help of a trained model",
        "algorithmicMedia": "Made by a program, without a trained model",
    }
    return f"{words.get(name, 'It says what kind of source it has')} (IPTC {name})."


def _row(setting: tuple[str, object]) -> str:
    name, value = setting
    return f"  {printable(name).replace('_', ' '):<17} {printable(value)}"
