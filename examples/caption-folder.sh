#!/bin/sh
# A caption for every photo of a folder: one .txt a photo, all captions in one table, one page that
# shows them. The model is loaded once for all photos.
set -eu
folder=${1:?which folder?}

unidiff i2t "$folder"/*.png --seed 1 --json > captions.jsonl
python3 - "$folder" <<'PYTHON'
import json, pathlib, sys

for line in open("captions.jsonl", encoding="utf-8"):
    record = json.loads(line)
    photo = pathlib.Path(record["image"])
    photo.with_suffix(".txt").write_text(record["outputs"][0]["text"] + "\n", encoding="utf-8")
PYTHON
unidiff gallery "$folder" -o captions.html --title "What is on my photos" --force
