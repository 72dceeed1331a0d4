#!/usr/bin/env bash
# c2pa-python 0.38.1: a signed file carries a thumbnail of the picture. One would expect that of a
# picture smaller than a thumbnail it is at most as large as the picture. It is enlarged: a PNG of
# one pixel, 69 bytes, is signed together with a JPEG of 1024 x 1024, and takes 33 KB.
# The setting builder.thumbnail.enabled = false leaves it out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --target "$folder/packages" \
  c2pa-python==0.38.1 cryptography==50.0.2 pillow==13.0.0
PYTHONPATH=$folder/packages python3 - <<'END'
import datetime
import json
from io import BytesIO

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image


def named(common):
    names = ((NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, "Test"))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])


def certificate(common, key, issuer, by, *extensions):
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(named(common)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    builder = builder.add_extension(above, False)
    for extension in extensions:
        builder = builder.add_extension(extension, True)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def usage(authority):
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys((*names, "crl_sign", "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, **others)


top, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
chain = certificate(
    "Leaf", key, "Top", top, x509.BasicConstraints(False, None), usage(False), purpose
) + certificate("Top", top, "Top", top, x509.BasicConstraints(True, None), usage(True))
pem = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
kind = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"
actions = [{"action": "c2pa.created", "digitalSourceType": kind}]
manifest = {
    "claim_generator_info": [{"name": "test"}],
    "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
}

picture, signed, thumbnail = BytesIO(), BytesIO(), BytesIO()
Image.new("RGB", (1, 1)).save(picture, "PNG")
signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, pem, None))
builder = c2pa.Builder.from_json(json.dumps(manifest))
builder.sign(signer, "image/png", BytesIO(picture.getvalue()), signed)
reader = c2pa.Reader("image/png", BytesIO(signed.getvalue()))
reader.resource_to_stream(reader.get_active_manifest()["thumbnail"]["identifier"], thumbnail)
size = Image.open(BytesIO(thumbnail.getvalue())).size
before, after = len(picture.getvalue()), len(signed.getvalue())
print(f"c2pa-python 0.38.1: {before} bytes -> {after}, thumbnail {size[0]} x {size[1]}")
assert reader.get_validation_state() == "Valid"
assert size == (1024, 1024)
assert after > 30_000
END
# Seen: c2pa-python 0.38.1: 69 bytes -> 32667, thumbnail 1024 x 1024
