"""Names, folders and Hub ids."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.storage import make
from unidiff_cli import registry
from unidiff_cli.cli.app import app
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.registry import MODELS
from unidiff_cli.storage import find as module
from unidiff_cli.storage import hub
from unidiff_cli.storage.convert import convert
from unidiff_cli.storage.find import find, is_here
from unidiff_cli.storage.layout import (
    digest,
    files_in,
    human,
    layout_among,
    layout_of,
    needed,
)
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.original import Extras


def test_rows() -> None:
    assert list(MODELS) == ["unidiffuser-v1", "unidiffuser-v0", "starter", "tiny"]
    for name, row in MODELS.items():
        assert row.name == name
        assert row.license
        if row.kind == "hub":
            assert row.repo == f"thu-ml/{name}"
            assert row.license == "AGPL-3.0"
            assert row.config is not None
            assert row.config.name == name


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundled model: the tiny one's files."""
    folder = convert("tiny", tmp_path / "starter", extras=Extras())
    monkeypatch.setattr(module, "STARTER_FOLDER", folder)
    return folder


def test_default_is_the_starter_until_v1_is_pulled(starter: Path) -> None:
    found = find(None)
    assert (found.name, found.revision, found.folder) == ("starter", "bundled", starter)
    opened = open_checkpoint()
    assert (opened.name, opened.revision) == ("starter", "bundled")
    assert is_here("starter")


def test_without_a_starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STARTER_FOLDER", tmp_path / "nowhere")
    assert not is_here("starter")
    with pytest.raises(ModelUnavailable, match="not part of this installation") as caught:
        find(None)
    assert "pull unidiffuser-v1" in caught.value.hint


def test_not_pulled() -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine") as caught:
        find("unidiffuser-v0")
    assert "5.49 GB" in caught.value.hint
    assert "AGPL-3.0" in caught.value.hint
    assert "unidiff models pull unidiffuser-v0" in caught.value.hint


def test_a_cache_that_may_not_be_read_holds_nothing(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that another user made. The bundled model draws; the list says why."""
    listdir = os.listdir

    def refused(path: str | Path = ".") -> list[str]:
        if "snapshots" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    assert find().name == "starter"
    with pytest.raises(ModelUnavailable, match=r"cannot be read \(Permission denied\)") as error:
        find("unidiffuser-v1")
    assert "HF_HUB_CACHE" in error.value.hint
    done = CliRunner().invoke(app, ["models", "list"])
    assert done.exit_code == 0
    assert "unidiffuser-v1 cannot be looked for in the Hub's cache" in done.stderr


def test_a_model_of_which_a_file_may_not_be_read_is_not_there(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = hub.cache_folder() / "models--thu-ml--unidiffuser-v1" / "snapshots" / "abc"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(starter)
    assert find().folder == cached
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert find().name == "starter"


def test_unknown_names() -> None:
    with pytest.raises(ModelUnavailable, match="no model 'unidifuser'") as caught:
        find("unidifuser")
    assert "unidiffuser-v1" in caught.value.hint
    with pytest.raises(ModelUnavailable, match="someone/model is neither a folder nor"):
        find("someone/model")
    for folder in ("./mine", "../mine", "a/b/c"):
        with pytest.raises(ModelUnavailable, match="no model") as caught:
            find(folder)
        assert "pull" not in caught.value.hint


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a" * 300, "a/" + "b" * 300, "a\0b"])
def test_what_can_be_no_file_is_no_model(name: str) -> None:
    with pytest.raises(ModelUnavailable, match="There is no model"):
        find(name)


def test_a_folder_whose_name_is_no_text_is_refused() -> None:
    Path("caf\udce9").mkdir()
    with pytest.raises(ModelUnavailable, match="is not UTF-8") as caught:
        find("caf\udce9")
    assert caught.value.message.isprintable()
    assert caught.value.hint == "Rename the folder."


def test_folders(tmp_path: Path) -> None:
    for content, says in (([], "holds no model"), (["config.json"], "not the config")):
        folder = tmp_path / f"folder{len(content)}"
        folder.mkdir()
        for name in content:
            (folder / name).write_text("{}")
        with pytest.raises(ModelUnavailable, match=says):
            _ = open_checkpoint(str(folder)).config
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="not a folder"):
        open_checkpoint(str(tmp_path / "file"))


def test_revision_of_a_folder_follows_its_content(starter: Path) -> None:
    before = open_checkpoint(str(starter)).revision
    assert open_checkpoint(str(starter)).revision == before
    path = starter / "config.json"
    path.write_text(path.read_text().replace('"tiny"', '"tony"'))
    assert open_checkpoint(str(starter)).revision != before


@pytest.mark.parametrize("layout", ["ours", "diffusers", "original"])
def test_revision_of_a_folder_is_of_the_files_of_its_model(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "model"
    if layout == "ours":
        convert("tiny", folder, extras=Extras())
    elif layout == "diffusers":
        make.diffusers_folder(folder)
    else:
        make.original_folder(folder)
    before = digest(folder)
    (folder / "samples").mkdir()
    for name in (".DS_Store", "README.md", "samples/a.png"):
        (folder / name).write_text("more")
    assert digest(folder) == before
    seen = {before}
    for name in needed(layout_of(folder), files_in(folder))[0]:
        with (folder / name).open("ab") as file:
            file.write(b" ")
        seen.add(digest(folder))
    assert len(seen) == 1 + {"ours": 8, "diffusers": 14, "original": 3}[layout]


def test_revision_of_a_folder_follows_its_words(starter: Path) -> None:
    before = digest(starter)
    (starter / "words.json").write_text('["fox"]')
    assert digest(starter) != before


def test_a_folder_has_one_name_however_it_is_spelled() -> None:
    for name in ("mine", "org/mine", "tiny"):
        Path(name).mkdir(parents=True)
    for spelled in ("mine", "mine/", "./mine", "./mine/", "mine//", "mine/."):
        assert find(spelled).name == "mine"
    assert find("./org/mine/").name == "org/mine"
    assert find(f"{Path.cwd()}/mine/").name == f"{Path.cwd()}/mine"
    assert find("./tiny/").name == "./tiny"
    assert find("./tiny/").folder == Path("tiny")
    assert find("tiny").folder is None


def test_names_of_a_folder_in_another_layout(tmp_path: Path) -> None:
    folder = make.diffusers_folder(tmp_path / "tuned")
    opened = open_checkpoint(str(folder))
    assert (opened.name, opened.config.name) == (str(folder), "tuned")
    assert opened.config.license == "unknown"


def test_layouts_by_their_names() -> None:
    assert layout_among(["uvit_v0.pth", "a"]) == "original"
    assert layout_among(["uvit_v0.pth", "unet/config.json"]) == "diffusers"
    assert layout_among(["config.json"]) == "ours"
    assert layout_among(["README.md"]) is None
    assert needed("original", ["uvit_v0.pth", "autoencoder_kl.pth"]) == (
        ["uvit_v0.pth", "autoencoder_kl.pth"],
        ["caption_decoder.pth"],
    )


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (5_490_000_000, "5.49 GB")],
)
def test_sizes_for_people(size: int, said: str) -> None:
    assert human(size) == said


def test_registry_and_search_need_no_torch() -> None:
    code = (
        "import sys, unidiff_cli.storage.catalogue, unidiff_cli.storage.hub;"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    source = str(Path(registry.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": source}, check=False)
    assert done.returncode == 0
