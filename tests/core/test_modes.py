"""The square: which legs exist, and that the modes are the table."""

from __future__ import annotations

from itertools import product

import pytest

from unidiff_cli.core.modes import MODES, Leg, Mode, Role
from unidiff_cli.core.pair import MODALITIES, Pair

S, G, A = Role.SAMPLED, Role.GIVEN, Role.ABSENT
LEGAL = {(S, G), (G, S), (S, S), (S, A), (A, S)}


@pytest.mark.parametrize(("image", "text"), list(product(Role, Role)))
def test_five_of_nine_pairs_of_roles_are_legs(image: Role, text: Role) -> None:
    if (image, text) in LEGAL:
        leg = Leg(image, text)
        assert (leg.image, leg.text) == (image, text)
        assert {m for role in Role for m in leg.which(role)} == set(MODALITIES)
        assert all(leg[m] is role for role in Role for m in leg.which(role))
    else:
        with pytest.raises(ValueError, match="samples"):
            Leg(image, text)


def test_the_seven_modes_and_the_edit() -> None:
    table = {
        "t2i": [(S, G)],
        "i2t": [(G, S)],
        "joint": [(S, S)],
        "i": [(S, A)],
        "t": [(A, S)],
        "i2t2i": [(G, S), (S, G)],
        "t2i2t": [(S, G), (G, S)],
        "edit": [(G, S), (S, G)],
    }
    assert {name: [(x.image, x.text) for x in mode.legs] for name, mode in MODES.items()} == table
    assert all(name == mode.name for name, mode in MODES.items())
    assert {leg for legs in table.values() for leg in legs} == LEGAL


@pytest.mark.parametrize(
    ("name", "needs", "yields"),
    [
        ("t2i", "text", ("image",)),
        ("i2t", "image", ("text",)),
        ("joint", None, ("image", "text")),
        ("i", None, ("image",)),
        ("t", None, ("text",)),
        ("i2t2i", "image", ("image",)),
        ("t2i2t", "text", ("text",)),
        ("edit", "image", ("image",)),
    ],
)
def test_what_a_mode_needs_and_yields(
    name: str, needs: str | None, yields: tuple[str, ...]
) -> None:
    mode: Mode = MODES[name]
    assert (mode.needs, mode.yields) == (needs, yields)


def test_what_a_leg_is_given_an_earlier_one_sampled() -> None:
    for mode in MODES.values():
        known = {mode.needs} - {None}
        for leg in mode.legs:
            assert set(leg.which(G)) <= known
            known |= set(leg.which(S))


def test_a_walk_leaves_out_what_is_given_begins_lower_and_holds_levels() -> None:
    clean, half = Pair(0.0, 0.0), Pair(0.2, 0.5)
    read, drawn = MODES["edit"].legs
    assert (read.first, drawn.first) == (1.0, 0.6)
    assert MODES["edit"].along({"image"}, None, clean).legs == (read, drawn)
    assert MODES["edit"].along({"image", "text"}, 0.3, clean).legs == (Leg(S, G, first=0.3),)
    assert MODES["edit"].along({"image"}, 1.0, clean).legs == MODES["i2t2i"].legs
    for mode in list(MODES.values())[:7]:
        assert not mode.revises
        assert mode.along({mode.needs} - {None}, None, clean) == mode
    assert MODES["i2t2i"].along({"image"}, None, half).legs == (
        Leg(G, S, level=0.2),
        Leg(S, G, level=0.5),
    )
    assert MODES["joint"].along((), None, half) == MODES["joint"]


def test_joint_goes_along_the_diagonal_or_along_two_edges() -> None:
    clean, joint = Pair(0.0, 0.0), MODES["joint"]
    by_order = {name: joint.along((), None, clean, name) for name in ("together", *joint.orders)}
    assert {name: walk.legs for name, walk in by_order.items()} == {
        "together": (Leg(S, S),),
        "text-first": (Leg(A, S), Leg(S, G)),
        "image-first": (Leg(S, A), Leg(G, S)),
    }
    assert {walk.yields for walk in by_order.values()} == {("image", "text")}
    assert [name for name, mode in MODES.items() if mode.orders] == ["joint"]


@pytest.mark.parametrize("leg", sorted(LEGAL, key=str))
def test_guidance_pushes_off_the_opposite_edge(leg: tuple[Role, Role]) -> None:
    bare = {modality: Leg(*leg).alone(modality) for modality in MODALITIES}
    assert bare == {"image": Leg(S, A), "text": Leg(A, S)}


def test_a_pair_holds_one_value_for_each_modality() -> None:
    pair = Pair(1, 2)
    assert (pair["image"], pair["text"]) == (1, 2)
    assert pair.put("image", 5) == Pair(5, 2)
    assert pair.put("text", 5) == Pair(1, 5)
    assert pair.map(str) == Pair("1", "2")
    assert pair == Pair(1, 2)
