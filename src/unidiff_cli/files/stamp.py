"""What a picture that is written says of itself, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import UsageError

if TYPE_CHECKING:
    from unidiff_cli.files.record import Record
    from unidiff_cli.files.signing import Signer, Source

Walk = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """How much is told, and the signature under it."""

    metadata: bool = True
    """Without it nothing at all."""
    prompt: bool = True
    signer: Signer | None = None

    @classmethod
    def of(cls, *, metadata: bool, prompt: bool, sign: str | None) -> Stamp:
        """A stamp that is ready to be used; the certificate and its key are tried first."""
        if not sign:
            return cls(metadata=metadata, prompt=prompt)
        if not metadata:
            raise UsageError(
                "usage.not-together",
                "A signature says that a model made the picture, which --no-metadata leaves out.",
                "Leave out one of the two; UNIDIFF_SIGN= signs nothing.",
            )
        from unidiff_cli.files.signing import Signer

        return cls(prompt=prompt, signer=Signer.load(sign))

    def options(
        self, format: str, records: Sequence[Record], walk: Walk | None = None
    ) -> dict[str, Any]:
        """Arguments of Pillow's save that put what is told into a picture of this format."""
        if not self.metadata or not (records or walk):
            return {}
        from unidiff_cli.files.metadata import save_options

        if self.prompt:
            return save_options(format, records, walk)
        return save_options(format, [each.without_prompt() for each in records], _silent(walk))

    def seal(
        self,
        data: bytes,
        format: str,
        records: Sequence[Record],
        walk: Walk | None = None,
        inputs: Iterable[Source] = (),
    ) -> bytes:
        """The finished file, signed if that was asked: nothing may be changed in it afterwards.

        The pictures that the records were made of, and more `inputs`, become its ingredients.
        """
        if self.signer is None or not (records or walk):
            return data
        from unidiff_cli.files.metadata import credits_of

        model, revision, _ = credits_of(records, walk or {})
        given = [each.request.image for each in records if each.request.image is not None]
        different = {each if isinstance(each, str) else id(each): each for each in given}
        return self.signer.sign(data, format, model, revision, [*different.values(), *inputs])


ALL = Stamp()
"""Everything is told, nothing is signed."""


def _silent(walk: Walk | None) -> Walk | None:
    """The walk without its prompts, and without the words that a stage was made of."""
    if walk is None:
        return None
    hidden = {"prompt", "to", "text"} if "prompt" in walk else {"text"}
    return {name: value for name, value in walk.items() if name not in hidden}
