#!/bin/sh
# Nine tries at one prompt on a contact sheet, each with its seed. The one that is liked is made
# again alone: sample k has seed + k, whatever was made beside it.
set -eu
prompt=${1:-"a red apple"}

unidiff t2i "$prompt" -n 9 --seed 100 --grid -o tries.png --force
unidiff t2i "$prompt" --seed 104 -o liked.png --force
unidiff info liked.png
