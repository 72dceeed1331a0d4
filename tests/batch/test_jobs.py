"""One line of JSON <-> one job."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import jsonschema
import pytest

from unidiff_cli.batch.jobs import MAX_LINE, BadJob, Job, parse, parse_all, seed_for
from unidiff_cli.batch.shard import Shard
from unidiff_cli.errors import UsageError
from unidiff_cli.request import MAX_SEED
from unidiff_cli.schemas.index import schema

GOOD: list[dict[str, Any]] = [
    {"mode": "t2i", "prompt": "a fox"},
    {"mode": "t2i", "prompt": "", "guidance_interval": [0.1, 0.8]},
    {"custom_id": "füchse/1", "mode": "i2t", "image": "photo.jpg", "caption": "nucleus"},
    {"mode": "joint", "count": 3, "seed": 2**60, "size": [512, 256]},
    {"mode": "t", "steps": 20, "solver": "ddim", "guidance": 2, "absent": "fixed"},
    {"mode": "i", "prompt": None, "seed": None, "solver": None, "v1_data": "web"},
    {
        "mode": "t2i2t",
        "prompt": "x",
        "unconditional": "empty",
        "final_denoise": True,
        "fast": "max",
    },
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "a fox"}, "'mode' is missing"),
    ({"mode": "t3i", "prompt": "a fox"}, "no mode 't3i'"),
    ({"mode": "t2i"}, "t2i needs a prompt"),
    ({"mode": "t2i", "prompt": 3}, "prompt is text"),
    ({"mode": "i", "prompt": "a fox"}, "i takes no prompt"),
    ({"mode": "i2t", "image": ["a.jpg"]}, "image is text"),
    ({"mode": "i", "stpes": 3}, "no field 'stpes'"),
    ({"mode": "i", "steps": 0}, "steps is a whole number"),
    ({"mode": "i", "steps": 2.5}, "steps is a whole number"),
    ({"mode": "i", "steps": True}, "steps is a whole number"),
    ({"mode": "i", "guidance": "7"}, "guidance is a number"),
    ({"mode": "i", "guidance_interval": [0.5]}, "two noise levels"),
    ({"mode": "i", "guidance_interval": [0.5, 1.5]}, "a number from 0 to 1"),
    ({"mode": "i", "guidance_interval": [0.5, None]}, "two noise levels"),
    ({"mode": "i", "size": [500, 512]}, "multiples of 16"),
    ({"mode": "i", "size": 512}, "a width and a height"),
    ({"mode": "i", "count": 1001}, "count is a whole number"),
    ({"mode": "i", "seed": -1}, "seed is a whole number"),
    ({"mode": "i", "solver": "euler"}, "no solver 'euler'"),
    ({"mode": "i", "fast": "very"}, "no fast 'very'"),
    ({"mode": "i", "final_denoise": 1}, "final_denoise is true or false"),
    ({"custom_id": "", "mode": "i"}, "custom_id is text"),
    ({"custom_id": 7, "mode": "i"}, "custom_id is text"),
    ({"custom_id": "x" * 257, "mode": "i"}, "custom_id is text"),
]


@pytest.mark.parametrize("values", GOOD, ids=lambda values: values["mode"])
def test_good_jobs(values: dict[str, Any]) -> None:
    jsonschema.validate(values, schema("job"), jsonschema.Draft202012Validator)
    job = parse(json.dumps(values).encode(), 3)
    assert isinstance(job, Job)
    assert job.custom_id == values.get("custom_id", "line-3")
    said = json.loads(json.dumps(job.to_json()))
    assert said.items() >= {name: v for name, v in values.items() if v is not None}.items()
    assert parse(json.dumps(said).encode(), 3) == job


@pytest.mark.parametrize(("values", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_jobs_are_told_with_line_and_field(values: dict[str, Any], words: str) -> None:
    job = parse(json.dumps(values).encode(), 12)
    assert isinstance(job, BadJob)
    assert isinstance(job.error, UsageError)
    assert job.error.message.startswith("Line 12: ")
    assert words in job.error.message
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema("job"), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "it is not JSON"),
        (b"[1]", "a job is a JSON object"),
        (b"\xff", "not text in UTF-8"),
        (b'{"mode": "t2i", "prompt": "\\ud800"}', "not text in UTF-8"),
        (b'{"mode": "i", "mode": "t"}', "'mode' is there twice"),
        (b'{"mode": "i", "guidance": NaN}', "guidance is NaN"),
        (b'{"mode": "i", "steps": NaN}', "steps is NaN"),
        (b'{"mode": "i", "size": [NaN, 16]}', "size is NaN"),
        (b"[" * 100_000, "it is not JSON"),
        (b" " * (MAX_LINE + 1), "at most"),
        (b'{"custom_id": "a\\nb", "mode": "i"}', "control characters"),
    ],
)
def test_lines_that_are_no_job(line: bytes, words: str) -> None:
    job = parse(line, 1)
    assert isinstance(job, BadJob)
    assert words in job.error.message


def test_jobs_of_a_data_frame() -> None:
    """pandas makes floats of whole numbers where one is missing, and null of what is missing."""
    row = {"mode": "t", "steps": 20.0, "count": 1.0, "seed": 7.0, "size": [32.0, 64.0]}
    row |= {"guidance": 7.0, "absent": None, "final_denoise": None, "prompt": None}
    jsonschema.validate(row, schema("job"), jsonschema.Draft202012Validator)
    job, again = (
        parse(json.dumps(row).encode(), 1),
        parse(json.dumps(row | {"count": None}).encode(), 1),
    )
    assert isinstance(job, Job)
    assert again == job
    said = job.to_json()
    assert json.dumps([said["steps"], said["seed"], said["size"], said["guidance"]]) == (
        "[20, 7, [32, 64], 7.0]"
    )


def test_a_bad_job_keeps_its_custom_id() -> None:
    assert parse(b'{"custom_id": "a", "mode": "x"}', 1).custom_id == "a"


def test_empty_lines_are_counted_only() -> None:
    lines = [b"", b'{"mode": "i"}', b"  ", b'{"mode": "t"}\r']
    assert [job.custom_id for job in parse_all(lines)] == ["line-2", "line-4"]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema("job"))


def test_seeds_come_from_run_and_custom_id() -> None:
    seeds = {seed_for(run, f"job-{k}") for run in (0, 1) for k in range(1000)}
    assert len(seeds) == 2000
    assert max(seeds) < 2**52 < MAX_SEED
    assert seed_for(0, "fox-1") == 3282262018099160  # folders were made with it
    job = parse(b'{"mode": "i", "seed": 5}', 1)
    assert isinstance(job, Job)
    assert job.seeded(9).request.seed == 5


def test_shards_are_all_jobs_once() -> None:
    names = [f"job-{k}" for k in range(3000)]
    shards = [Shard.parse(f"{k}/3") for k in (1, 2, 3)]
    owners = Counter(str(shard) for name in names for shard in shards if name in shard)
    assert sum(owners.values()) == 3000
    assert min(owners.values()) > 900


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "/2", "-1/2", "1/2/3", "a/b", "1/0"])
def test_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="shard"):
        Shard.parse(text)
