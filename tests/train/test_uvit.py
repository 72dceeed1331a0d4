import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import InputError, OutOfMemory, OutputError, UsageError
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.request import Request
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.train.loss import LatentPairs, Objective, ObjectiveConfig
from unidiff_cli.train.start import Options, train
from unidiff_cli.train.trainer import Trainer
from unidiff_cli.train.uvit import recompute

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five good pictures, a broken one, and one without a caption."""
    folder = tmp_path_factory.mktemp("data")
    for number in range(5):
        Image.new("RGB", (40, 32), (50 * number, 90, 160)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"colour {number}")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "broken.txt").write_text("a promise")
    (folder / "silent.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "4.txt").unlink()
    (folder / "4.caption").write_text("word " * 300)
    (folder / "film.mp4").touch()
    return folder


def configuration(folder: Path, part: str = "", **trainer: object) -> Path:
    keys = {"steps": 6, "lr": 1e-3, "ema_decay": 0.5, "log_every": 1, **trainer}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    text = f'[part]\nkind = "uvit"\nmodel = "tiny"\nbatch = 4\n{part}\n[trainer]\n'
    path = folder / "config.toml"
    path.write_text(text + "\n".join(lines))
    return path


def encoded(data: Path, folder: Path) -> Path:
    """The store of the pictures' latents, which a run of one step leaves behind."""
    options = Options(config=configuration(folder), data=data, output=folder / "a", steps=1)
    return train(options, io.StringIO()) / "latents"


def weights(model: str) -> dict[str, torch.Tensor]:
    return open_checkpoint(model).module("uvit", CPU, torch.float32).state_dict()


def test_fine_tuning_makes_a_whole_model(data: Path, tmp_path: Path) -> None:
    stream = io.StringIO()
    config = configuration(tmp_path, sample_every=6)
    folder = train(Options(config=config, data=data, output=tmp_path / "mine"), stream)
    told = stream.getvalue()
    assert "left out: broken.png: " in told
    assert "captions are from: 4 .txt, 1 .caption" in told
    assert told.count("1 captions are too long, and their ends are not read") == 1
    assert "1 .mp4" in told
    assert "left out: silent.png: no silent.txt beside it" in told
    assert "5 pictures with captions are encoded" in told
    assert (folder / "config.toml").read_text() == config.read_text()
    with Image.open(folder / "samples" / "step-00000006.png") as sheet:
        assert sheet.width == 4 * 128
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "image", "clip", "text", "grad_norm", "lr"} < rows[0].keys()

    model = UniDiffuser.load(str(folder / "model"), device="cpu")
    assert model.parts.config.name == "mine"
    (picture,) = model.run(Request(mode="t2i", prompt="colour 3", seed=1)).images
    assert picture.size == (32, 32)
    before, after = weights("tiny"), weights(str(folder / "model"))
    assert before.keys() == after.keys()
    changed = [name for name in before if not torch.equal(before[name].half(), after[name].half())]
    assert "mid_block.attn.qkv.weight" in changed
    vae = [
        open_checkpoint(name).module("vae", CPU, torch.float16).state_dict()
        for name in ("tiny", str(folder / "model"))
    ]
    assert all(torch.equal(vae[0][name], vae[1][name]) for name in vae[0])


def test_latents_are_encoded_once(data: Path, tmp_path: Path) -> None:
    config = configuration(tmp_path)
    options = Options(config=config, data=data, output=tmp_path / "run", steps=1)
    train(options, io.StringIO())
    stamp = (tmp_path / "run" / "latents" / "about.json").stat().st_mtime_ns
    again = io.StringIO()
    train(Options(config=config, data=data, output=tmp_path / "run", steps=2), again)
    assert (tmp_path / "run" / "latents" / "about.json").stat().st_mtime_ns == stamp
    assert "resuming at step 1" in again.getvalue()
    with pytest.raises(UsageError, match="are of other data"):
        train(Options(config=config, data=tmp_path, output=tmp_path / "run"), io.StringIO())


def test_from_scratch_with_held_out_latents(data: Path, tmp_path: Path) -> None:
    latents = encoded(data, tmp_path)
    part = f'store = "{latents}"\nheldout = "{latents}"\n[part.net]\ndim = 16\ndepth = 2'
    config = configuration(tmp_path, part, sample_every=3)
    folder = train(Options(config=config, output=tmp_path / "b"), io.StringIO())
    net = open_checkpoint(str(folder / "model")).module("uvit", CPU, torch.float32)
    assert isinstance(net, UViT)
    assert (net.config.dim, net.config.depth, net.config.text_tokens) == (16, 2, 16)
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    heldout = [row for row in rows if "heldout_total" in row]
    assert [row["step"] for row in heldout] == [3, 6]
    assert heldout[1]["heldout_total"] < heldout[0]["heldout_total"]


def test_pictures_of_a_second_store_are_only_read(data: Path, tmp_path: Path) -> None:
    latents = encoded(data, tmp_path)
    both = f'store = "{latents}"\nread_store = "{latents}"\nread_share = 0.5\n'
    legs = "[part.objective]\nlegs = 1.0\noften = { i2t = 0, t = 0, joint = 0, i = 0 }"
    losses = []
    for name, part in {"both": both + legs, "one": f'store = "{latents}"\n{legs}'}.items():
        folder = train(
            Options(config=configuration(tmp_path, part), output=tmp_path / name), io.StringIO()
        )
        rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        losses.append([row["text"] for row in rows])
    assert min(losses[0]) > 0  # half of each batch learns captions,
    assert max(losses[1]) == 0  # which t2i alone does not
    with pytest.raises(UsageError, match="read_share is a share of a batch"):
        train(
            Options(
                config=configuration(tmp_path, both.replace("0.5", "1.0")), output=tmp_path / "c"
            ),
            io.StringIO(),
        )


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("text_dim = 99", r"\[part.net\] text_dim must be 8"),
        ("depth = 3", r"\[part.net\]: a U-ViT has an even depth"),
        ("width = 3", r"Unknown key 'width' in \[part.net\]"),
    ],
)
def test_sizes_that_do_not_fit(data: Path, tmp_path: Path, net: str, message: str) -> None:
    config = configuration(tmp_path, f"[part.net]\n{net}")
    with pytest.raises(UsageError, match=message):
        train(Options(config=config, data=data, output=tmp_path / "run"), io.StringIO())


def test_a_folder_without_captions(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    with pytest.raises(InputError, match="no picture with a caption") as error:
        train(Options(config=config, data=tmp_path, output=tmp_path / "run"), io.StringIO())
    assert "metadata.jsonl" in error.value.hint
    Image.new("RGB", (40, 32)).save(tmp_path / "late.png")
    (tmp_path / "late.txt").write_text("a caption at last")
    folder = train(Options(config=config, data=tmp_path, output=tmp_path / "run"), io.StringIO())
    assert (folder / "model").is_dir()


def test_one_process_trains_in_a_folder_at_a_time(data: Path, tmp_path: Path) -> None:
    options = Options(config=configuration(tmp_path), data=data, output=tmp_path / "run", steps=1)
    train(options, io.StringIO())
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(OutputError, match="Another process is training"),
    ):
        train(options, io.StringIO())


def test_a_run_goes_on_from_the_configuration_that_it_kept(data: Path, tmp_path: Path) -> None:
    options = Options(config=configuration(tmp_path), data=data, output=tmp_path / "run", steps=1)
    folder = train(options, io.StringIO())
    told, kept = io.StringIO(), folder / ".." / "run" / "config.toml"
    train(Options(config=kept, data=data, output=folder, steps=2), told)
    assert "resuming at step 1" in told.getvalue()


def test_a_full_memory_has_its_own_code(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(trainer: Trainer) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(Trainer, "run", full)
    options = Options(config=configuration(tmp_path), data=data, output=tmp_path / "run")
    with pytest.raises(OutOfMemory, match="step does not fit"):
        train(options, io.StringIO())


def test_a_batch_has_rows_of_both_stores(data: Path, tmp_path: Path) -> None:
    latents = encoded(data, tmp_path)
    both = f'store = "{latents}"\nread_store = "{latents}"\nread_share = 0.9\nbatch = '
    for batch in (1, 2):
        text = configuration(tmp_path, both + str(batch)).read_text().replace("batch = 4\n", "")
        (tmp_path / "config.toml").write_text(text)
        options = Options(config=tmp_path / "config.toml", output=tmp_path / str(batch), steps=1)
        if batch == 1:
            with pytest.raises(UsageError, match="2 rows or more"):
                train(options, io.StringIO())
        else:
            train(options, io.StringIO())


def test_nothing_to_train() -> None:
    with pytest.raises(UsageError, match="nothing to train"):
        train(Options(), io.StringIO())


def test_adapters_are_merged_into_the_model(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    config = configuration(tmp_path, lr=1e-2)
    options = Options(config=config, data=data, lora=2, output=tmp_path / "run")
    folder = train(options, io.StringIO())
    before, after = weights("tiny"), weights(str(folder / "model"))
    assert before.keys() == after.keys()
    for name, weight in before.items():
        adapted = name.endswith(
            ("qkv.weight", "proj.weight", "fc1.weight", "fc2.weight", "skip_linear.weight")
        )
        adapted = (adapted and "blocks" in name) or ("mid_block" in name and adapted)
        change = after[name] - weight.half().float()
        assert bool(change.abs().max() > 1e-3) == adapted, name
        if adapted:
            assert torch.linalg.matrix_rank(change, rtol=0.05) <= 2
    found = next((folder / "checkpoints").glob("*/model.safetensors"))
    assert found.stat().st_size < (folder / "model" / "uvit.safetensors").stat().st_size


def test_recomputed_gradients_are_the_same() -> None:
    torch.manual_seed(0)
    net = UViT(UViTConfig(size=4, dim=16, depth=2, heads=2, text_tokens=3, text_dim=5, clip_dim=6))
    net.initialise()
    clean = LatentPairs(torch.randn(2, 4, 4, 4), torch.randn(2, 1, 6), torch.randn(2, 3, 5))
    found, runs = [], []
    net.mid_block.attn.register_forward_pre_hook(lambda *_: runs.append(1))
    for again in (False, True):
        if again:
            recompute(net)
        net.zero_grad()
        losses = Objective(net, ObjectiveConfig())(clean, torch.Generator().manual_seed(1))
        losses["total"].backward()
        found.append([p.grad.clone() for p in net.parameters() if p.grad is not None])
    assert len(runs) == 3
    assert all(torch.equal(kept, again) for kept, again in zip(*found, strict=True))


WITHOUT_TYPER = """
import sys
sys.modules["typer"] = None
from unidiff_cli.train.__main__ import main
good = sys.argv[1:]
sys.argv[1:] = [good[0], "--lora", "0"]
assert main() == 2
sys.argv[1:] = good
sys.exit(main())
"""


def test_the_module_runs_without_typer(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TYPER, str(configuration(tmp_path))]
    options = ["--data", str(data), "-o", str(tmp_path / "run"), "--steps", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *options], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    assert b"data or store says what to train on" in done.stderr
    assert (tmp_path / "run" / "model" / "config.json").exists()
