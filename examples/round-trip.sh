#!/bin/sh
# A prompt to a picture, the picture to words, the words to a picture: bytes and words go through
# pipes, nothing is written but the last picture.
set -eu

unidiff t2i "${1:-a red apple}" --seed 7 -o - |
    unidiff i2t - --seed 7 |
    tee /dev/stderr |
    unidiff t2i - --seed 7 -o round-trip.png --force
