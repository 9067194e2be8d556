"""What is heard of a difference: the measure that a codec is judged by."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks import bare, coders
from tests.benchmarks.hearing import Floats, Quality, judge, noise_to_mask

RATE = 24_000
SECONDS = 2
TIMES = np.arange(SECONDS * RATE) / RATE


def noise(low: float, high: float, level: float, *, seed: int = 1, rate: int = RATE) -> Floats:
    """Make noise between two frequencies (Hz), with a root mean square of so much."""
    count = SECONDS * rate
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    bins = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(bins < low) | (bins > high)] = 0
    samples = np.fft.irfft(spectrum, count)
    return np.asarray(samples * level / np.sqrt(np.mean(samples**2)))


def tone(hertz: float, level: float) -> Floats:
    """Make a sine, with a root mean square of so much."""
    return np.asarray(level * np.sqrt(2) * np.sin(2 * np.pi * hertz * TIMES))


def pcm(samples: Floats) -> bytes:
    """Write samples as s16le."""
    return np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()


def heard(original: Floats, copy: Floats, *, rate: int = RATE) -> Quality:
    """Judge a copy."""
    return judge(pcm(original), pcm(copy), sample_rate=rate)


def test_the_same_is_best() -> None:
    """A copy that is the original has no noise, disturbs no window, and reaches the best SNR that is counted."""
    original = noise(100, 8000, 2000)
    quality = heard(original, original)
    assert quality.nmr_db < -60
    assert (quality.disturbed, quality.snr_db, quality.lag) == (0, 35, 0)


def test_more_noise_is_worse() -> None:
    """Each step of added noise raises noise to mask, and lowers the SNR."""
    original, added = noise(100, 8000, 2000), noise(100, 8000, 1, seed=2)
    found = [heard(original, original + level * added) for level in (20, 60, 200, 600, 2000)]
    ratios = [each.nmr_db for each in found]
    assert ratios == sorted(ratios)
    assert ratios[-1] - ratios[0] > 25
    assert [each.snr_db for each in found] == sorted((each.snr_db for each in found), reverse=True)
    assert [found[0].disturbed, found[-1].disturbed] == [0, 1]


def test_noise_under_a_masker_counts_less() -> None:
    """The same noise is masked beneath a louder band of its own, and heard where that band is far away."""
    masker = noise(900, 1100, 3000)
    under, below, above = (
        heard(masker, masker + noise(*band, 60, seed=2)) for band in ((900, 1100), (250, 350), (6000, 7000))
    )
    assert under.nmr_db < -10
    assert under.disturbed == 0
    assert min(below.nmr_db, above.nmr_db) > under.nmr_db + 20
    assert below.disturbed == above.disturbed == 1
    assert abs(under.snr_db - above.snr_db) < 1


def test_masking_reaches_further_upwards() -> None:
    """Noise two Bark above a loud band is masked better than noise two Bark below it."""
    masker = noise(950, 1050, 6000)
    lower, upper = (heard(masker, masker + noise(*band, 30, seed=3)) for band in ((670, 730), (1350, 1450)))
    assert upper.nmr_db < lower.nmr_db - 5


def test_a_sound_masks_what_follows_it() -> None:
    """The same noise counts less in the first window that begins after a loud sound has ended than it does later."""
    quiet = tone(300, 40)
    ratios = noise_to_mask(tone(300, 8000) * (TIMES < 1) + quiet, tone(300, 8000) * (TIMES < 1) + quiet * 1.5, RATE)
    after = RATE // 512 + 1
    assert ratios[after].mean() < ratios[after + 20].mean() / 10


def test_what_nobody_hears_is_masked() -> None:
    """Noise below the threshold of hearing is no noise, though the sound is far from it."""
    original = tone(300, 1000)
    assert heard(original, original + noise(10_000, 11_500, 0.6)).nmr_db < -10


@pytest.mark.parametrize("late", [-700, 0, 1024, 2112])
def test_a_delay_is_no_difference(late: int) -> None:
    """A copy that comes later (an encoder's priming), or lost its beginning, is moved to where it belongs."""
    original = noise(100, 8000, 2000)
    copy = np.concatenate((np.zeros(late), original)) if late >= 0 else original[-late:]
    quality = heard(original, copy)
    assert quality.lag == late
    assert quality.nmr_db < -60


def test_pauses_are_not_judged() -> None:
    """What happens while the original is silent changes neither ratio: no sound is there to be spoilt."""
    speech = noise(100, 8000, 2000) * (TIMES < 1)
    copy = speech + noise(100, 8000, 100, seed=6)
    whole = heard(speech, copy)
    assert whole.nmr_db == pytest.approx(heard(speech[: RATE - 600], copy[: RATE - 600]).nmr_db, abs=1)


def test_silence_is_refused() -> None:
    """Where there is nothing to be heard, there is nothing to judge."""
    with pytest.raises(ValueError, match="nothing to be heard"):
        judge(bytes(RATE), bytes(RATE), sample_rate=RATE)
    with pytest.raises(ValueError, match="nothing to be heard"):
        judge(pcm(tone(440, 1000))[:400], pcm(tone(440, 1000))[:400], sample_rate=RATE)


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_the_rate_changes_little(rate: int) -> None:
    """The same sound and the same noise are judged alike at any sampling rate that carries both."""
    found = []
    for each in (RATE, rate):
        original = noise(200, 6000, 2000, rate=each)
        bands = noise_to_mask(original, original, each).shape[1]
        found.append((bands, heard(original, original + noise(200, 6000, 200, seed=2, rate=each), rate=each)))
    (fewer, one), (more, other) = found
    assert one.snr_db == pytest.approx(other.snr_db, abs=0.5)
    # The mean is over all bands, of which a higher rate has more.
    assert other.nmr_db + 10 * np.log10(more / fewer) == pytest.approx(one.nmr_db, abs=1)


def test_fewer_bits_are_heard() -> None:
    """This ffmpeg has the coder that is chosen and the default one; half the bits raise noise to mask."""
    assert {bare.CODER, "twoloop"} <= set(bare.coders())
    voice = pcm(sum((tone(hertz, 900) for hertz in (200, 400, 600, 2400)), start=noise(3000, 7000, 400)))
    found = coders.code(voice, [(bare.CODER, "64k"), (bare.CODER, "24k")], rounds=1)
    good, poor = found.values()
    assert good.quality.nmr_db < poor.quality.nmr_db - 3
    assert 40_000 < good.bits_per_second < 90_000
    assert good.cpu > 0
