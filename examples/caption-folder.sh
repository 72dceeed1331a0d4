#!/bin/sh
# A caption for every photo of a folder: one .txt a photo, all captions in one table, one page that
# shows them. The model is loaded once for all photos; a photo that cannot be read is named and left.
set -eu
folder=${1:?which folder?}

unidiff i2t "$folder" --captions beside --force --seed 1 --json > captions.jsonl || [ $? -eq 6 ]
unidiff gallery "$folder" -o captions.html --title "What is in my photos" --force
