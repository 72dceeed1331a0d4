"""Where results go: names, refusals, whole files, bytes on stdout, sheets and files of lines."""

from __future__ import annotations

import io
import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.cli import fake
from tests.cli.conftest import Cli
from unidiff_cli.errors import OutputError
from unidiff_cli.files import output
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.names import short_name
from unidiff_cli.request import Output


def names() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_default_names_step_around_files(cli: Cli) -> None:
    Path("i-7-0.png").write_text("precious")
    assert cli("i", "--seed", "7").stdout == "i-7-1.png\n"
    assert cli("i", "--seed", "7").stdout == "i-7-2.png\n"
    assert Path("i-7-0.png").read_text() == "precious"
    assert names() == ["i-7-0.png", "i-7-1.png", "i-7-2.png"]


@pytest.mark.parametrize("folder", ["new/", "new/deeper/", "{odd}/"])
def test_a_folder_is_made(folder: str, cli: Cli) -> None:
    assert cli("i", "--seed", "7", "-o", folder).stdout == f"{folder}i-7-0.png\n"
    assert names() == [f"{folder}i-7-0.png"]


def test_a_folder_that_exists_needs_no_slash(cli: Cli) -> None:
    Path("here").mkdir()
    assert cli("i", "--seed", "7", "-o", "here").stdout == "here/i-7-0.png\n"


@pytest.mark.parametrize(
    ("suffix", "format"),
    [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG"), (".webp", "WEBP")],
)
def test_the_suffix_is_the_format(suffix: str, format: str, cli: Cli) -> None:
    done = cli("t2i", "a fox", "-o", f"fox{suffix}")
    assert done.stdout == f"fox{suffix}\n"
    with Image.open(f"fox{suffix}") as picture:
        assert (picture.format, picture.size) == (format, (32, 32))


def test_a_template_is_filled(cli: Cli) -> None:
    done = cli(
        *("t2i", "A fox, running!", "an owl", "-n", "2", "--seed", "98"),
        *("-o", "out/{name}/{mode}-{seed:04}-{index:03d}.png"),
    )
    assert done.exit_code == 0, done.stderr
    assert names() == [
        "out/a-fox-running/t2i-0098-000.png",
        "out/a-fox-running/t2i-0099-001.png",
        "out/an-owl/t2i-0100-002.png",
        "out/an-owl/t2i-0101-003.png",
    ]


def test_pictures_give_their_names(cli: Cli, photo: str) -> None:
    assert cli("i2t2i", photo, "-o", "v-{name}.png").stdout == "v-photo.png\n"


@pytest.mark.parametrize("name", ["kept.png", "kept-{index}.png", "sub/kept.png"])
@pytest.mark.parametrize("extra", [[], ["--grid"]])
def test_a_named_file_is_not_replaced_unless_forced(name: str, extra: list[str], cli: Cli) -> None:
    path = Path(name.format(index=0))
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")
    done = cli("i", "-o", name, *extra)
    assert done.exit_code == 8
    assert f"{path} exists already" in done.stderr
    assert fake.LOADED == []
    assert path.read_text() == "precious"
    assert cli("i", "-o", name, "--force", *extra).exit_code == 0
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_a_file_is_in_the_way_of_a_folder(cli: Cli) -> None:
    Path("file").write_text("")
    for where in ("file/fox.png", "file/"):
        assert cli("i", "-o", where).exit_code == 8
    assert fake.LOADED == []


def test_a_file_that_comes_up_meanwhile_is_stepped_around(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: fake.Request) -> fake.Output:
        Path("fox.png").write_text("of somebody else")
        return made(request)

    made = fake.answer
    monkeypatch.setattr(fake, "answer", answer)
    assert cli("i", "-o", "fox.png").stdout == "fox-1.png\n"
    assert Path("fox.png").read_text() == "of somebody else"


def test_bytes_on_stdout(cli: Cli) -> None:
    done = cli("t2i", "a fox", "-o", "-", "--seed", "9")
    with Image.open(BytesIO(done.stdout_bytes)) as picture:
        assert picture.getpixel((0, 0)) == (9, 0, 99)
    assert names() == []


def test_joint_tells_the_caption_beside_the_bytes(cli: Cli) -> None:
    done = cli("joint", "-o", "-", "--seed", "9")
    assert done.stdout_bytes.startswith(b"\x89PNG")
    assert "caption: words of seed 9" in done.stderr


@pytest.mark.parametrize("where", [[], ["-o", "-"]])
def test_text_goes_to_stdout(where: list[str], cli: Cli) -> None:
    done = cli("t", "-n", "2", "--seed", "1", *where)
    assert done.stdout == "words of seed 1\nwords of seed 2\n"


def test_text_to_one_file(cli: Cli) -> None:
    done = cli("t", "-n", "2", "--seed", "1", "-o", "deep/words.txt")
    assert done.stdout == "deep/words.txt\n"
    assert Path("deep/words.txt").read_text() == "words of seed 1\nwords of seed 2\n"
    assert cli("t", "-o", "deep/words.txt").exit_code == 8
    assert cli("t", "-o", "deep/words.txt", "--seed", "5", "--force").exit_code == 0
    assert Path("deep/words.txt").read_text() == "words of seed 5\n"
    assert names() == ["deep/words.txt"]


def test_text_to_a_file_each(cli: Cli, photo: str) -> None:
    Path("b.png").write_bytes(Path(photo).read_bytes())
    done = cli("i2t", photo, "b.png", "--seed", "1", "-o", "{name}.txt")
    assert done.stdout == "photo.txt\nb.txt\n"
    assert Path("b.txt").read_text() == "words of\nseed 2\n"
    assert cli("i2t", photo, "--seed", "1", "-o", "all/").stdout == "all/i2t-1-0.txt\n"


def test_a_file_of_lines_that_comes_up_meanwhile_is_stepped_around() -> None:
    lines = output.Lines(Path("words.txt"), force=False)
    lines.write("ours")
    Path("words.txt").write_text("of somebody else")
    assert lines.close() == Path("words-1.txt")
    assert Path("words-1.txt").read_text() == "ours\n"
    assert names() == ["words-1.txt", "words.txt"]


def test_a_full_disk_keeps_whole_lines(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A file that takes two and a half lines."""

        def __init__(self, *_: object, **__: object) -> None:
            self.file, self.left = io.FileIO(Path(".full.tmp"), "x"), 40

        def write(self, data: bytes) -> int:
            if not self.left:
                raise OSError(28, "No space left on device")
            written = self.file.write(data[: self.left])
            self.left -= written
            return written

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    monkeypatch.setattr(output, "open", Full, raising=False)
    monkeypatch.setattr(output.secrets, "token_hex", lambda length: "full")
    monkeypatch.setattr(output.Path, "with_name", lambda path, name: Path(".full.tmp"))
    done = cli("t", "-n", "9", "--seed", "1", "-o", "words.txt")
    assert done.exit_code == 8
    assert "No space left on device" in done.stderr
    assert len(fake.SEEN) == 3
    assert Path("words.txt").read_text() == "words of seed 1\nwords of seed 2\n"
    assert names() == ["words.txt"]


def test_a_grid_comes_with_the_pictures(cli: Cli) -> None:
    done = cli("t2i", "a fox", "-n", "3", "--seed", "1", "--grid", "-o", "out/")
    assert done.stdout.split()[-1] == "out/t2i-1-grid.png"
    assert len(names()) == 4
    records = read_metadata("out/t2i-1-grid.png").records
    assert [record.request.seed for record in records] == [1, 2, 3]


def test_a_grid_alone(cli: Cli) -> None:
    done = cli("joint", "-n", "5", "--seed", "1", "--grid", "-o", "sheet.jpg")
    assert done.stdout == "sheet.jpg\n"
    assert names() == ["sheet.jpg"]
    assert len(read_metadata("sheet.jpg").records) == 5


def test_words_do_not_go_into_a_file_for_a_picture(cli: Cli) -> None:
    done = cli("t", "-o", "words.png")
    assert done.exit_code == 2
    assert "words are to come" in done.stderr


def test_an_empty_caption_is_an_empty_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fake, "answer", lambda sample: Output(seed=sample.seed, text="x" * (sample.seed % 2))
    )
    assert cli("t", "-n", "3", "--seed", "1").stdout == "x\n\nx\n"


@pytest.mark.parametrize(("name", "held"), [("sheet.jpg", 0), ("sheet.webp", 250)])
def test_a_sheet_is_written_where_its_records_do_not_fit(name: str, held: int, cli: Cli) -> None:
    done = cli("t2i", "a fox", "-n", "250", "--seed", "1", "--grid", "-o", name)
    assert done.exit_code == 0, done.stderr
    known = read_metadata(name)
    assert len(known.records) == held
    assert known.digital_source is not None
    assert ("250 records are too many" in done.stderr) == (held == 0)


def test_a_grid_on_stdout(cli: Cli) -> None:
    done = cli("i", "-n", "2", "--grid", "-o", "-")
    with Image.open(BytesIO(done.stdout_bytes)) as picture:
        assert picture.width > 2 * 32


def test_no_metadata_leaves_nothing(cli: Cli) -> None:
    for suffix in ("png", "jpg", "webp"):
        assert cli("t2i", "secret", "--no-metadata", "-o", f"bare.{suffix}").exit_code == 0
        known = read_metadata(f"bare.{suffix}")
        assert (known.records, known.parameters, known.digital_source) == ((), None, None)
        assert b"secret" not in Path(f"bare.{suffix}").read_bytes()


def test_a_full_disk_ends_the_run_and_leaves_no_scraps(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(os, "replace", full)
    done = cli("i", "--seed", "1", "-n", "3")
    assert done.exit_code == 8
    assert "No space left on device" in done.stderr
    assert len(fake.SEEN) == 1
    assert [name for name in names() if name.endswith(".tmp")] == []


def test_without_links_a_name_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    Path("a.png").write_text("precious")
    written = output.write_new(output.numbered(Path("a.png")), b"data")
    assert (written, written.read_bytes()) == (Path("a-1.png"), b"data")
    assert names() == ["a-1.png", "a.png"]


def test_a_file_is_there_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    link = os.link

    def watched(source: Path, target: Path) -> None:
        seen.append([path.read_text() for path in Path().iterdir()])
        link(source, target)

    monkeypatch.setattr(os, "link", watched)
    output.write_new(iter([Path("a.txt")]), b"whole")
    assert seen == [["whole"]]
    assert names() == ["a.txt"]


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(OutputError, match=r"nowhere/a.png cannot be written: No such file"):
        output.replace_file(Path("nowhere/a.png"), b"")


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red fox, in the snow!", "a-red-fox-in-the-snow"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "empty"),
        ("???", "empty"),
        ("Füchse 🦊 狐", "füchse-狐"),
        ("狐" * 100, "狐" * 20),
    ],
)
def test_short_names(prompt: str, name: str) -> None:
    assert short_name(prompt) == name
