"""Content Credentials: what we sign, c2pa's own reader takes for valid; what we read, we judge."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli import fake
from tests.cli.conftest import Cli, cli
from tests.files.certificates import make
from tests.files.pictures import ours
from tests.fits import fits
from unidiff_cli.files.credentials import carries_credentials, read_credentials
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.xmp import TRAINED

__all__ = ["cli"]


def manifest(path: str) -> dict[str, Any]:
    """The active manifest, as c2pa reads it; it is valid."""
    c2pa: Any = pytest.importorskip("c2pa")
    with Image.open(path) as picture:
        kind = picture.get_format_mimetype() or ""  # type: ignore[attr-defined]
    with c2pa.Reader(kind, BytesIO(Path(path).read_bytes())) as reader:
        assert reader.get_validation_state() == "Valid"
        return dict(reader.get_active_manifest())


def created(path: str) -> dict[str, Any]:
    (actions,) = (a for a in manifest(path)["assertions"] if a["label"].startswith("c2pa.actions"))
    (action,) = actions["data"]["actions"]
    return dict(action)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_signed_picture_is_valid_and_tells_all_the_rest(suffix: str, cli: Cli) -> None:
    sign, name = make(), f"a.{suffix}"
    assert cli("t2i", "a fox", "--seed", "3", "-o", name, "--sign", sign).exit_code == 0
    action = created(name)
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == TRAINED
    assert action["softwareAgent"] == {"name": "starter", "version": "none"}
    assert manifest(name)["claim_generator_info"][0]["name"] == "unidiff"
    known = read_metadata(name)
    assert known.records[0].request.prompt == "a fox"
    assert known.digital_source == TRAINED
    assert Path(name).stat().st_size < 20_000


@pytest.mark.parametrize("kind", ["ec", "p384", "rsa", "ed25519"])
@pytest.mark.parametrize("encoding", ["pkcs8", "openssl"])
def test_keys_as_openssl_writes_them(kind: str, encoding: str, cli: Cli) -> None:
    if (kind, encoding) == ("ed25519", "openssl"):
        pytest.skip("there is no such thing")
    sign = make(kind=kind, encoding=encoding)
    assert cli("i", "-o", "a.png", "--sign", sign).exit_code == 0
    assert created("a.png")["action"] == "c2pa.created"


def test_info_says_whether_it_can_be_believed(cli: Cli) -> None:
    assert cli("i", "-o", "a.png", "--sign", make()).exit_code == 0
    said = cli("info", "a.png").stdout
    assert "  credentials       valid but untrusted" in said
    assert "  signed by         Painter, Tests\n" in said
    assert "  source            trainedAlgorithmicMedia\n" in said
    assert "valid, and the signer is trusted" in cli("info", "a.png", "--trust", "ca.pem").stdout
    told = fits("info", json.loads(cli("info", "a.png", "--json").stdout))["credentials"]
    assert (told["state"], told["signer"]) == ("valid", "Painter, Tests")
    whole = json.loads(cli("info", "a.png", "--credentials").stdout)
    assert whole["validation_state"] == "Valid"

    data = bytearray(Path("a.png").read_bytes())
    data[data.index(b"IDAT") + 12] ^= 1
    Path("b.png").write_bytes(data)
    said = cli("info", "b.png").stdout
    assert "  credentials       broken: " in said
    assert "hash" in said


def test_what_is_cut_off_is_broken(cli: Cli) -> None:
    assert cli("i", "-o", "a.jpg", "--sign", make()).exit_code == 0
    data = Path("a.jpg").read_bytes()
    middle = data.index(b"jumb") + 300
    Path("b.jpg").write_bytes(data[:middle] + bytes(200) + data[middle + 200 :])
    known = read_credentials("b.jpg")
    assert known is not None
    assert known.state == "broken"
    assert known.problems
    assert cli("info", "b.jpg").exit_code == 0


def test_a_picture_without_any_has_none(cli: Cli) -> None:
    pytest.importorskip("c2pa")
    ours("a.png")
    assert not carries_credentials("a.png")
    assert read_credentials("a.png") is None
    assert "credentials" not in cli("info", "a.png").stdout
    done = cli("info", "a.png", "--credentials")
    assert (done.exit_code, "a.png carries no Content Credentials." in done.stderr) == (3, True)
    Path("empty").touch()
    assert not carries_credentials("empty")


def test_what_a_picture_was_made_of_is_an_ingredient(cli: Cli, photo: str) -> None:
    sign = make()
    assert cli("i2t2i", photo, "-o", "a.png", "--sign", sign).exit_code == 0
    (given,) = manifest("a.png")["ingredients"]
    assert (given["title"], given["relationship"]) == ("photo.png", "inputTo")
    assert len(created("a.png")["parameters"]["ingredients"]) == 1
    data = Path(photo).read_bytes()
    assert cli("i2t2i", "-", "-o", "b.png", "--sign", sign, input=data).exit_code == 0
    (given,) = manifest("b.png")["ingredients"]
    assert given["title"] == "picture on standard input"
    # A signed picture as input brings its own manifest along.
    assert cli("i2t2i", "a.png", "-o", "c.png", "--sign", sign).exit_code == 0
    (given,) = manifest("c.png")["ingredients"]
    assert "active_manifest" in given
    assert "  made of           a.png\n" in cli("info", "c.png").stdout


def test_an_input_that_c2pa_cannot_read_is_an_ingredient_all_the_same(
    cli: Cli, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow reads more than it, and more of what is damaged: nothing is lost for that."""
    sign = make()
    monkeypatch.setattr("unidiff_cli.files.signing._readable", lambda kind, data: False)
    assert cli("i2t2i", photo, "-o", "a.png", "--sign", sign).exit_code == 0
    (given,) = manifest("a.png")["ingredients"]
    assert (given["title"], given["format"]) == ("photo.png", "image/png")


def test_a_file_is_tried_before_it_becomes_an_ingredient() -> None:
    pytest.importorskip("c2pa")
    from unidiff_cli.files.signing import _readable

    data = ours("a.png").read_bytes()
    assert _readable("image/png", data)
    assert not _readable("image/png", data[:33] + b"\0\0\0\4caBXabcd\0\0\0\0" + data[33:])
    assert not _readable("image/jpeg", data)


@pytest.fixture
def photo() -> str:
    Image.new("RGB", (40, 30), (200, 100, 50)).save("photo.png")
    return "photo.png"


def test_the_signature_is_on_everything_that_is_written(cli: Cli) -> None:
    sign = make()
    assert cli("t2i", "a", "b", "--grid", "-o", "out/", "--sign", sign).exit_code == 0
    pictures = sorted(Path("out").iterdir())
    assert len(pictures) == 3
    done = cli("t2i", "a", "-o", "-", "--sign", sign)
    Path("stdout.png").write_bytes(done.stdout_bytes)
    assert (
        cli("joint", "-n", "2", "--format", "jsonl", "-o", "pairs", "--sign", sign).exit_code == 0
    )
    pictures += [*Path("pairs/images").iterdir(), Path("stdout.png")]
    assert cli("sweep", "a", "--seed", "1-2", "--each", "-o", "s/", "--sign", sign).exit_code == 0
    pictures += Path("s").iterdir()
    assert cli("replay", str(pictures[0]), "-o", "again.png", "--sign", sign).exit_code == 0
    assert len([*pictures, Path("again.png")]) == 10
    for path in [*pictures, Path("again.png")]:
        assert created(str(path))["action"] == "c2pa.created", path


def test_walks_and_batches_are_signed_too() -> None:
    from typer.testing import CliRunner

    from unidiff_cli.cli.app import app

    sign = make()
    tiny = ["-m", "tiny", "--sign", sign]
    for seed in (1, 2):
        Image.effect_noise((40, 30), 50).save(f"{seed}.png")
    walk = ["interpolate", "1.png", "2.png", "--ode-steps", "2", "-n", "2", "-o", "w/"]
    walk += ["--steps", "2"]
    jobs = ["batch", "jobs.jsonl", "-o", "out"]
    Path("jobs.jsonl").write_text('{"mode": "i2t2i", "image": "1.png", "steps": 2}\n')
    for arguments in ([*walk, "--animate", "walk.webp"], [*walk, "--animate", "walk.gif"], jobs):
        done = CliRunner().invoke(app, [*arguments, *tiny], prog_name="unidiff")
        assert done.exit_code == 0, done.output
    moving = [Path("walk.webp"), Path("walk.gif")]
    for path in [*Path("w").glob("*.png"), *moving]:
        assert [each["title"] for each in manifest(str(path))["ingredients"]] == ["1.png", "2.png"]
    (answer,) = Path("out/pictures").iterdir()
    assert [each["title"] for each in manifest(str(answer))["ingredients"]] == ["1.png"]


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        ("cert.pem", "names a certificate and its key"),
        ("cert.pem,", "names a certificate and its key"),
        ("none.pem,key.pem", "There is no file none.pem."),
        ("cert.pem,none.pem", "There is no file none.pem."),
        ("key.pem,key.pem", "key.pem holds no certificate in PEM."),
        ("cert.pem,cert.pem", "cert.pem holds no private key in PEM."),
        ("cert.pem,otherkey.pem", "otherkey.pem is not the key of the certificate cert.pem."),
        ("lockedcert.pem,lockedkey.pem", "The key lockedkey.pem has a password."),
        ("owncert.pem,ownkey.pem", "C2PA refuses the certificate owncert.pem: "),
        ("k1cert.pem,k1key.pem", "C2PA does not sign with a key like that in k1key.pem."),
    ],
)
def test_what_cannot_sign_is_refused_before_the_model_is_loaded(
    sign: str, said: str, cli: Cli
) -> None:
    make()
    make("other")
    make("locked", encoding="locked")
    make("own", own=True)
    make("k1", kind="k1")
    make()
    Path("jobs.jsonl").write_text('{"mode": "i"}\n')
    for command in (["i", "-o", "a.png"], ["sweep", "a", "--seed", "1,2"], ["chain", "a"],
                    ["batch", "jobs.jsonl", "-o", "out"]):  # fmt: skip
        done = cli(*command, "--sign", sign)
        assert done.exit_code in (2, 3)
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 2
    assert fake.LOADED == []
    assert not Path("a.png").exists()


def test_a_signature_says_what_no_metadata_leaves_out(cli: Cli) -> None:
    done = cli("i", "-o", "a.png", "--sign", "a,b", "--no-metadata")
    assert done.exit_code == 2
    assert "which --no-metadata leaves out" in done.stderr


def test_the_environment_signs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIDIFF_SIGN", make())
    assert cli("i", "-o", "a.png").exit_code == 0
    assert created("a.png")
    monkeypatch.setenv("UNIDIFF_SIGN", "")
    assert cli("i", "-o", "b.png", "--no-metadata").exit_code == 0
    assert not carries_credentials("b.png")


def test_without_the_package(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    done = cli("i", "-o", "a.png", "--sign", "cert.pem,key.pem")
    assert done.exit_code == 2
    assert "pip install 'unidiff-cli[c2pa]'" in done.stderr
    ours("b.png")
    with Path("b.png").open("ab") as file:
        file.write(b"jumb c2pa")
    assert "not checked; pip install 'unidiff-cli[c2pa]'" in cli("info", "b.png").stdout
    assert cli("info", "b.png", "--credentials").exit_code == 2


def test_a_preview_does_not_take_the_place_of_a_signed_picture(cli: Cli) -> None:
    ours("now.png")
    with Path("now.png").open("ab") as file:
        file.write(b"jumb c2pa")
    before = Path("now.png").read_bytes()
    done = cli("i", "-o", "a.png", "--preview", "now.png")
    assert done.exit_code == 8
    assert "now.png carries Content Credentials" in done.stderr
    assert Path("now.png").read_bytes() == before
