"""The schedule against its reference values, and as a function of time."""

from __future__ import annotations

import math

import pytest

from unidiff_cli.core.schedule import stable_diffusion

REFERENCE = {  # t: alpha, sigma, half the log-SNR
    1.0: (0.0682649, 0.9976673, -2.682024),
    0.98002: (0.0768855, 0.9970400, -2.562474),
    0.9: (0.1195770, 0.9928249, -2.116594),
    0.5: (0.5269434, 0.8499004, -0.478026),
    0.1: (0.9462888, 0.3233227, 1.073897),
    0.0015: (0.9993613, 0.0357364, 3.330947),
    0.001: (0.9995749, 0.0291551, 3.534699),
}


@pytest.mark.parametrize("t", REFERENCE)
def test_reference_values(t: float) -> None:
    schedule = stable_diffusion()
    alpha, sigma, log_snr = REFERENCE[t]
    assert (schedule.alpha(t), schedule.sigma(t)) == pytest.approx((alpha, sigma), abs=1e-6)
    # The reference was summed up in float32, which shows where there is little noise.
    assert schedule.log_snr(t) == pytest.approx(log_snr, abs=2e-5)


def test_the_knots_are_the_thousand_training_steps() -> None:
    schedule = stable_diffusion()
    assert len(schedule.log_alphas) == 1000
    squares = [math.exp(2 * schedule.log_alphas[n]) for n in (0, 499, 999)]
    assert squares == pytest.approx([0.99915, 0.2776697, 0.0046601], abs=1e-7)
    for n in (0, 1, 499, 998, 999):
        assert schedule.log_alpha((n + 1) / 1000) == pytest.approx(
            schedule.log_alphas[n], abs=1e-12
        )


def test_log_alpha_is_straight_between_knots_and_goes_straight_on() -> None:
    log_alpha = stable_diffusion().log_alpha
    for low, middle, high in [(0.5, 0.5004, 0.501), (0.0, 0.0005, 0.002), (0.999, 1.0, 1.002)]:
        share = (middle - low) / (high - low)
        straight = (1 - share) * log_alpha(low) + share * log_alpha(high)
        assert log_alpha(middle) == pytest.approx(straight, abs=1e-12)
    assert log_alpha(0.0015) != pytest.approx((log_alpha(0.0005) + log_alpha(0.0025)) / 2, abs=1e-8)


def test_signal_falls_and_its_square_and_the_noise_square_are_one() -> None:
    schedule = stable_diffusion()
    times = [n / 777 for n in range(1, 778)]
    snr = [schedule.log_snr(t) for t in times]
    assert snr == sorted(snr, reverse=True)
    for t in times:
        assert schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2 == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("t", [0.001, 0.00123, 0.0015, 0.002, 0.3, 0.5004, 0.98002, 0.9999, 1.0])
def test_time_is_the_inverse_of_log_snr(t: float) -> None:
    schedule = stable_diffusion()
    assert schedule.time(schedule.log_snr(t)) == pytest.approx(t, rel=1e-9)
