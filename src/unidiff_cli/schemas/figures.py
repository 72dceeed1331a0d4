"""What measures tell: scores, the bench, and one schema for each metric of `unidiff eval`."""

from __future__ import annotations

from unidiff_cli.schemas.fields import (
    NUMBER,
    TEXT,
    TEXTS,
    WHOLE,
    Schema,
    asked,
    closed,
    exactly,
    named,
    or_null,
)
from unidiff_cli.schemas.record import MADE_WITH

INTERVAL = {
    **exactly(2, NUMBER),
    "type": ["array", "null"],
    "description": "From where to where it is, 95 times in 100.",
}
PERHAPS = or_null(NUMBER)
MADE = named(TEXT)
CAPTION = ("cider-d", "bleu-1", "bleu-2", "bleu-3", "bleu-4", "exact", "noun", "distinct")
GROUPS = ("trained", "combination", "drawing", "style")


def score() -> Schema:
    """How well texts fit a picture, the best first."""
    fit = closed({"text": TEXT, "score": NUMBER, "error": PERHAPS, "evaluations": WHOLE})
    return closed({"image": TEXT, "fits": {"type": "array", "items": fit}, "made_with": MADE})


def bench() -> Schema:
    """How fast a model is here."""
    seconds = closed({"median": NUMBER, "low": NUMBER, "high": NUMBER})
    pictures = {
        "batch": WHOLE,
        "evaluation": seconds,
        "decoding": seconds,
        "pictures_a_minute": NUMBER,
        "share_of_ceiling": NUMBER,
    }
    captions = {"batch": WHOLE, "decoding": seconds, "captions_a_second": NUMBER}
    fewer = closed({"evaluation": NUMBER, "times_as_fast": NUMBER})
    settings = asked()
    told = {
        **dict.fromkeys(MADE_WITH, TEXT),
        **{name: settings[name] for name in ("size", "solver", "guidance")},
        "evaluations": WHOLE,
        "ceiling_gflops": NUMBER,
        "pictures": {"type": "array", "items": closed(pictures)},
        "captions": {"type": "array", "items": closed(captions)},
        "int8": {"oneOf": [fewer, {"type": "null"}]},
        "out_of_memory": {"type": "array", "items": WHOLE},
        "peak_memory_gib": NUMBER,
        "options": {**TEXT, "description": "What suits this machine."},
    }
    return closed(told) | {"additionalProperties": TEXT}


def evaluation() -> Schema:
    """A line for each system; with --paired, one more for what the second is subtracted from."""
    metrics = [_distance("fid"), _distance("kid"), _agreement("clip-score", {"clip": TEXT})]
    metrics += [_agreement("score", {"model": TEXT}), _caption(), _guidance(), _clipart()]
    return {"oneOf": metrics}


def _system(metric: str, told: dict[str, Schema], more: dict[str, Schema] | None = None) -> Schema:
    whose = {"metric": {"const": metric}, "system": TEXT}
    minus = {**TEXT, "description": "The figures are system's less this one's."}
    return closed({**whose, **told, "notes": TEXTS}, {"minus": minus, **(more or {})})


def _distance(metric: str) -> Schema:
    told = {
        "references": TEXT,
        metric: NUMBER,
        "interval": INTERVAL,
        "deviation": PERHAPS,
        "features": TEXT,
        "width": WHOLE,
        "n": WHOLE,
        "n_references": WHOLE,
    }
    return _system(metric, told, {"resize": TEXT, "sha256": TEXT})


def _agreement(metric: str, judge: dict[str, Schema]) -> Schema:
    told = {metric: NUMBER, "interval": INTERVAL, "error": PERHAPS, "n": WHOLE}
    return _system(metric, {**told, **judge})


def _caption() -> Schema:
    told = {
        **dict.fromkeys(CAPTION, PERHAPS),
        "interval": closed({}, dict.fromkeys(CAPTION, INTERVAL)),
        "n": WHOLE,
        "tokenizer": TEXT,
    }
    perfect = closed({}, dict.fromkeys(CAPTION, NUMBER))
    perfect["description"] = "What a perfect answer would get on these references."
    return _system("caption", told, {"perfect": perfect})


def _guidance() -> Schema:
    scores = {"n": WHOLE, "clip_score": NUMBER, "interval": INTERVAL, "error": PERHAPS}
    far = {"fid": PERHAPS, "fid_interval": INTERVAL}
    far |= {"kid": NUMBER, "kid_interval": INTERVAL, "kid_deviation": PERHAPS}
    point = closed({"guidance": NUMBER}, {"t2i": closed(scores, far), "i2t": closed(scores)})
    settings = asked()
    return closed(
        {
            "metric": {"const": "guidance"},
            "clip": TEXT,
            "features": or_null(TEXT),
            "references": or_null(WHOLE),
            "seed": settings["seed"],
            "scales": {"type": "array", "items": point},
            "notes": TEXTS,
            "made_with": MADE,
        },
        {
            "resize": TEXT,
            "sha256": TEXT,
            **{name: settings[name] for name in ("steps", "solver", "times")},
        },
    )


def _clipart() -> Schema:
    share = closed({"share": NUMBER, "n": WHOLE, "interval": INTERVAL}, {"real": PERHAPS})
    cider = {"cider-d": NUMBER, "cider-d interval": INTERVAL, "perfect cider-d": NUMBER}
    mean = {"mean": NUMBER, "interval": INTERVAL, "n": WHOLE}
    paint = closed({"flat": closed(mean)}, {"corners": closed({**mean, "spread": NUMBER})})
    one = {"prompt": TEXT, "n": WHOLE, "right": WHOLE, "unlike": PERHAPS, "pixels": PERHAPS}
    drawn = closed({"n": WHOLE}) | {"additionalProperties": share}
    told = closed({"n": WHOLE, **cider}) | {"additionalProperties": share}
    settings = asked()
    return closed(
        {
            "metric": {"const": "clipart"},
            "t2i": closed({}, dict.fromkeys(GROUPS, drawn)),
            "i2t": closed({}, dict.fromkeys(GROUPS, told)),
            "joint": drawn,
            "seeds": {"type": "array", "items": closed(one)},
            "nearest": closed({}, {"made": NUMBER, "real": NUMBER}),
            "paint": closed({}, {"made": paint, "real": paint}),
            "judge": named(NUMBER),
            **{name: settings[name] for name in ("seed", "absent", "fast")},
            **dict.fromkeys(("prompts", "pictures", "pairs"), WHOLE),
            "made_with": MADE,
            "notes": TEXTS,
        },
        {name: settings[name] for name in ("steps", "solver", "times", "guidance")},
    )
