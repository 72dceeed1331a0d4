"""The record of a request and its answer: one schema for --json, metadata and batch lines.

custom_id?   the caller's own name for the job
status       "ok" or "error"
mode, prompt | image, count, seed, steps, solver, ...   the request, as Request.to_json has it
prompt_withheld?   true where the prompt was left out on purpose
outputs      [{image?, text?}]: the file written and the caption
error?       {type, code, message, hint?}
seconds      time for it, any loading of parts included
made_with    model, revision, device, dtype and the versions of the libraries
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.request import Output, Request, Result, check_number, check_whole

FAILURE = ("type", "code", "message", "hint")
REQUEST_FIELDS = tuple(f.name for f in fields(Request))


@dataclass(frozen=True, kw_only=True)
class Saved:
    """One sample as it can be written down: the file of its picture, its caption."""

    image: str | None = None
    text: str | None = None
    seed: int | None = None
    """Of the best of several: its own seed, and its score."""
    fit: float | None = None

    @classmethod
    def of(cls, output: Output, image: str | None = None) -> Self:
        """The sample whose picture is in this file."""
        if output.fit is None:
            return cls(image=image, text=output.text)
        return cls(image=image, text=output.text, seed=output.seed, fit=round(output.fit, 4))

    def to_json(self) -> dict[str, Any]:
        """What there is of it."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: object) -> Self:
        """The sample in untrusted JSON values, else a UsageError."""
        values = dict(_mapping("An output", values))
        seed, fit = values.pop("seed", None), values.pop("fit", None)
        check_whole("an output's seed", seed, 0, 2**63 - 1)
        check_number("an output's fit", fit, -1e12, 1e12)
        return cls(seed=seed, fit=fit, **_texts("An output", values, ("image", "text")))


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error, as a record states it."""

    type: str = "UnidiffError"
    code: str = ""
    """Its name for programs; records of versions before it have none."""
    message: str = ""
    hint: str = ""

    @classmethod
    def of(cls, error: UnidiffError) -> Self:
        """The error's kind, code, sentence and hint."""
        return cls(type=error.kind, code=error.code, message=error.message, hint=error.hint)

    def to_json(self) -> dict[str, str]:
        """What there is of it."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was asked, what came of it, and with what it was made."""

    request: Request
    outputs: tuple[Saved, ...] = ()
    error: Failure | None = None
    seconds: float = 0.0
    made_with: Mapping[str, str] = field(default_factory=dict)
    custom_id: str | None = None
    withheld: bool = False
    """Whether the prompt is not told; the request's own is empty then."""

    @classmethod
    def of(cls, result: Result, images: Sequence[str | None] = ()) -> Self:
        """The record of a result whose pictures were written to these files."""
        paths = images or [None] * len(result.outputs)
        return cls(
            request=result.request,
            outputs=tuple(
                Saved.of(output, path) for output, path in zip(result.outputs, paths, strict=True)
            ),
            error=Failure.of(result.error) if result.error else None,
            seconds=round(result.seconds, 3),
            made_with=dict(result.made_with),
        )

    def without_prompt(self) -> Self:
        """The same record, telling all but the prompt."""
        if not self.request.words:
            return self
        bare = replace(self.request, prompt="", also=None, negative=None)
        return replace(self, request=bare, withheld=True)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values; what it has not is left out."""
        asked = self.request.to_json()
        if self.withheld:
            del asked["prompt"]
            asked["prompt_withheld"] = True
        return {
            **({} if self.custom_id is None else {"custom_id": self.custom_id}),
            "status": "error" if self.error else "ok",
            **asked,
            "outputs": [output.to_json() for output in self.outputs],
            **({"error": self.error.to_json()} if self.error else {}),
            "seconds": self.seconds,
            "made_with": dict(self.made_with),
        }

    @classmethod
    def from_json(cls, values: object) -> Self:
        """The record in untrusted JSON values, else a UsageError."""
        values = _mapping("A record", values)
        request: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, value in values.items():
            (request if name in REQUEST_FIELDS else rest)[name] = value
        status, custom_id = rest.pop("status", None), rest.pop("custom_id", None)
        outputs, error = rest.pop("outputs", []), rest.pop("error", None)
        seconds, made_with = rest.pop("seconds", 0.0), rest.pop("made_with", {})
        withheld = rest.pop("prompt_withheld", False)
        for name in rest:
            raise UsageError("usage.record", f"A record has no field {name!r}.")
        if status != ("error" if error else "ok") or not isinstance(outputs, list):
            raise UsageError(
                "usage.record", "The record's status, error and outputs do not fit together."
            )
        if not isinstance(custom_id, (str, type(None))):
            raise UsageError("usage.record", f"custom_id is text, got {custom_id!r}.")
        check_number("seconds", seconds, 0.0, 1e12)
        if withheld is not False:
            if withheld is not True or "prompt" in request:
                raise UsageError(
                    "usage.record", "prompt_withheld is true, and then there is no prompt."
                )
            request["prompt"] = ""
        return cls(
            request=Request.from_json(request),
            outputs=tuple(map(Saved.from_json, outputs)),
            error=Failure(**_texts("An error", error, FAILURE)) if error else None,
            seconds=seconds,
            made_with=_texts("made_with", made_with),
            custom_id=custom_id,
            withheld=withheld,
        )


def line(values: Mapping[str, Any]) -> str:
    """JSON on one line, in UTF-8 as it is read; escaped where a file's name is no UTF-8."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(values, allow_nan=False)
    return text


def _mapping(what: str, values: object) -> dict[str, Any]:
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UsageError("usage.record", f"{what} is a JSON object, got {type(values).__name__}.")
    return values


def _texts(what: str, values: object, names: Sequence[str] | None = None) -> dict[str, str]:
    """A JSON object of texts; of these names, where some are given."""
    checked = _mapping(what, values)
    known = list(checked) if names is None else names
    for name, value in checked.items():
        if name not in known or not isinstance(value, str):
            raise UsageError(
                "usage.record", f"{what} has text in {', '.join(known)}; not {name!r}: {value!r}."
            )
    return checked
