"""Options for what becomes of the results of some modes."""

from __future__ import annotations

from typing import Annotated, Literal

from unidiff_cli.cli.options.shared import output_option

Grid = Annotated[
    bool,
    output_option(
        "--grid", help="Also make a contact sheet with captions; with -o FILE, only the sheet."
    ),
]
Format = Annotated[
    Literal["webdataset", "jsonl", "imagefolder"] | None,
    output_option(
        "--format",
        help="Write training data into the folder -o: tar files, a table of paths, or pictures "
        "with metadata.jsonl. The same command again continues it.",
    ),
]
Captions = Annotated[
    Literal["beside"] | None,
    output_option(
        "--captions",
        help="beside: write photo.txt beside photo.jpg. Several processes share the work.",
    ),
]
SkipExisting = Annotated[
    bool,
    output_option("--skip-existing", help="With --captions, the same as --existing skip."),
]
Existing = Annotated[
    Literal["skip", "overwrite", "append"] | None,
    output_option(
        "--existing",
        help="With --captions, what is done where there is a caption; a blank one is none. "
        "append puts the new one behind it, after a comma.",
    ),
]
Suffix = Annotated[
    str | None,
    output_option(
        "--suffix", metavar=".SUFFIX", help="With --captions, of their files: .txt by default."
    ),
]
Prefix = Annotated[
    str | None,
    output_option(
        "--prefix", metavar="WORDS", help="With --captions, what each begins with: 'zorp, '."
    ),
]
Show = Annotated[
    bool,
    output_option(
        "--show",
        help="Also draw pictures on the terminal: by Kitty's protocol or Sixel with the extra "
        "[show] installed, else in half blocks.",
    ),
]
Preview = Annotated[
    str | None,
    output_option(
        "--preview",
        metavar="WHERE",
        help="The picture as it forms: - draws it above the progress bar; a file is replaced "
        "at every step.",
    ),
]
