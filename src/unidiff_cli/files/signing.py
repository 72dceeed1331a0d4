"""Content Credentials (C2PA): a signature under a finished file, which then stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli import __version__
from unidiff_cli.errors import InputError, OutputError, UnidiffError, UsageError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.credentials import SETTINGS, library
from unidiff_cli.files.pictures import open_picture, opened
from unidiff_cli.files.xmp import TRAINED

if TYPE_CHECKING:
    from PIL import Image

    Source = str | Image.Image
    """A picture that something was made of: a path, or an opened one."""

HELP = "How to make them: docs/credentials.md"


@dataclass(frozen=True)
class Signer:
    """A certificate and its key, which C2PA has accepted."""

    context: Any
    signer: Any

    @classmethod
    def load(cls, option: str) -> Signer:
        """From "CERT.pem,KEY.pem"; an error in one sentence where they cannot sign a picture."""
        from PIL import Image

        names = option.split(",")
        if len(names) != 2 or not all(names):
            raise UsageError(
                "usage.form",
                f"--sign names a certificate and its key, got {option!r}.",
                "Example: --sign cert.pem,key.pem",
            )
        c2pa = library()
        chain, key = (_read(Path(name)) for name in names)
        algorithm, plain = _matched(names, chain, key)
        made = cls(
            c2pa.Context.from_dict(SETTINGS),
            c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, chain, plain, None)),
        )
        trial = BytesIO()
        Image.new("RGB", (8, 8)).save(trial, "PNG")
        try:
            made.sign(trial.getvalue(), "PNG", "trial", "", ())
        except OutputError as error:
            reason = error.__cause__
            raise InputError(
                "input.certificate", f"C2PA refuses the certificate {names[0]}: {reason}.", HELP
            ) from error
        return made

    def sign(
        self, data: bytes, format: str, model: str, revision: str, inputs: Iterable[Source]
    ) -> bytes:
        """The file with a manifest: the model made it, of these inputs.

        `format` is Pillow's name for it. An input that cannot be read any more is left out.
        """
        from PIL import Image

        given = [each for source in inputs if (each := _ingredient(source)) is not None]
        agent = {"name": model} | ({"version": revision} if revision else {})
        created: dict[str, Any] = {
            "action": "c2pa.created", "digitalSourceType": TRAINED, "softwareAgent": agent,
        }  # fmt: skip
        if given:
            created["parameters"] = {"ingredientIds": [f"input-{n}" for n in range(len(given))]}
        manifest = {
            "claim_generator_info": [{"name": "unidiff", "version": __version__}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
        }
        c2pa, signed = library(), BytesIO()
        Image.init()
        try:
            builder = c2pa.Builder.from_json(json.dumps(manifest), self.context)
            for number, (title, kind, body) in enumerate(given):
                about = {"title": title, "relationship": "inputTo", "label": f"input-{number}"}
                builder.add_ingredient(json.dumps(about), kind, BytesIO(body))
            builder.sign(self.signer, Image.MIME[format], BytesIO(data), signed)
        except c2pa.C2paError as error:
            raise OutputError(
                "output.unsigned", f"The picture cannot be signed: {error}.", HELP
            ) from error
        return signed.getvalue()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error, HELP) from error


def _matched(names: list[str], chain: bytes, key: bytes) -> tuple[str, bytes]:
    """The algorithm, and the key as c2pa takes it; an InputError where the two do not belong."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.x509 import load_pem_x509_certificates

    try:
        public = load_pem_x509_certificates(chain)[0].public_key()
    except ValueError as error:
        raise InputError(
            "input.certificate", f"{names[0]} holds no certificate in PEM.", HELP
        ) from error
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError as error:
        raise InputError(
            "input.certificate", f"The key {names[1]} has a password.", HELP
        ) from error
    except ValueError as error:
        raise InputError(
            "input.certificate", f"{names[1]} holds no private key in PEM.", HELP
        ) from error
    if public != private.public_key():
        raise InputError(
            "input.certificate", f"{names[1]} is not the key of the certificate {names[0]}.", HELP
        )
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        algorithm = curves.get(private.curve.name)
    else:
        kinds = {ed25519.Ed25519PrivateKey: "ed25519", rsa.RSAPrivateKey: "ps256"}
        algorithm = next((name for kind, name in kinds.items() if isinstance(private, kind)), None)
    if algorithm is None:
        raise InputError(
            "input.certificate", f"C2PA does not sign with a key like that in {names[1]}.", HELP
        )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return algorithm, private.private_bytes(pem, pkcs8, serialization.NoEncryption())


def _ingredient(source: Source) -> tuple[str, str, bytes] | None:
    """Title, type and bytes of an input; as a PNG where it is no file that c2pa can read."""
    from PIL import Image

    with suppress(UnidiffError, OSError):
        if isinstance(source, str):
            with opened(source) as picture:
                kind = Image.MIME.get(picture.format or "", "")
            data = Path(source).read_bytes()
            if _readable(kind, data):
                return Path(source).name, kind, data
        buffer = BytesIO()
        open_picture(source).save(buffer, "PNG")
        title = Path(source).name if isinstance(source, str) else "picture on standard input"
        return title, "image/png", buffer.getvalue()
    return None


def _readable(kind: str, data: bytes) -> bool:
    """Whether c2pa finds its way through the file."""
    c2pa = library()
    try:
        c2pa.Builder.from_json("{}").add_ingredient("{}", kind, BytesIO(data))
    except c2pa.C2paError:
        return False
    return True
