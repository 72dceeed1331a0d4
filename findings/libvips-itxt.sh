#!/usr/bin/env bash
# libvips 8.18.7 (pyvips-binary): a PNG is read and written again. One would expect its texts to be the
# same. Text in an iTXt chunk, which is UTF-8, is written as zTXt, which the format defines to be
# Latin-1, with the bytes as they were: every reader that goes by the format shows other letters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --target "$folder/packages" \
  pyvips==3.2.0 pyvips-binary==8.18.7 pillow==13.0.0
PYTHONPATH=$folder/packages python3 - <<'END'
from io import BytesIO

import pyvips
from PIL import Image, PngImagePlugin

texts, before = PngImagePlugin.PngInfo(), BytesIO()
texts.add_itxt("Title", "café")
Image.new("RGB", (8, 8)).save(before, "PNG", pnginfo=texts)
after = pyvips.Image.new_from_buffer(before.getvalue(), "").write_to_buffer(".png")
seen = [kind for kind in (b"tEXt", b"zTXt", b"iTXt") if kind in after]
title = Image.open(BytesIO(after)).text["Title"]
number = ".".join(str(pyvips.version(part)) for part in range(3))
print(f"libvips {number}: 'café' in iTXt -> {title!r} in {seen[0].decode()}")
assert seen == [b"zTXt"]
assert title == "caf\u00c3\u00a9"
END
# Seen: libvips 8.18.7: 'café' in iTXt -> 'cafÃ©' in zTXt
