"""Build the pictures and their descriptions from the art's own packages, pinned in package.json.

    cd recipes/starter && npm install --ignore-scripts --no-audit --no-fund
    python build.py node_modules OUT        # needs resvg-py 0.5.0

OUT gets `clipart128-webp.npz` and `clipart.jsonl.xz`. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
from collections.abc import Iterator
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
}
FAMILY = {"fluent-3d": "fluent", "fluent-flat": "fluent"}
GROUPS = {"animals-nature", "food-drink", "travel-places", "activities", "objects"}
# Microsoft kept these to itself: the paperclip, the game pad and the technologists. The 3D
# package carries them all the same; its flags fall with their group.
NOT_OPEN = {"1f4ce", "1f3ae", "1f9d1-200d-1f4bb", "1f468-200d-1f4bb", "1f469-200d-1f4bb"}
VALIDATION = 0.02


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


def drawings(package: Path) -> Iterator[tuple[str, str, str]]:
    """(code, name of the drawing, SVG) of an icon package, copies left out."""
    icons = json.loads((package / "icons.json").read_text(encoding="utf-8"))
    named = json.loads((package / "chars.json").read_text(encoding="utf-8"))
    width, height = icons.get("width", 16), icons.get("height", 16)
    for own, name in sorted((code(key), name) for key, name in named.items()):
        icon = icons["icons"].get(name)
        if icon is not None:
            box = (icon.get("left", 0), icon.get("top", 0))
            w, h = icon.get("width", width), icon.get("height", height)
            yield own, name, _svg(icon["body"], (*box, w, h))


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
    for style, (package, share) in STYLES.items():
        if style == "fluent-3d":
            continue
        for own, name, svg in drawings(modules / package):
            if own in known and not (style in FAMILY and own in NOT_OPEN):
                yield known[own], style, name, placed(drawn(svg), share)
    package, share = STYLES["fluent-3d"]
    flat = {own for own, _, _ in drawings(modules / STYLES["fluent-flat"][0])}
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


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    rules = json.loads((Path(__file__).parent / "splits.json").read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    files, seen = [], set[bytes]()
    with lzma.open(arguments.out / "clipart.jsonl.xz", "wt", encoding="utf-8") as lines:
        for thing, style, drawing, picture in pictures(arguments.modules):
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
    np.savez(arguments.out / "clipart128-webp.npz", data=data, offsets=offsets)


if __name__ == "__main__":
    main()
