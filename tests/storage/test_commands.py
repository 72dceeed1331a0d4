"""`unidiff models ...`, as typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.storage import make
from tests.storage.fake_hub import COMMIT, FakeHub
from unidiff_cli.cli.app import app
from unidiff_cli.cli.commands import models as module
from unidiff_cli.storage.layout import digest
from unidiff_cli.storage.open import open_checkpoint

BIG = "unet/diffusion_pytorch_model.bin"


def models(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(app, ["models", *arguments], input=input, prog_name="unidiff")


def test_list() -> None:
    done = models("list")
    assert done.exit_code == 0
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["NAME", "SIZE", "LICENCE", "HERE", "WHAT", "IT", "IS"]
    assert rows[0].split()[:5] == ["unidiffuser-v1", "5.49", "GB", "AGPL-3.0", "no"]
    assert rows[3].split()[:4] == ["tiny", "-", "Apache-2.0", "yes"]
    records = [json.loads(line) for line in models("list", "--json").stdout.splitlines()]
    assert [record["name"] for record in records] == [row.split()[0] for row in rows]
    assert records[3]["here"] is True
    assert records[0]["here"] is False
    assert records[0]["license"] == "AGPL-3.0"
    assert records[0]["size"] == 5_490_000_000


def declined(monkeypatch: pytest.MonkeyPatch, answer: bool | typer.Abort) -> int:
    """The exit code of rm when somebody at a terminal says no, or goes away."""

    def ask(question: str, err: bool) -> bool:
        if isinstance(answer, typer.Abort):
            raise answer
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(module.typer, "confirm", ask)
        patched.setattr(module.sys, "stdin", SimpleNamespace(isatty=lambda: True))
        try:
            module.remove("unidiffuser-v1")
        except typer.Exit as left:
            return left.exit_code
    return 0


def test_pull_then_everything_else(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    done = models("pull")
    assert done.exit_code == 0, done.stderr
    (folder,) = done.stdout.splitlines()
    assert Path(folder).name == COMMIT
    said = done.stderr.splitlines()
    assert "14 files" in said[0]
    assert "to fetch" in said[0]
    assert "free in" in said[0]
    assert "AGPL-3.0" in said[1]
    assert said.index("Licence of these weights: AGPL-3.0.") < next(
        index for index, line in enumerate(said) if "fetching" in line
    )
    assert models("path", "unidiffuser-v1").stdout.strip() == folder
    record = json.loads(models("list", "--json").stdout.splitlines()[0])
    assert (record["here"], record["path"], record["revision"]) == (True, folder, COMMIT)
    assert models("verify", "unidiffuser-v1").stdout == "unidiffuser-v1 is as it should be.\n"
    assert models("pull", "--quiet").stderr == ""

    unasked = models("rm", "unidiffuser-v1")
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    for answer, code in ((False, 0), (typer.Abort(), 130)):
        assert declined(monkeypatch, answer) == code
        assert Path(folder).exists()
    done = models("rm", "unidiffuser-v1", "--yes")
    assert done.exit_code == 0
    assert "free again" in done.stderr
    assert models("path", "unidiffuser-v1").exit_code == 4


def test_verify_names_what_is_damaged(hub: FakeHub) -> None:
    folder = Path(models("pull").stdout.strip())
    (folder / BIG).resolve().write_bytes(b"x" * len(hub.files[BIG]))
    done = models("verify", "unidiffuser-v1")
    assert done.exit_code == 4
    assert f"1 damaged: {BIG}" in done.stderr
    assert "models pull unidiffuser-v1" in done.stderr
    assert done.stdout == ""
    assert models("pull").exit_code == 0
    assert models("verify", "unidiffuser-v1").exit_code == 0


def test_pull_refuses_a_small_disk(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    done = models("pull")
    assert done.exit_code == 4
    assert "10 bytes free" in done.stderr
    assert hub.served == []


def test_failures_have_words_and_codes(hub: FakeHub) -> None:
    hub.status[""] = 500
    for arguments, code, says in (
        (("pull",), 4, "error 500"),
        (("pull", "nix"), 4, "no model 'nix'"),
        (("pull", "tiny"), 2, "needs no fetching"),
        (("path", "tiny"), 2, "no files"),
        (("path", "unidiffuser-v0"), 4, "not on this machine"),
        (("info", "nix"), 4, "no model 'nix'"),
        (("rm", "unidiffuser-v0"), 4, "not on this machine"),
        (("rm", "starter"), 2, "comes with unidiff"),
        (("convert", "tiny", "."), 8, "exists already"),
        (("convert", "tiny", "new", "--dtype", "int8"), 2, "int8"),
        (("nonsense",), 2, "nonsense"),
    ):
        done = models(*arguments)
        assert done.exit_code == code, arguments
        assert says in done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_a_copy_knows_which_words_were_learned() -> None:
    assert models("convert", "starter", "half", "--dtype", "fp16").exit_code == 0
    assert open_checkpoint("./half").words == open_checkpoint("starter").words


def test_other_weights_of_the_same_size_are_another_revision() -> None:
    assert models("convert", "tiny", "one").exit_code == 0
    shutil.copytree("one", "two")
    weights = Path("two/uvit.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert digest(Path("one")) != digest(Path("two"))


def test_convert_then_use(tmp_path: Path) -> None:
    source = make.diffusers_folder(tmp_path / "model")
    done = models("convert", str(source), "ours", "--dtype", "bf16")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "ours\n"
    assert "writing uvit.safetensors" in done.stderr
    known = json.loads(models("info", "ours", "--json").stdout)
    assert (known["name"], known["layout"], known["picture_size"]) == ("model", "ours", 32)
    assert len(known["revision"]) == 12
    assert "picture size   32" in models("info", "ours").stdout
    done = models("verify", "ours")
    assert done.exit_code == 0
    assert "uvit: " in done.stderr
    assert models("path", "./ours").stdout == "ours\n"
    assert models("rm", "ours", "--yes").exit_code == 2
    assert Path("ours").exists()
    (Path("ours") / "vae.safetensors").write_bytes(b"")
    done = models("verify", "ours")
    assert done.exit_code == 4
    assert "vae.safetensors is damaged" in done.stderr


def test_info_of_the_random_model() -> None:
    known = json.loads(models("info", "tiny", "--json").stdout)
    assert known["revision"] == "random"
    assert known["v1_data"] == "web, internal"
    usual = {"solver": "dpm++2m", "times": "uniform", "steps": 4, "guidance": 7.0}
    assert known["sampling"] == {**usual, "modes": {}}


def test_info_tells_the_settings_of_single_modes() -> None:
    (line,) = (row for row in models("info", "starter").stdout.splitlines() if "sampling" in row)
    usual = "solver dpm++2m, times log-snr, steps 25, guidance 2.0"
    rows = [
        "t2i: solver unipc, steps 8",
        "joint: order text-first, solver unipc, steps 8",
        "edit: guidance 4.0",
    ]
    assert line == "; ".join([f"sampling       {usual}", *rows])
