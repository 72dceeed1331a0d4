#!/usr/bin/env bash
# pycocoevalcap 1.2 (COCO's caption measures; needs Java): punctuation should not count, and the module
# lists what it drops. Brackets do count: its tokenizer writes them as -lrb- and -rrb-, since it is run
# with -lowerCase, and the list has -LRB- and -RRB-. So "a fox (red)" for "a fox red" is no perfect answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --target "$folder/packages" \
  pycocoevalcap==1.2 pycocotools==2.0.11 numpy==2.4.6
PYTHONPATH=$folder/packages python3 - 2>"$folder/log" <<'END'
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, PTBTokenizer

said = {0: [{"caption": "A fox, (red)."}]}
wanted = {0: [{"caption": "a fox red"}]}
said, wanted = (PTBTokenizer().tokenize(each) for each in (said, wanted))
(first, *_), _ = Bleu(4).compute_score(wanted, said, verbose=0)
print(f"pycocoevalcap 1.2: {said[0][0]!r} for {wanted[0][0]!r}: BLEU-1 {first:.3f}")
assert {"-LRB-", "-RRB-"} < set(PUNCTUATIONS)
assert said[0] == ["a fox -lrb- red -rrb-"]
assert round(first, 3) == 0.6
END
# Seen: pycocoevalcap 1.2: 'a fox -lrb- red -rrb-' for 'a fox red': BLEU-1 0.600
