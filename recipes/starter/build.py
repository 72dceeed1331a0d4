"""Build the pictures and their descriptions from the art's own packages, pinned in package.json.

    python recipes/starter/build.py node_modules OUT        # needs resvg-py 0.5.0

OUT gets `clipart128-webp.npz` and `clipart.jsonl.xz`. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from colours import measured
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
FINE = 256  # pictures are drawn so large, then halved
# How much of the square each style's own canvas gets, so that things are about equally large.
STYLES = {
    "noto": ("@iconify-json/noto", 0.94),
    "twemoji": ("@iconify-json/twemoji", 0.90),
    "fluent-3d": ("@lobehub/fluent-emoji-3d", 0.98),
    "fluent-flat": ("@iconify-json/fluent-emoji-flat", 0.96),
    "noto-v1": ("@iconify-json/noto-v1", 0.94),
    "fxemoji": ("@iconify-json/fxemoji", 0.92),
    "streamline": ("@iconify-json/streamline-emojis", 0.94),
}
FAMILY = {"fluent-3d": "fluent", "fluent-flat": "fluent", "noto-v1": "noto"}
NUMBER = re.compile(r"-\d+$")  # "bird-2" is another bird
GROUPS = {"animals-nature", "food-drink", "travel-places", "activities", "objects"}
# Microsoft kept these to itself: the paperclip, the game pad and the technologists. The 3D
# package carries them all the same; its flags fall with their group.
NOT_OPEN = {"1f4ce", "1f3ae", "1f9d1-200d-1f4bb", "1f468-200d-1f4bb", "1f469-200d-1f4bb"}
VALIDATION = 0.02
INK = "#1c1c1c"  # of drawings that leave the colour of their lines open


@dataclass(frozen=True, slots=True)
class Thing:
    """An emoji as Unicode has it."""

    code: str
    name: str
    group: str


def code(text: str) -> str:
    """A sequence of code points written in one way: "1F98A-FE0F" is "1f98a"."""
    points = text.lower().replace("_", "-").replace(" ", "-").split("-")
    return "-".join(point.lstrip("0") for point in points if point not in ("", "fe0f"))


def things(modules: Path) -> dict[str, Thing]:
    """What can be shown, by code: no people, no flags, no symbols, no skin tones."""
    folder = modules / "emojibase-data" / "en"
    rows = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    messages = json.loads((folder / "messages.json").read_text(encoding="utf-8"))
    groups = {group["order"]: group["key"] for group in messages["groups"]}
    found = {}
    for row in rows:
        group = groups.get(row.get("group"), "")
        if group in GROUPS:
            own = code(row["hexcode"])
            name = row["label"].lower().replace("\u2019", "'").replace("\u201c", "")
            found[own] = Thing(own, name.replace("\u201d", ""), group)
    return found


def plain(name: str) -> str:
    """A name by its letters and digits alone."""
    return "".join(filter(str.isalnum, name.lower()))


def named(modules: Path, known: Mapping[str, Thing]) -> dict[str, str]:
    """The code of each thing that a package may call by a name: Unicode's, CLDR's, or another
    package's."""
    found = {plain(thing.name): own for own, thing in known.items()}
    single = {own: chr(int(own, 16)) for own in known if "-" not in own}
    found |= {plain(unicodedata.name(sign, "")): own for own, sign in single.items()}
    for package in ("noto", "twemoji", "fluent-emoji-flat"):
        chars = (modules / "@iconify-json" / package / "chars.json").read_text(encoding="utf-8")
        found |= {plain(name): code(key) for key, name in json.loads(chars).items()}
    return found


def drawings(package: Path, names: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(code, name of the drawing, SVG) of an icon package, copies left out.

    A package that lists no codes has only names for its drawings: `names` has their codes.
    """
    icons = json.loads((package / "icons.json").read_text(encoding="utf-8"))
    coded = json.loads((package / "chars.json").read_text(encoding="utf-8"))
    width, height = icons.get("width", 16), icons.get("height", 16)
    each = [(code(key), name) for key, name in coded.items()] or [
        (names.get(plain(name)) or names.get(plain(NUMBER.sub("", name)), ""), name)
        for name in icons["icons"]
    ]
    for own, name in sorted(each):
        icon = icons["icons"].get(name)
        if icon is not None:
            box = (icon.get("left", 0), icon.get("top", 0))
            w, h = icon.get("width", width), icon.get("height", height)
            yield own, name, _svg(icon["body"].replace("currentColor", INK), (*box, w, h))


def _svg(body: str, box: tuple[float, ...]) -> str:
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    view = " ".join(map(str, box))
    return f'<svg {spaces} viewBox="{view}" width="{box[2]}" height="{box[3]}">{body}</svg>'


def drawn(svg: str) -> Image.Image:
    """An SVG as a picture, FINE pixels wide."""
    import resvg_py

    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=FINE))))


def placed(picture: Image.Image, share: float) -> NDArray[np.uint8]:
    """(128, 128, 4): the picture in the middle of a clear square, of which it gets a share."""
    factor = FINE * share / max(picture.size)
    sides = [max(1, round(side * factor)) for side in picture.size]
    small = picture.convert("RGBA").resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (FINE, FINE), (255, 255, 255, 0))
    canvas.paste(small, ((FINE - sides[0]) // 2, (FINE - sides[1]) // 2))
    return np.asarray(canvas.reduce(FINE // SIZE))


def pictures(modules: Path) -> Iterator[tuple[Thing, str, str, NDArray[np.uint8]]]:
    """(thing, style, name of the drawing, picture) of everything that is openly licensed."""
    known = things(modules)
    names = named(modules, known)
    for style, (package, share) in STYLES.items():
        if style == "fluent-3d":
            continue
        for own, name, svg in drawings(modules / package, names):
            if own in known and not (style in FAMILY and own in NOT_OPEN):
                yield known[own], style, name, placed(drawn(svg), share)
    package, share = STYLES["fluent-3d"]
    flat = {own for own, _, _ in drawings(modules / STYLES["fluent-flat"][0], names)}
    for path in sorted((modules / package / "assets").glob("*.webp")):
        own = code(path.stem)
        if own in known and own in flat and own not in NOT_OPEN:
            yield known[own], "fluent-3d", own, placed(Image.open(path), share)


def split(thing: Thing, style: str, drawing: str, rules: dict[str, Any]) -> str:
    """Which split holds a picture: by name, by (thing, family), else 2 in 100 for validation."""
    for name in ("test_concepts_words_seen", "test_concepts_word_new"):
        if thing.name in rules[name]:
            return name.replace("concepts", "concept")
    if rules["test_combo"].get(thing.code) == FAMILY.get(style, style):
        return "test_combo"
    digest = hashlib.sha1(f"{style}/{drawing}|val".encode()).hexdigest()
    return "val" if int(digest[:8], 16) < VALIDATION * 2**32 else "train"


def encoded(picture: NDArray[np.uint8]) -> bytes:
    """A lossless WebP file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", lossless=True, quality=60, method=4)
    return file.getvalue()


def build(modules: Path, out: Path) -> None:
    """Write both files."""
    rules = json.loads((Path(__file__).parent / "splits.json").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    files, seen = [], set[bytes]()
    with lzma.open(out / "clipart.jsonl.xz", "wt", encoding="utf-8") as lines:
        for thing, style, drawing, picture in pictures(modules):
            if picture.tobytes() in seen:
                continue
            seen.add(picture.tobytes())
            row = {
                "id": f"{style}/{drawing}",
                "vendor": style,
                "concept": thing.code,
                "name": thing.name,
                "group": thing.group,
                "tone": 0,
                "colours": measured(picture),
                "split": split(thing, style, drawing, rules),
            }
            lines.write(json.dumps(row) + "\n")
            files.append(encoded(picture))
    offsets = np.cumsum([0, *map(len, files)]).astype(np.int64)
    data = np.frombuffer(b"".join(files), np.uint8)
    np.savez(out / "clipart128-webp.npz", data=data, offsets=offsets)


def main() -> None:
    """Build the set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    build(arguments.modules, arguments.out)


if __name__ == "__main__":
    main()
