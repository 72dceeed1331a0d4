"""Fetching with the real client, from a Hub that fails in every way that one can."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from tests.storage.conftest import REPO, WANTED
from tests.storage.fake_hub import COMMIT, FakeHub
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage import hub as client
from unidiff_cli.storage.find import find, is_here
from unidiff_cli.storage.layout import is_complete

Tell = Callable[[str], None]
BIG = "unet/diffusion_pytorch_model.bin"


def pull(tell: Tell) -> Path:
    return client.fetch(client.plan(REPO), tell)


def test_smallest_set(hub: FakeHub, tell: Tell, told: list[str]) -> None:
    plan = client.plan(REPO)
    names = {file.name for file in plan.files}
    assert len(names) == WANTED
    assert not any(name.endswith(".pth") or "scheduler" in name for name in names)
    assert (plan.commit, plan.license, plan.here) == (COMMIT, "AGPL-3.0", frozenset())
    assert plan.to_fetch == plan.size == sum(len(hub.files[name]) for name in names)

    folder = client.fetch(plan, tell)
    assert folder.name == COMMIT
    assert sorted(hub.served) == sorted(names)
    for name in names:
        assert (folder / name).read_bytes() == hub.files[name]
    assert len(told) == WANTED
    found = find("unidiffuser-v1")
    assert (found.folder, found.revision, found.license) == (folder, COMMIT, "AGPL-3.0")
    assert find(None).name == "unidiffuser-v1"


def test_safetensors_are_preferred(hub: FakeHub) -> None:
    hub.files["vae/diffusion_pytorch_model.safetensors"] = b"s" * 3000
    names = {file.name for file in client.plan(REPO).files}
    assert "vae/diffusion_pytorch_model.safetensors" in names
    assert "vae/diffusion_pytorch_model.bin" not in names


def test_second_pull_fetches_nothing(hub: FakeHub, tell: Tell, told: list[str]) -> None:
    folder = pull(tell)
    hub.served.clear()
    told.clear()
    assert client.plan(REPO).to_fetch == 0
    assert (folder.parents[1] / "refs" / "main").read_text() == COMMIT
    assert pull(tell) == folder
    assert hub.served == []
    assert all("checking" in line for line in told)


def test_cut_once_goes_on(hub: FakeHub, tell: Tell) -> None:
    hub.cut[BIG] = 1
    folder = pull(tell)
    assert (folder / BIG).read_bytes() == hub.files[BIG]
    assert hub.served.count(BIG) == 2


def test_cut_for_good_keeps_what_is_finished(hub: FakeHub, tell: Tell) -> None:
    hub.cut["vae/diffusion_pytorch_model.bin"] = 1000
    with pytest.raises(ModelUnavailable, match=r"vae/diffusion_pytorch_model\.bin") as caught:
        pull(tell)
    assert "kept" in caught.value.hint
    assert not is_here("unidiffuser-v1")
    hub.cut.clear()
    hub.served.clear()
    folder = pull(tell)
    assert BIG not in hub.served
    assert "vae/diffusion_pytorch_model.bin" in hub.served
    assert is_complete(folder)


@pytest.mark.parametrize("name", [BIG, "clip_tokenizer/vocab.json"])
def test_wrong_bytes_of_the_right_length(hub: FakeHub, tell: Tell, name: str, cache: Path) -> None:
    hub.wrong.add(name)
    with pytest.raises(ModelUnavailable, match="wrong bytes") as caught:
        pull(tell)
    assert name in caught.value.message
    assert not list(cache.glob(f"*/snapshots/*/{name}"))
    assert not is_here("unidiffuser-v1")
    hub.wrong.clear()
    assert (pull(tell) / name).read_bytes() == hub.files[name]


def test_damage_in_the_cache_is_mended(hub: FakeHub, tell: Tell, told: list[str]) -> None:
    folder = pull(tell)
    (folder / BIG).resolve().write_bytes(b"x" * len(hub.files[BIG]))
    assert client.damaged(REPO, folder, tell) == [BIG]
    pull(tell)
    assert any("damaged" in line for line in told)
    assert client.damaged(REPO, folder, tell) == []


def test_verify_without_a_network(
    hub: FakeHub, tell: Tell, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pull(tell)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert client.damaged(REPO, folder, tell) == []
    assert any("cache remembers" in line for line in told)
    (folder / "vae/config.json").resolve().write_bytes(b"other")
    assert client.damaged(REPO, folder, tell) == ["vae/config.json"]


@pytest.mark.parametrize(
    ("status", "says", "hint"),
    [
        (401, "401", "log in"),
        (403, "403", "Accept its terms"),
        (404, "404", "models list"),
        (500, "500", "later"),
        (503, "503", "later"),
    ],
)
@pytest.mark.parametrize("name", ["", BIG])
def test_refusals(hub: FakeHub, tell: Tell, status: int, says: str, hint: str, name: str) -> None:
    hub.status[name] = status
    with pytest.raises(ModelUnavailable, match=says) as caught:
        pull(tell)
    assert hint in caught.value.hint
    assert (name or REPO) in caught.value.message
    assert caught.value.exit_code == 4


def test_unknown_repository(hub: FakeHub) -> None:
    with pytest.raises(ModelUnavailable, match="404"):
        client.plan("nobody/nothing")
    with pytest.raises(ModelUnavailable, match="not the id"):
        client.plan("a/b/c")


def test_no_model_in_it(hub: FakeHub) -> None:
    del hub.files["vae/config.json"]
    with pytest.raises(ModelUnavailable, match=r"lacks vae/config\.json"):
        client.plan(REPO)
    hub.files = {"README.md": b"words"}
    with pytest.raises(ModelUnavailable, match="no UniDiffuser"):
        client.plan(REPO)


def test_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE") as caught:
        client.plan(REPO)
    assert "Unset" in caught.value.hint


def test_nobody_there(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match="could not be fetched") as caught:
        client.plan(REPO)
    assert "connection" in caught.value.hint


def test_disk_too_small(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = client.plan(REPO)
    assert client.check_space(plan) > plan.size
    usage = shutil.disk_usage("/")._replace(free=plan.size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ModelUnavailable, match="free") as caught:
        client.check_space(plan)
    assert "HF_HUB_CACHE" in caught.value.hint


def test_disk_full_half_way(hub: FakeHub, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    real = huggingface_hub.hf_hub_download

    def download(repo: str, name: str, **options: str) -> str:
        if name == BIG:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(repo, name, **options)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(ModelUnavailable, match="disk filled up") as caught:
        pull(tell)
    assert "kept" in caught.value.hint


def test_removing(hub: FakeHub, tell: Tell, cache: Path) -> None:
    assert client.remove(REPO) == 0
    folder = pull(tell)
    freed = client.remove(REPO)
    assert freed == client.plan(REPO).size
    assert not folder.exists()
    assert not is_here("unidiffuser-v1")


def test_other_repositories(hub: FakeHub, tell: Tell) -> None:
    """A Hub id that is no row: its own licence, found by its id afterwards."""
    hub.repo = "someone/tuned"
    plan = client.plan("someone/tuned")
    assert plan.license == "agpl-3.0"
    folder = client.fetch(plan, tell)
    found = find("someone/tuned")
    assert (found.folder, found.repo, found.license) == (folder, "someone/tuned", "unknown")
