"""XMP: the packet that says a model made the picture, and how; and what is read of anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from html import escape  # xml.sax has the same, and imports half of urllib

from unidiff_cli import __version__

LONGEST = 65_000
"""Bytes of a packet: a JPEG's marker counts its own with 16 bits."""
MAX_PROMPT = 2_000
"""Characters of a prompt in AIPromptInformation; the record has all of it."""
NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = NEWSCODES + "trainedAlgorithmicMedia"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP = "http://ns.adobe.com/xap/1.0/"
OURS = "urn:unidiff:record:"
NAMES = {
    f"{{{OURS}}}record": "record",
    f"{{{IPTC}}}DigitalSourceType": "DigitalSourceType",
    f"{{{IPTC}}}AISystemUsed": "AISystemUsed",
    f"{{{IPTC}}}AIPromptInformation": "AIPromptInformation",
    f"{{{XMP}}}CreatorTool": "CreatorTool",
    "{http://ns.adobe.com/exif/1.0/}UserComment": "UserComment",
    "{http://purl.org/dc/elements/1.1/}description": "description",
}
"""The properties that are read, and what they are called."""


def packet(document: str, model: str, revision: str, prompt: str) -> bytes:
    """The XMP packet of a picture; the document, the records in JSON, only where it fits in.

    The properties AI... are those of IPTC's Photo Metadata Standard 2025.1. Empty ones are left
    out.
    """
    told = {
        "Iptc4xmpExt:AISystemUsed": model,
        "Iptc4xmpExt:AISystemVersionUsed": revision,
        "Iptc4xmpExt:AIPromptInformation": _short(prompt),
    }
    whole = _packet({**told, "unidiff:record": document})
    return whole if len(whole) <= LONGEST else _packet(told)


def holds(document: str) -> bool:
    """Whether a packet has room for the document, whatever else it says."""
    return len(escape(document, quote=False).encode()) <= LONGEST - 6 * MAX_PROMPT - 2_000


def _packet(elements: Mapping[str, str]) -> bytes:
    lines = (
        f" <{name}>{escape(_legal(text), quote=False)}</{name}>"
        for name, text in elements.items()
        if text
    )
    body = "\n".join(lines)
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="{RDF}">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="{IPTC}"
 xmlns:xmp="{XMP}"
 xmlns:unidiff="{OURS}"
 Iptc4xmpExt:DigitalSourceType="{TRAINED}"
 xmp:CreatorTool="unidiff {__version__}">
{body}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


def _short(text: str) -> str:
    return text if len(text) <= MAX_PROMPT else text[:MAX_PROMPT] + " ..."


def _legal(text: str) -> str:
    """The text without the characters that XML 1.0 has no way to write."""
    text = text.encode(errors="replace").decode()
    return "".join(c for c in text if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))


def read_packet(data: bytes) -> dict[str, str]:
    """What a packet says, by the names above; nothing when it is no XML, or declares a DTD."""
    found: dict[str, str] = {}
    if b"<!" in data or not data.strip():
        return found
    from xml.etree import ElementTree  # here, since it takes time that --help has not

    with suppress(ElementTree.ParseError, ValueError, LookupError):
        for element in ElementTree.fromstring(data.strip(b"\0 \t\r\n")).iter():
            for name, value in element.attrib.items():
                if name in NAMES:
                    found.setdefault(NAMES[name], value)
            if element.tag in NAMES:
                text = "".join(element.itertext()).strip()
                found.setdefault(NAMES[element.tag], text)
    return {name: text for name, text in found.items() if text}
