from pathlib import Path

import pytest
import torch

from unidiff_cli.errors import InputError
from unidiff_cli.train import store
from unidiff_cli.train.loss import LatentPairs
from unidiff_cli.train.store import Store, StoreSource


def batch(*numbers: int) -> LatentPairs:
    """Rows that hold their number."""
    whole = torch.tensor(numbers)
    rows = whole.float()
    shapes = [(-1, 1, 1, 1), (-1, 1, 1), (-1, 1, 1)]
    image, clip, text = (rows.view(shape) for shape in shapes)
    return LatentPairs(image.expand(-1, 4, 2, 2), clip.expand(-1, 1, 3), text, whole)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven rows in two shards."""
    monkeypatch.setattr(store, "SHARD", 3)
    assert store.write(tmp_path, [batch(0, 1), batch(2, 3), batch(4, 5, 6)], {"data": "x"}) == 7
    return tmp_path


def test_rows_come_back_in_any_order(folder: Path) -> None:
    assert len(list(folder.glob("rows-*.safetensors"))) == 2
    found = Store.open(folder)
    assert len(found) == 7
    rows = found.rows(torch.tensor([6, 0, 3, 4]))
    assert rows.image.dtype == torch.float32
    assert rows.image[:, 0, 0, 0].tolist() == [6, 0, 3, 4]
    assert rows.kind is not None
    assert rows.kind.tolist() == [6, 0, 3, 4]
    assert rows.clip.shape == (4, 1, 3)


def test_every_round_sees_every_row_once(folder: Path) -> None:
    source = StoreSource(Store.open(folder), 3, 0, torch.device("cpu"))
    seen = [int(n) for index in range(7) for n in source(index).image[:, 0, 0, 0]]
    rounds = [seen[start : start + 7] for start in range(0, 21, 7)]
    assert all(sorted(turn) == list(range(7)) for turn in rounds)
    assert rounds[0] != rounds[1]
    assert source(4).image[:, 0, 0, 0].tolist() == seen[12:15]  # the same, asked out of order


def test_unfinished_stores_are_not_opened(folder: Path) -> None:
    (folder / "about.json").unlink()
    with pytest.raises(InputError, match="no finished store"):
        Store.open(folder)
    store.write(folder, [batch(9)], {})
    assert len(Store.open(folder)) == 1


def test_damaged_stores_are_named(folder: Path) -> None:
    shard = next(folder.glob("rows-*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:20])
    with pytest.raises(InputError, match="cannot be read"):
        Store.open(folder)
