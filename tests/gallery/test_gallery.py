"""A gallery's page holds what the folder says and nothing that a caption could run."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from unidiff_cli.cli.app import app
from unidiff_cli.errors import InputError
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, Saved
from unidiff_cli.gallery.collect import Item, collect
from unidiff_cli.gallery.page import card, page, text
from unidiff_cli.request import Request

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(1)"> \u202e\x00'


def save(path: Path, prompt: str = "a fox", caption: str | None = None, seed: int = 0) -> None:
    request = Request(mode="t2i", prompt=prompt, seed=seed, steps=20, guidance=3.0)
    record = Record(request=request, outputs=(Saved(text=caption),), made_with={"model": "starter"})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Image.linear_gradient("L").convert("RGB"), path.suffix, [record]))


def items(folder: Path) -> list[Item]:
    found = list(collect(folder, str))
    assert all(isinstance(item, Item) for item in found)
    return [item for item in found if isinstance(item, Item)]


class Tags(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_pictures_come_in_natural_order_also_from_folders_inside(tmp_path: Path) -> None:
    for name in ("p-10.png", "p-9.png", "deep/er/p-1.jpg", ".hidden.png"):
        save(tmp_path / name)
    assert [item.name for item in items(tmp_path)] == ["deep/er/p-1.jpg", "p-9.png", "p-10.png"]


def test_settings_and_prompt_come_from_the_picture(tmp_path: Path) -> None:
    save(tmp_path / "a.png", prompt="an owl", seed=7)
    (item,) = items(tmp_path)
    assert item.prompt == "an owl"
    assert item.settings["seed"] == "7"
    assert item.settings["guidance"] == "3"
    assert item.settings["model"] == "starter"
    assert item.settings["pixels"] == "256 x 256"


def test_a_sheet_tells_what_its_pictures_have_in_common(tmp_path: Path) -> None:
    records = [
        Record(request=Request(mode="t2i", prompt="a fox", seed=seed, steps=5)) for seed in (1, 2)
    ]
    (tmp_path / "s.png").write_bytes(encode(Image.new("RGB", (8, 8)), ".png", records))
    (item,) = items(tmp_path)
    assert item.settings["steps"] == "5"
    assert "seed" not in item.settings


def test_a_stage_of_a_walk_has_its_words_and_its_number(tmp_path: Path) -> None:
    walk = {"walk": "chain", "stage": 3, "prompt": "a fox", "text": "an owl", "seed": 7}
    (tmp_path / "s.png").write_bytes(encode(Image.new("RGB", (8, 8)), ".png", [], walk))
    (item,) = items(tmp_path)
    assert item.caption == "an owl"
    assert item.prompt == "a fox"
    assert (item.settings["walk"], item.settings["stage"]) == ("chain", "3")


def test_captions_come_from_a_text_file_beside_a_table_or_the_record(tmp_path: Path) -> None:
    save(tmp_path / "a.png", caption="from the record")
    save(tmp_path / "b.png", caption="from the record")
    save(tmp_path / "c.png", caption="from the record")
    (tmp_path / "a.txt").write_text("from\nbeside")
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "b.png", "text": "from the table"}\nbroken\n[1]\n{"file_name": 3}\n'
    )
    found = {item.name: item.caption for item in items(tmp_path)}
    assert found == {"a.png": "from beside", "b.png": "from the table", "c.png": "from the record"}


def test_a_table_names_pictures_of_folders_below_it(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    save(tmp_path / "images" / "a.png")
    save(tmp_path / "images" / "b.png")
    row = '{{"image": "images/{}.png", "text": "above"}}\n'
    (tmp_path / "pairs.jsonl").write_text(row.format("a") + row.format("b"))
    (tmp_path / "images" / "metadata.jsonl").write_text('{"file_name": "b.png", "text": "near"}')
    found = {item.name: item.caption for item in items(tmp_path)}
    assert found == {"images/a.png": "above", "images/b.png": "near"}


def test_pictures_of_all_kinds_are_shown(tmp_path: Path) -> None:
    for suffix in ("gif", "bmp", "tiff"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"a.{suffix}")
    assert [item.name for item in items(tmp_path)] == ["a.bmp", "a.gif", "a.tiff"]


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        list(collect(tmp_path / "none", str))


def test_nothing_in_a_caption_becomes_an_element(tmp_path: Path) -> None:
    save(tmp_path / "a.png", prompt=EVIL)
    (tmp_path / "a.txt").write_text(EVIL)
    (item,) = items(tmp_path)
    plain = Tags(page("ordinary", [card(Item(source=item.source, name="x"), 64)]))
    evil = Tags(page(EVIL, [card(item, 64)]))
    allowed = {tag for tag, _ in plain.tags} | {"dt", "dd", "div"}
    assert {tag for tag, _ in evil.tags} == allowed
    assert sum(tag == "script" for tag, _ in evil.tags) == 1
    assert not any(name.startswith("on") for _, attributes in evil.tags for name in attributes)
    assert evil.words.count("onerror") == 5  # the title twice, the caption twice, the prompt


def test_marks_that_turn_text_around_and_control_characters_are_gone() -> None:
    assert text("a\u202eb\x00c\ud800<&>\"'") == "ab\ufffdc\ufffd&lt;&amp;&gt;&quot;&#x27;"


def test_only_the_one_script_and_style_may_run(tmp_path: Path) -> None:
    source = page("t", [])
    policy = next(
        attributes["content"] or ""
        for _, attributes in Tags(source).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (code,) = re.findall(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_holds_the_pictures_and_names_no_other_place(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (item,) = items(tmp_path)
    tags = Tags(page("t", [card(item, 64)])).tags
    addresses = [v for _, attributes in tags for k, v in attributes.items() if k in ("src", "href")]
    (address,) = [each for each in addresses if each]
    assert address.startswith("data:image/webp;base64,")
    with Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        assert picture.size == (64, 64)


def test_the_command_writes_the_page_and_says_its_size(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    out = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["gallery", str(tmp_path / "in"), "-o", str(out)])
    assert done.exit_code == 0
    assert done.stdout == f"{out}\n"
    assert "1 picture, 0.0 MB" in done.stderr
    assert "a fox" in out.read_text(encoding="utf-8")


def test_the_command_never_writes_over_a_file_unasked(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    out = tmp_path / "page.html"
    out.write_text("mine")
    arguments = ["gallery", str(tmp_path / "in"), "-o", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 8
    assert out.read_text() == "mine"
    assert CliRunner().invoke(app, [*arguments, "--force"]).exit_code == 0


def test_a_damaged_picture_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "b.png")
    whole = (tmp_path / "in" / "b.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["gallery", str(tmp_path / "in"), "-o", str(out)])
    assert done.exit_code == 6
    assert "b.png" in done.stderr
    assert out.exists()


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["gallery", str(tmp_path)])
    assert done.exit_code == 3
    assert "no picture" in done.stderr


def test_a_page_goes_down_a_pipe_too(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    done = CliRunner().invoke(app, ["gallery", str(tmp_path), "-o", "-"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert not Path("-").exists()


def test_a_table_may_hold_marks_that_only_some_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    row = '{{"file_name": "{}.png", "text": "a\u2028fox\x85"}}\r\n'
    table = row.format("a") + row.format("b")
    (tmp_path / "metadata.jsonl").write_text(table, encoding="utf-8", newline="")
    assert [item.caption for item in items(tmp_path)] == ["a\u2028fox\x85"] * 2


def test_pictures_of_other_programs_tell_their_prompt(tmp_path: Path) -> None:
    from PIL import PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 5")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=texts)
    (item,) = items(tmp_path)
    assert item.prompt == "a cat"
    assert item.settings["seed"] == "5"
