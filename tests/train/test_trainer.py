import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from unidiff_cli.errors import InputError
from unidiff_cli.process import ending_in_order
from unidiff_cli.train import checkpoint, draws, log
from unidiff_cli.train.config import TrainerConfig
from unidiff_cli.train.ema import Ema
from unidiff_cli.train.trainer import Trainer, TrainingDiverged

SETTINGS = {"lr": 1e-2, "warmup": 5, "log_every": 4, "save_every": 10, "ema_decay": 0.9}


class Toy:
    """A small network with dropout, its loss with noise of its own, and endless data."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2))
        for parameter in self.model.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        self.seen: list[int] = []

    def source(self, index: int) -> torch.Tensor:
        self.seen.append(index)
        return torch.randn(6, 4, generator=draws.generator("data", index))

    def loss(self, batch: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        noise = torch.randn(batch.shape, generator=generator)
        out = self.model(batch + noise)
        return {"square": (out - 1).square().mean(), "small": 0.1 * out.abs().mean()}

    def train(self, folder: Path, **settings: object) -> Trainer:
        config = TrainerConfig(**{**SETTINGS, **settings})  # type: ignore[arg-type]
        trainer = Trainer(self.model, self.loss, self.source, config, folder)
        trainer.run()
        return trainer


def rows(folder: Path) -> list[dict[str, float]]:
    """The log without the clock."""
    return [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in log.read(folder / "log.jsonl")
    ]


def last(folder: Path) -> dict[str, bytes]:
    found = checkpoint.newest(folder / "checkpoints")
    assert found is not None
    return {path.name: path.read_bytes() for path in found.glob("*.safetensors")}


def test_resumed_run_equals_an_undisturbed_one(tmp_path: Path) -> None:
    Toy().train(tmp_path / "whole", steps=30)
    for steps in (7, 18, 30):  # neither is a step that logs or saves by itself
        Toy().train(tmp_path / "parts", steps=steps)
    assert last(tmp_path / "whole").keys() == {
        f"{n}.safetensors" for n in ("model", "ema", "optimizer")
    }
    assert last(tmp_path / "parts") == last(tmp_path / "whole")
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


class Convolutions(Toy):
    """The same on pictures, with the weights' channels last, as the VAE's are."""

    def __init__(self) -> None:
        super().__init__()
        net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 3))
        for parameter in net.parameters():
            generator = torch.Generator().manual_seed(2)
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
        self.model = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def source(self, index: int) -> torch.Tensor:
        return torch.randn(2, 3, 8, 8, generator=draws.generator("data", index))


def test_moments_lie_as_their_weights_do(tmp_path: Path) -> None:
    Convolutions().train(tmp_path / "whole", steps=8)
    for steps in (4, 8):
        Convolutions().train(tmp_path / "parts", steps=steps)
    assert last(tmp_path / "parts") == last(tmp_path / "whole")


def test_an_average_can_begin_in_a_run_that_had_none(tmp_path: Path) -> None:
    Toy().train(tmp_path, steps=5, ema_decay=0.0)
    trainer = Toy().train(tmp_path, steps=6)
    assert trainer.ema
    assert "ema.safetensors" in last(tmp_path)


def test_killed_run_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    """What was logged after that checkpoint is forgotten and made again."""
    Toy().train(tmp_path / "whole", steps=30)
    toy = Toy()
    loss = toy.loss

    def dies(batch: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        if toy.seen[-1] == 25:
            raise OSError("power cut")
        return loss(batch, generator)

    toy.loss = dies  # type: ignore[method-assign]
    with pytest.raises(OSError, match="power cut"):
        toy.train(tmp_path / "killed", steps=30)
    assert rows(tmp_path / "killed")[-1]["step"] == 24
    with (tmp_path / "killed" / "log.jsonl").open("a") as file:
        file.write('{"step": 2')
    again = Toy()
    again.train(tmp_path / "killed", steps=30)
    assert again.seen == list(range(20, 30))
    assert last(tmp_path / "killed") == last(tmp_path / "whole")
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")


KILLED = """
import os, sys
from pathlib import Path
from test_trainer import Toy, checkpoint

save, written = checkpoint.save_file, []

def dies(tensors, path):
    save(tensors, path)
    written.append(path)
    if len(written) == 5:  # the second checkpoint's second file
        os._exit(9)

checkpoint.save_file = dies
Toy().train(Path(sys.argv[1]), steps=30)
"""


def test_a_checkpoint_is_whole_or_absent(tmp_path: Path) -> None:
    """A kill while writing leaves the checkpoint before it, and the next start sweeps up."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, cwd=Path(__file__).parent, env=environment, check=False)
    assert killed.returncode == 9
    folder = tmp_path / "checkpoints"
    assert len(list(folder.iterdir())) == 2
    found = checkpoint.newest(folder)
    assert found is not None
    assert found.name == "step-00000010"
    toy = Toy()
    toy.train(tmp_path, steps=20)
    assert toy.seen == list(range(10, 20))
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000010", "step-00000020"]


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    Toy().train(tmp_path, steps=45, keep=2)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-00000040", "step-00000045"]
    assert (tmp_path / "loss.png").stat().st_size > 0


def test_a_diverging_run_stops_and_keeps_what_was_good(tmp_path: Path) -> None:
    toy = Toy()
    loss = toy.loss

    def bursts(batch: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        scale = torch.inf if toy.seen[-1] == 13 else 1.0
        return {name: scale * value for name, value in loss(batch, generator).items()}

    toy.loss = bursts  # type: ignore[method-assign]
    with pytest.raises(TrainingDiverged, match=r"step 13; .*step-00000010 is from before") as error:
        toy.train(tmp_path, steps=30)
    assert "lr" in error.value.hint
    assert all(parameter.isfinite().all() for parameter in toy.model.parameters())
    assert all(
        tensor.isfinite().all() for tensor in checkpoint.weights(tmp_path / "checkpoints").values()
    )


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_the_step_that_runs(
    number: signal.Signals, times: int, tmp_path: Path
) -> None:
    toy = Toy()
    source = toy.source

    def interrupted(index: int) -> torch.Tensor:
        if index == 6:
            for _ in range(times):
                signal.raise_signal(number)
        return source(index)

    toy.source = interrupted  # type: ignore[method-assign]
    with ending_in_order() as came:
        with pytest.raises(KeyboardInterrupt):
            toy.train(tmp_path, steps=30)
        assert came == ([] if number is signal.SIGINT else [number])
    found = checkpoint.newest(tmp_path / "checkpoints")
    assert found is not None
    assert found.name == "step-00000007"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_hangup_that_is_ignored_ends_nothing(tmp_path: Path) -> None:
    toy = Toy()
    source = toy.source
    toy.source = lambda index: signal.raise_signal(signal.SIGHUP) or source(index)  # type: ignore
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert toy.train(tmp_path, steps=3).step == 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_can_be_limited_in_time(tmp_path: Path) -> None:
    trainer = Toy().train(tmp_path, steps=10**6, max_minutes=1e-5)
    assert 1 <= trainer.step < 10**6
    assert checkpoint.newest(tmp_path / "checkpoints") is not None


def test_samples_are_drawn_with_the_average(tmp_path: Path) -> None:
    toy, seen = Toy(), []

    def sample(path: Path) -> dict[str, float]:
        seen.append((path.name, toy.model[0].weight.clone(), toy.model.training))
        return {"psnr": 30.0}

    config = TrainerConfig(steps=4, sample_every=4, log_every=4, ema_decay=0.9)
    trainer = Trainer(toy.model, toy.loss, toy.source, config, tmp_path, on_sample=sample)
    trainer.run()
    name, weight, training = seen[0]
    assert name == "step-00000004.png"
    assert not training
    assert trainer.ema is not None
    assert torch.equal(weight, trainer.ema.average["0.weight"])
    assert not torch.equal(weight, toy.model[0].weight)
    assert rows(tmp_path)[-1] == {"step": 4, "psnr": 30.0}


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    """Without noise and dropout, two batches of a step make the gradient of both together."""
    linear, twin = nn.Linear(4, 1), nn.Linear(4, 1)
    twin.load_state_dict(linear.state_dict())
    data = torch.randn(6, 2, 5, 4)

    def square(model: nn.Module, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"square": model(batch).square().mean()}

    config = TrainerConfig(steps=3, accumulate=2)
    parts = data.view(12, 5, 4)[:6]
    whole = parts.view(3, 10, 4)
    Trainer(linear, lambda b, _: square(linear, b), parts.__getitem__, config, tmp_path / "a").run()
    config = TrainerConfig(steps=3)
    Trainer(twin, lambda b, _: square(twin, b), whole.__getitem__, config, tmp_path / "b").run()
    torch.testing.assert_close(linear.weight, twin.weight)


def test_frozen_parameters_stay_and_are_not_saved(tmp_path: Path) -> None:
    toy = Toy()
    toy.model[0].requires_grad_(False)
    before = toy.model[0].weight.clone()
    toy.train(tmp_path, steps=3)
    assert torch.equal(toy.model[0].weight, before)
    saved = checkpoint.weights(tmp_path / "checkpoints")
    assert {name.split(".")[0] for name in saved} == {"1"}


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    Toy().train(tmp_path, steps=3)
    other = Toy()
    other.model = nn.Sequential(nn.Linear(4, 9))
    with pytest.raises(InputError, match="another model"):
        other.train(tmp_path, steps=6)


def test_average_follows_its_equation() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    ema, expected = Ema(model, 0.5), 1.0
    for step in range(1, 12):
        model.weight.data.fill_(float(step))
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert ema.average["weight"].item() == pytest.approx(expected, rel=1e-6)
    with ema.applied():
        assert model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 11


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
        ("linear", [0.25, 0.5, 0.75, 1, 1, 0.775, 0.55, 0.325]),
        ("cosine", [0.25, 0.5, 0.75, 1, 1, 0.868198, 0.55, 0.231802]),
    ],
)
def test_learning_rate(schedule: str, rates: list[float]) -> None:
    config = TrainerConfig(steps=8, lr=1.0, warmup=4, schedule=schedule, lr_end=0.1)  # type: ignore[arg-type]
    assert [config.rate(step) for step in range(8)] == pytest.approx(rates)


GRADIENTS = """
import json, sys, torch
from pathlib import Path
from torch import nn
from unidiff_cli.train import distributed
from unidiff_cli.train.config import TrainerConfig
from unidiff_cli.train.trainer import Trainer

with distributed.processes(torch.device("cpu")):
    torch.manual_seed(distributed.world()[0])  # rank 0's weights win
    model, seen = nn.Linear(3, 2), []
    def source(index):
        seen.append(index)
        return torch.randn(4, 3, generator=torch.Generator().manual_seed(index))
    def loss(batch, generator):
        return {"square": model(batch).square().mean()}
    config = TrainerConfig(steps=3, accumulate=int(sys.argv[2]), lr=0.1, log_every=1)
    Trainer(model, loss, source, config, Path(sys.argv[1])).run()
    print(json.dumps([distributed.world()[0], seen, model.weight.tolist()]))
"""


def launch(folder: Path, ranks: int, accumulate: int) -> list[tuple[int, list[int], list[float]]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    environment["MASTER_PORT"] = str(20000 + os.getpid() % 20000)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", GRADIENTS, str(folder), str(accumulate)],
            env={**environment, "RANK": str(rank), "WORLD_SIZE": str(ranks)},
            stdout=subprocess.PIPE,
        )
        for rank in range(ranks)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * ranks
    return sorted(json.loads(output.splitlines()[-1]) for output in outputs)


def test_two_processes_make_the_steps_of_one_with_twice_the_batches(tmp_path: Path) -> None:
    (_, seen, weight), (_, seen_too, weight_too) = launch(tmp_path / "two", ranks=2, accumulate=1)
    (_, seen_alone, weight_alone), *_ = launch(tmp_path / "one", ranks=1, accumulate=2)
    assert (seen, seen_too) == ([0, 2, 4], [1, 3, 5])
    assert seen_alone == [0, 1, 2, 3, 4, 5]
    assert weight == weight_too
    torch.testing.assert_close(torch.tensor(weight), torch.tensor(weight_alone))
    pairs = zip(rows(tmp_path / "two"), rows(tmp_path / "one"), strict=True)
    for row, row_alone in pairs:
        assert row == pytest.approx(row_alone, rel=1e-5)
