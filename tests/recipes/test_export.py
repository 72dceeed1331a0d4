"""What the recipe exports, beside what is shipped."""

from __future__ import annotations

from unidiff_cli.model_config import ModelConfig
from unidiff_cli.registry import STARTER_FOLDER


def test_the_recipe_gives_a_model_the_settings_of_the_shipped_one() -> None:
    from export import SAMPLING

    assert ModelConfig.read(STARTER_FOLDER / "config.json").sampling == SAMPLING
