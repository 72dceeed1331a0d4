"""docs/errors.md from the registry of codes: python scripts/write_error_docs.py"""

from __future__ import annotations

from pathlib import Path

from unidiff_cli.errors import AREAS
from unidiff_cli.errors.codes import registry

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
HEAD = """\
# Errors

Every error has a code by name, such as `model.missing`. It is in the `error` of a record (`--json`,
the answers of `unidiff batch`) and in the events of `--progress json`, which UNIDIFF_PROGRESS=json
asks of every command; Python has `error.code`.
Sentences may change from version to version; a code keeps its meaning, and later versions may have
more of them. What stands before its dot says the exit code and, in Python, the class in
`unidiff_cli.errors`. A run in which some items failed and others did not ends with 6, and each that
failed has a code of its own. `unidiff schema error` prints all this as JSON.

This page is written by `scripts/write_error_docs.py` from `src/unidiff_cli/errors/codes.toml`.
"""


def page() -> str:
    """The text of docs/errors.md."""
    parts = [HEAD]
    for area, codes in registry().items():
        kind = AREAS[area]
        rows = [f"| `{area}.{name}` | {when} | {what} |" for name, (when, what) in codes.items()]
        lines = [
            f"## Exit code {kind.exit_code}: {area}.* ({kind.__name__})\n",
            *("| code | when | what to do |", "| --- | --- | --- |", *rows),
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
