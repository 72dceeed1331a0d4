#!/usr/bin/env bash
# torchmetrics 1.9.0: BLEU depends on the order in which the references of a sentence are given.
# Of two references that are equally near in length it takes the first for the brevity penalty;
# the shorter is meant (sacrebleu 2.6.0, and COCO's tools), so that the order is of no matter.
# Seen: torchmetrics 0.8187 and 1.0000, sacrebleu 1.0000 and 1.0000.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6 sacrebleu==2.6.0
"$folder/venv/bin/python" - <<'PYTHON'
from sacrebleu import BLEU
from torchmetrics.functional.text import bleu_score

said, wanted = "a b c d e", ["a b c d e f", "a b c d"]
metric = BLEU(max_ngram_order=1, smooth_method="none", tokenize="none")
found = {
    "torchmetrics": [float(bleu_score([said], [each], n_gram=1)) for each in (wanted, wanted[::-1])],
    "sacrebleu": [
        metric.corpus_score([said], [[one] for one in each]).score / 100
        for each in (wanted, wanted[::-1])
    ],
}
for name, (first, turned) in found.items():
    print(f"{name}: {first:.4f} and, the references turned round, {turned:.4f}")
assert [round(each, 4) for each in found["torchmetrics"]] == [0.8187, 1.0]
assert [round(each, 4) for each in found["sacrebleu"]] == [1.0, 1.0]
PYTHON
