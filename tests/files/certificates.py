"""Certificates for tests: an authority of our own, and who signs with its word."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest


def make(name: str = "", kind: str = "ec", *, own: bool = False, encoding: str = "pkcs8") -> str:
    """What --sign takes: the files of a certificate, with its authority's, and of its key.

    `own` makes one that signs itself, as `openssl req -x509` does: C2PA refuses it. The
    authority's certificate is in ca.pem.
    """
    pytest.importorskip("c2pa")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def subject(common: str) -> x509.Name:
        names = ((NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, "Tests"))
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])

    def signed(about: str, key: Any, issuer: str, by: Any, *more: tuple[Any, bool]) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject(about))
            .issuer_name(subject(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(by, hashes.SHA256())

    def usage(authority: bool) -> tuple[Any, bool]:
        names = (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        )
        wanted = {"key_cert_sign", "crl_sign"} if authority else {"digital_signature"}
        return x509.KeyUsage(**{name: name in wanted for name in names}), True

    makers = {
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    }
    top, key = makers["ec"](), makers[kind]()
    authority = signed(
        "Authority", top, "Authority", top,
        (x509.BasicConstraints(True, None), True), usage(True),
        (x509.SubjectKeyIdentifier.from_public_key(top.public_key()), False),
    )  # fmt: skip
    extensions = [
        (x509.BasicConstraints(own, None), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(top.public_key()), False),
    ]
    if not own:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        extensions += [usage(False), (purpose, True)]
    issuer, by = ("Painter", key) if own else ("Authority", top)
    leaf = signed("Painter", key, issuer, by, *extensions)
    pem, formats = serialization.Encoding.PEM, serialization.PrivateFormat
    Path("ca.pem").write_bytes(authority.public_bytes(pem))
    chain = leaf.public_bytes(pem) + (b"" if own else authority.public_bytes(pem))
    Path(f"{name}cert.pem").write_bytes(chain)
    plain = formats.PKCS8 if encoding == "pkcs8" else formats.TraditionalOpenSSL
    locked = serialization.BestAvailableEncryption(b"secret")
    lock = locked if encoding == "locked" else serialization.NoEncryption()
    Path(f"{name}key.pem").write_bytes(key.private_bytes(pem, plain, lock))
    return f"{name}cert.pem,{name}key.pem"
