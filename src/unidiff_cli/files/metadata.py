"""What a picture says of itself: the record of how it was made, and that a model made it.

    PNG          tEXt "unidiff" (the records), tEXt "DigitalSourceType", tEXt "parameters" (as
                 Automatic1111 writes them; iTXt where it is not Latin-1), XMP, an sRGB profile
    JPEG, WebP   EXIF UserComment (the records), XMP, an sRGB profile
    GIF          a comment (the records)

The records are a JSON document {"format": "unidiff", "version": 1, "records": [...]}, in ASCII, so
that no program in between writes it in another encoding: one record for a picture, one a picture
for a contact sheet. A stage of a walk, which no record makes again, has "walk" instead: an object
of plain values, the walk's name and settings. XMP holds the document once more, since some programs
keep nothing else, and IPTC's properties for pictures of models. The profile has the mark alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unidiff_cli.errors import UnidiffError
from unidiff_cli.files import exif, xmp
from unidiff_cli.files.parameters import write_parameters
from unidiff_cli.files.pictures import UNREAD, Source, opened
from unidiff_cli.files.profile import mark_in, marked_srgb
from unidiff_cli.files.programs import Setting, understood
from unidiff_cli.files.record import Record
from unidiff_cli.files.texts import MAX_TEXT, Texts, read_texts

FORMAT, VERSION = "unidiff", 1
ROOM = {"PNG": MAX_TEXT, "GIF": MAX_TEXT, "WEBP": MAX_TEXT, "JPEG": 65_400}
"""Bytes for the records; a JPEG's marker counts its own with 16 bits."""
MARK = "DigitalSourceType"
CHUNK, COMMENT, PACKET = f"text {FORMAT!r}", "EXIF UserComment", "XMP"
"""The places of a document."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known of a picture without looking at it."""

    format: str
    width: int
    height: int
    records: tuple[Record, ...] = ()
    walk: Mapping[str, str | float] = field(default_factory=dict)
    """Of a stage of a walk: the walk and its settings."""
    place: str = ""
    """Where the records or the walk were found."""
    problem: str = ""
    """Why the records in it cannot be understood."""
    parameters: str | None = None
    """The text of that name, or another that is written like it."""
    program: str | None = None
    """Another program that says it made the picture."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """What that program says, under names of ours where it has such a setting."""
    digital_source: str | None = None
    """IPTC's DigitalSourceType: what kind of maker the picture says it has."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The other texts in it."""
    used: tuple[str, ...] = ()
    """Names of the texts that all of `settings` was in."""
    unread: tuple[str, ...] = ()
    """Names of the texts in it that are too large to be read."""

    def to_json(self) -> dict[str, Any]:
        """JSON values; what there is not is left out."""
        values = {
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "records": [record.to_json() for record in self.records],
            "walk": dict(self.walk),
            "found_in": self.place,
            "problem": self.problem,
            "parameters": self.parameters,
            "program": self.program,
            "settings": dict(self.settings),
            "digital_source": self.digital_source,
            "texts": dict(self.texts),
            "unread": list(self.unread),
        }
        return {name: value for name, value in values.items() if value or name == "records"}


def save_options(
    format: str, records: Sequence[Record], walk: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Arguments of Pillow's save that put the records into a picture of this format.

    Without the records where there is no room for them.
    """
    from PIL import PngImagePlugin

    text = document(records, walk)
    room = _fits(format, text)
    if format == "GIF":
        return {"comment": text.encode()} if room else {}
    packet = xmp.packet(text, *credits_of(records, walk or {}))
    if format == "PNG":
        texts = PngImagePlugin.PngInfo()
        if room:
            texts.add_text(FORMAT, text)
        texts.add_text(MARK, xmp.TRAINED)
        if len(records) == 1:
            # A folder that the model is in may have a name that is no UTF-8.
            said = write_parameters(records[0]).encode(errors="replace").decode()
            texts.add_text("parameters", said)
        texts.add_itxt("XML:com.adobe.xmp", packet.decode())
        return {"pnginfo": texts, "icc_profile": marked_srgb()}
    block = exif.comment_block(text) if room else b""
    # Pillow takes the header off for a still WebP, but not for one that moves.
    head = exif.HEADER if block and format == "JPEG" else b""
    return {"exif": head + block, "xmp": packet, "icc_profile": marked_srgb()}


def credits_of(records: Sequence[Record], walk: Mapping[str, Any]) -> tuple[str, str, str]:
    """Model, revision and prompt, of a sheet the different ones of all."""
    made_with: list[Mapping[str, Any]] = [record.made_with for record in records] or [walk]
    prompts = [record.request.prompt for record in records] or [walk.get("prompt"), walk.get("to")]

    def all_of(values: Sequence[Any], between: str) -> str:
        return between.join(dict.fromkeys(str(value) for value in values if value))

    return (
        all_of([made.get("model") for made in made_with], ", "),
        all_of([made.get("revision") for made in made_with], ", "),
        all_of(prompts if records or "prompt" in walk else (), "\n"),
    )


def has_room(format: str, records: Sequence[Record]) -> bool:
    """Whether a picture of this format can hold the records; a large sheet has many."""
    text = document(records)
    return _fits(format, text) or (format != "GIF" and xmp.holds(text))


def _fits(format: str, text: str) -> bool:
    size = len(exif.comment_block(text)) if format in ("JPEG", "WEBP") else len(text)
    return size <= ROOM[format]


def document(records: Sequence[Record], walk: Mapping[str, Any] | None = None) -> str:
    """The records as the JSON document that a picture carries, in ASCII; it names no file written.

    Its first characters are always the same: `read_metadata` knows it by them.
    """
    bare = [
        replace(record, outputs=tuple(replace(output, image=None) for output in record.outputs))
        for record in records
    ]
    values = {"format": FORMAT, "version": VERSION, "records": [each.to_json() for each in bare]}
    return json.dumps(values | ({"walk": dict(walk)} if walk else {}), allow_nan=False)


def read_metadata(source: Source) -> Metadata:
    """What the picture says of itself, none of it trusted; InputError if it cannot be read."""
    with opened(source) as picture:
        known = Metadata(
            format=picture.format or "?",
            width=picture.width,
            height=picture.height,
            unread=picture.info.get(UNREAD, ()),
        )
        texts, mark = read_texts(picture), mark_in(picture.info.get("icc_profile"))
    sources = (texts.xmp.get(MARK, ""), texts.own.get(MARK, ""), mark)
    known = replace(known, digital_source=next((s for s in sources if _is_source(s)), None))
    problem = ""
    for place, text in _documents(texts):
        try:
            records, walk = _document(text)
        except (UnidiffError, ValueError, RecursionError) as error:
            problem = problem or str(error) or type(error).__name__
        else:
            return replace(
                known,
                records=records,
                walk=walk,
                place=place,
                parameters=texts.own.get("parameters"),
                texts=_without(texts.own, FORMAT, MARK, "parameters", "comment"),
            )
    others = _without({**texts.xmp, **texts.exif, **texts.own}, FORMAT, MARK, "record")
    told = understood(others)
    known = replace(known, problem=problem, parameters=others.get("parameters"))
    if told is None:
        return replace(known, texts=_without(others, "parameters"))
    return replace(
        known,
        parameters=told.text or known.parameters,
        program=told.program,
        settings=told.settings,
        texts=_without(others, "parameters"),
        used=told.used,
    )


def _is_plain(value: object) -> bool:
    """Text or a finite number: Python's JSON knows others, which no other reader does."""
    return isinstance(value, str) or (isinstance(value, (int, float)) and math.isfinite(value))


def _is_source(value: str) -> bool:
    return value.startswith(xmp.NEWSCODES) and value.removeprefix(xmp.NEWSCODES).isalpha()


def _without(texts: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name not in names}


def _documents(texts: Texts) -> Iterator[tuple[str, str]]:
    """The texts that are documents of ours, and where they are, the likeliest first."""
    if text := texts.own.get(FORMAT):
        yield CHUNK, text
    for place, text in (
        (COMMENT, texts.exif.get("UserComment", "")),
        ("comment", texts.own.get("comment", "")),
        (PACKET, texts.xmp.get("record", "")),
    ):
        if text.startswith(f'{{"format": "{FORMAT}"'):
            yield place, text


def _document(text: str) -> tuple[tuple[Record, ...], dict[str, str | float]]:
    """The records and the walk in a document; ValueError or UsageError when it is none of ours."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError("it is not a unidiff document")
    if values.get("version") != VERSION:
        raise ValueError(f"it is of version {values.get('version')!r}, this program knows 1")
    records = values.get("records")
    if not isinstance(records, list):
        raise ValueError("it has no list of records")
    walk = values.get("walk", {})
    if not isinstance(walk, dict) or not all(map(_is_plain, walk.values())):
        raise ValueError("its walk is no object of plain values")
    return tuple(Record.from_json(each) for each in records), walk
