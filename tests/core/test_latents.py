"""Latents on the way between two of them."""

from __future__ import annotations

import torch

from unidiff_cli.core.latents import Latent, slerp


class TestSlerp:
    def rows(self, seed: int) -> Latent:
        draw = torch.Generator().manual_seed(seed)
        return Latent(tuple(torch.randn(2, *s, generator=draw) for s in ((4, 4, 4), (1, 16))))

    def test_it_begins_and_ends_where_it_should(self) -> None:
        a, b = self.rows(0), self.rows(1)
        for at, end in ((0.0, a), (1.0, b)):
            for got, wanted in zip(slerp(a, b, at).parts, end.parts, strict=True):
                assert torch.allclose(got, wanted, atol=1e-5)

    def test_lengths_change_evenly_and_angles_too(self) -> None:
        a, b = self.rows(0), 2.0 * self.rows(1)
        part_a, part_b = (latent.parts[0].flatten(1) for latent in (a, b))
        middle = slerp(a, b, 0.25).parts[0].flatten(1)
        wanted = 0.75 * part_a.norm(dim=1) + 0.25 * part_b.norm(dim=1)
        assert torch.allclose(middle.norm(dim=1), wanted, atol=1e-4)
        cosine = torch.nn.functional.cosine_similarity
        whole = cosine(part_a, part_b).arccos()
        assert torch.allclose(cosine(part_a, middle).arccos(), 0.25 * whole, atol=1e-4)

    def test_rows_and_parts_do_not_see_each_other(self) -> None:
        a, b = self.rows(0), self.rows(1)
        alone = slerp(a[slice(1, 2)], b[slice(1, 2)], 0.3)
        both = slerp(a, b, 0.3)[slice(1, 2)]
        for one, other in zip(alone.parts, both.parts, strict=True):
            assert torch.allclose(one, other)

    def test_parallel_ends_are_joined_by_a_line(self) -> None:
        a = self.rows(0)
        for factor in (1.0, 3.0):
            for got, part in zip(slerp(a, factor * a, 0.5).parts, a.parts, strict=True):
                assert torch.allclose(got, (1 + factor) / 2 * part, atol=1e-4)

    def test_a_zero_is_no_accident(self) -> None:
        zero = Latent((torch.zeros(1, 4),))
        assert bool(slerp(zero, Latent((torch.ones(1, 4),)), 0.5).finite.all())
