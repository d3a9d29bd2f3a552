"""Quantiles and blocks of measurements."""

import pytest

from tests.load.samples import blocks, median, quantile


def test_a_quantile_is_a_sample_that_its_share_of_all_do_not_exceed() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert quantile(samples, 0.99) == 99
    assert quantile(samples, 1.0) == 100
    assert quantile(samples, 0.0) == 1
    assert median([3.0, 1.0, 2.0]) == 2
    assert quantile([7.0], 0.99) == 7


def test_there_is_no_quantile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_blocks_follow_one_another_and_lose_nothing() -> None:
    samples = [float(number) for number in range(10)]
    parts = blocks(samples, 4)
    assert [time for part in parts for time in part] == samples
    assert {len(part) for part in parts} == {2, 3}


def test_few_samples_make_few_blocks() -> None:
    assert blocks([1.0, 2.0], 4) == [[1.0], [2.0]]
