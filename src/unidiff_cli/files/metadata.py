"""What a picture says of itself: the record of how it was made, and that a model made it.

    PNG          iTXt "unidiff" (the records), iTXt "parameters" (as Automatic1111 writes them),
                 XMP
    JPEG, WebP   EXIF UserComment (the records), XMP
    GIF          a comment (the records)

The records are a JSON document {"format": "unidiff", "version": 1, "records": [...]}: one for a
picture, one a picture for a contact sheet. A stage of a walk, which no record makes again, has
"walk" instead: an object of plain values, the walk's name and settings. XMP holds IPTC's
DigitalSourceType, trainedAlgorithmicMedia.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli import __version__
from unidiff_cli.errors import UnidiffError
from unidiff_cli.files.pictures import BROKEN, opened
from unidiff_cli.files.record import Record, Saved, line

if TYPE_CHECKING:
    from PIL import Image

FORMAT, VERSION = "unidiff", 1
MAX_TEXT = 2**20
"""Longer texts in a picture are not looked at."""
EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
ROOM = {"PNG": MAX_TEXT, "GIF": MAX_TEXT, "WEBP": MAX_TEXT, "JPEG": 65_400}
"""Bytes for the records; a JPEG's marker counts its own with 16 bits."""
UNICODE = b"UNICODE\0"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"
 xmp:CreatorTool="unidiff {__version__}"/>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known of a picture without looking at it."""

    format: str
    width: int
    height: int
    records: tuple[Record, ...] = ()
    walk: Mapping[str, str | float] = field(default_factory=dict)
    """Of a stage of a walk: the walk and its settings."""
    problem: str = ""
    """Why the records in it cannot be understood."""
    parameters: str | None = None
    digital_source: str | None = None
    """IPTC's DigitalSourceType, where it is trainedAlgorithmicMedia."""
    others: tuple[str, ...] = ()
    """Names of the other texts in it."""

    def to_json(self) -> dict[str, Any]:
        """JSON values; what there is not is left out."""
        values = {
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "records": [record.to_json() for record in self.records],
            "walk": dict(self.walk),
            "problem": self.problem,
            "parameters": self.parameters,
            "digital_source": self.digital_source,
            "others": list(self.others),
        }
        return {name: value for name, value in values.items() if value or name == "records"}


def save_options(
    format: str, records: Sequence[Record], walk: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Arguments of Pillow's save that put the records into a picture of this format.

    Without the records where there is no room for them.
    """
    from PIL import Image, PngImagePlugin

    text = document(records, walk)
    room = _fits(format, text)
    if format == "GIF":
        return {"comment": text.encode()} if room else {}
    if format == "PNG":
        texts = PngImagePlugin.PngInfo()
        if room:
            texts.add_itxt(FORMAT, text)
        if len(records) == 1:
            # A folder that the model is in may have a name that is no UTF-8.
            said = parameters(records[0]).encode(errors="replace").decode()
            texts.add_itxt("parameters", said)
        texts.add_itxt("XML:com.adobe.xmp", XMP)
        return {"pnginfo": texts}
    exif = Image.Exif()
    if room:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = _comment(text)
    return {"exif": exif, "xmp": XMP.encode()}


def has_room(format: str, records: Sequence[Record]) -> bool:
    """Whether a picture of this format can hold the records; a large sheet has many."""
    return _fits(format, document(records))


def _fits(format: str, text: str) -> bool:
    held = _comment(text) if format in ("JPEG", "WEBP") else text.encode()
    return len(held) <= ROOM[format]


def _comment(text: str) -> bytes:
    # Big-endian whatever the byte order of the rest: what writes and reads these comments does so.
    return UNICODE + text.encode("utf-16-be")


def document(records: Sequence[Record], walk: Mapping[str, Any] | None = None) -> str:
    """The records as the JSON document that a picture carries; it names no file written."""
    bare = [
        replace(record, outputs=tuple(Saved(text=output.text) for output in record.outputs))
        for record in records
    ]
    values = {"format": FORMAT, "version": VERSION, "records": [each.to_json() for each in bare]}
    return line(values | ({"walk": dict(walk)} if walk else {}))


def parameters(record: Record) -> str:
    """The record as Automatic1111 writes its own; "CFG scale" is the paper's scale plus one."""
    request = record.request
    texts = [output.text for output in record.outputs if output.text]
    width, height = request.size or (0, 0)
    values = {
        "Steps": request.steps,
        "Sampler": request.solver,
        "CFG scale": None if request.guidance is None else f"{request.guidance + 1:g}",
        "Seed": request.seed,
        "Size": f"{width}x{height}" if request.size else None,
        "Model": record.made_with.get("model"),
        "Version": f"unidiff {__version__}",
    }
    settings = ", ".join(f"{name}: {value}" for name, value in values.items() if value is not None)
    return f"{request.prompt or ' '.join(texts)}\n{settings}"


def read_metadata(path: str | Path) -> Metadata:
    """What the picture says of itself, none of it trusted; InputError if it cannot be read."""
    with opened(path) as picture:
        texts = _texts(picture)
        known = Metadata(format=picture.format or "?", width=picture.width, height=picture.height)
        comment = _user_comment(picture)
        if picture.format == "GIF":
            comment = texts.pop("comment", "")
    xmp = texts.pop("XML:com.adobe.xmp", "") + texts.pop("xmp", "")
    found = texts.pop(FORMAT, None) or (comment if comment.startswith("{") else None)
    known = replace(
        known,
        parameters=texts.pop("parameters", None) or comment or None,
        digital_source=SOURCE_TYPE if SOURCE_TYPE in xmp else None,
        others=tuple(sorted(texts)),
    )
    if found is None:
        return known
    known = replace(known, parameters=None if known.parameters == found else known.parameters)
    try:
        records, walk = _document(found)
        return replace(known, records=records, walk=walk)
    except (UnidiffError, ValueError, RecursionError) as error:
        return replace(known, problem=str(error) or type(error).__name__)


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
    if not isinstance(walk, dict) or not all(
        isinstance(v, (str, int, float)) for v in walk.values()
    ):
        raise ValueError("its walk is no object of plain values")
    return tuple(Record.from_json(each) for each in records), walk


def _texts(picture: Image.Image) -> dict[str, str]:
    """The texts in a picture, of a bearable length."""
    info: Mapping[Any, Any] = picture.info
    texts = {
        str(name): value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for name, value in info.items()
        if isinstance(value, (str, bytes)) and name not in ("exif", "icc_profile")
    }
    return {name: text for name, text in texts.items() if len(text) <= MAX_TEXT}


def _user_comment(picture: Image.Image) -> str:
    """EXIF's UserComment, whichever of the usual ways it is encoded."""
    raw: object = b""
    with suppress(*BROKEN):
        raw = picture.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    if not isinstance(raw, bytes) or len(raw) > MAX_TEXT:
        return ""
    label, body = raw[:8], raw[8:]
    if label != UNICODE:
        return body.decode("utf-8", "replace").strip("\0 ")
    # Latin text in the wrong byte order is full of characters U+xx00.
    little = body[1:2] == b"\0"
    return body.decode("utf-16-le" if little else "utf-16-be", "replace")
