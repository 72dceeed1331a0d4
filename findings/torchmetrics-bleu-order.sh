#!/usr/bin/env bash
# torchmetrics 1.9.0: BLEU of a sentence with several references. One would expect their order to be of no
# matter, as in sacrebleu and COCO's tools, which take the shorter of two references that are equally near
# in length. It takes the first, so that the same captions get 0.819 or 1.
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
# Seen: torchmetrics: 0.8187 and, the references turned round, 1.0000
