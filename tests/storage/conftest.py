"""A Hub of our own, a cache of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import constants

from tests.storage.fake_hub import FakeHub, serving

REPO = "thu-ml/unidiffuser-v1"
LAYOUT = {
    "unet": "diffusion_pytorch_model.bin",
    "vae": "diffusion_pytorch_model.bin",
    "text_encoder": "pytorch_model.bin",
    "image_encoder": "pytorch_model.bin",
    "text_decoder": "diffusion_pytorch_model.bin",
}
WANTED = 5 + 5 + 2 + 2


def published_files() -> dict[str, bytes]:
    """Files with the names of the published repository: the wanted and the unwanted."""
    files = {f"{folder}/config.json": f"{{ {folder!r} }}".encode() for folder in LAYOUT}
    for index, (folder, name) in enumerate(LAYOUT.items()):
        files[f"{folder}/{name}"] = bytes(range(index, index + 200)) * 60
    for folder in ("clip_tokenizer", "text_tokenizer"):
        files[f"{folder}/vocab.json"] = b"{}" + folder.encode()
        files[f"{folder}/merges.txt"] = b"#version: 0.2\n" + folder.encode()
        files[f"{folder}/tokenizer_config.json"] = b"{}"
    files["uvit_v1.pth"] = b"original" * 4000
    files["caption_decoder.pth"] = b"original" * 1000
    files["scheduler/scheduler_config.json"] = b"{}"
    files["README.md"] = b"read me"
    return files


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the client reads its variables when it is imported, so they are set here."""
    folder = tmp_path / "cache" / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub that has unidiffuser-v1's files, in small, and the client set upon it."""
    from huggingface_hub import file_download
    from huggingface_hub.utils import _http

    with serving(FakeHub(REPO, published_files())) as served:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        for module in (file_download, _http):
            clock = SimpleNamespace(**{**vars(module.time), "sleep": lambda seconds: None})
            monkeypatch.setattr(module, "time", clock)
        huggingface_hub.close_session()
        yield served
        huggingface_hub.close_session()


@pytest.fixture
def told() -> list[str]:
    """What was told."""
    return []


@pytest.fixture
def tell(told: list[str]) -> Callable[[str], None]:
    """Writes to `told`."""
    return told.append
