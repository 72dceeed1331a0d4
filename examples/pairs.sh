#!/bin/sh
# Pictures with captions out of nothing, as training data. The second command finds four pairs
# there and makes the other four: so a run that was killed is continued too.
set -eu

unidiff joint -n 4 --seed 1 -o pairs --format imagefolder
unidiff joint -n 8 -o pairs --format imagefolder
wc -l < pairs/metadata.jsonl
unidiff gallery pairs -o pairs.html --force
