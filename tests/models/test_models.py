"""One table drives every model: shapes, gradients, lengths, padding, batch independence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ecgml.errors import ConfigError
from ecgml.models.blocks import SqueezeExcitation, masked_mean
from ecgml.models.build import build_model
from ecgml.models.normalisation import normalise
from ecgml.models.pooling import TemporalPooling
from ecgml.models.recurrent import BidirectionalGRU
from ecgml.models.registry import model_class, model_names
from ecgml.models.settings import ModelSettings

SMALL = ModelSettings(trunk_width=8, trunk_stages=3, gru_width=6, clinical_width=5)
N_FEATURES, N_CLASSES = 7, 4


def model(name: str, settings: ModelSettings = SMALL) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, 12, N_FEATURES, N_CLASSES, settings)


def inputs(n_records: int = 3, n_times: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    waveform = torch.randn(n_records, 12, n_times, generator=generator)
    return waveform, torch.ones(n_records, n_times), torch.randn(n_records, N_FEATURES, generator=generator)


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("n_times", [200, 401, 1000])
def test_any_length_gives_finite_logits(name: str, n_times: int) -> None:
    logits = model(name).eval()(*inputs(3, n_times))
    assert logits.shape == (3, N_CLASSES)
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", model_names())
def test_every_parameter_gets_a_gradient(name: str) -> None:
    network = model(name)
    network(*inputs()).square().sum().backward()
    without = [key for key, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


@pytest.mark.parametrize("name", model_names())
def test_record_is_predicted_the_same_in_any_batch(name: str) -> None:
    network = model(name).eval()
    waveform, mask, clinical = inputs(4)
    together = network(waveform, mask, clinical)
    alone = torch.cat([network(waveform[[row]], mask[[row]], clinical[[row]]) for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", model_names())
def test_more_padding_changes_nothing(name: str) -> None:
    """The forward GRU ends before the padding, and pooling leaves it out; the backward GRU starts in silence.

    Its state after the silence is not quite that of a fresh start, hence the tolerance.
    """
    network = model(name).eval()
    waveform, mask, clinical = inputs(2, 640)
    waveform[:, :, 400:], mask[:, 400:] = 0, 0
    short = network(waveform[:, :, :480], mask[:, :480], clinical)
    torch.testing.assert_close(network(waveform, mask, clinical), short, atol=0.05, rtol=0)


def test_more_padding_changes_nothing_at_all_without_recurrence() -> None:
    network = model("baseline").eval()
    waveform, mask, clinical = inputs(2, 640)
    waveform[:, :, 400:], mask[:, 400:] = 0, 0
    short = network(waveform[:, :, :480], mask[:, :480], clinical)
    torch.testing.assert_close(network(waveform, mask, clinical), short, atol=1e-5, rtol=0)


@pytest.mark.parametrize("blocks", [1, 2])
def test_features_of_what_was_padded_are_silent(blocks: int) -> None:
    """Exactly zero behind the recording's end: nothing there reaches what is pooled or goes back in time."""
    network = model("baseline", ModelSettings(trunk_width=8, trunk_stages=2, stage_blocks=blocks)).eval()
    waveform, mask, _ = inputs(2, 640)
    waveform[:, :, 400:], mask[:, 400:] = 0, 0
    given = []
    for stage in network.trunk.stages:
        stage[0].register_forward_pre_hook(lambda block, arguments: given.append(arguments[0]))
    features, remaining = network.trunk(waveform, mask)
    assert [not x[..., n_times:].any() for x, n_times in zip(given, (200, 100), strict=True)] == [True, True]
    assert not features[..., 50:].any()  # 400 halved three times
    assert features[..., :50].any()
    torch.testing.assert_close(remaining[0, 0, 0], (torch.arange(80) < 50).float(), atol=0, rtol=0)


def test_pooling_is_mean_deviation_and_maximum_of_what_was_recorded() -> None:
    """With a score that is the same at every moment: the plain ones, by NumPy, whatever stands in the padding."""
    pooling = TemporalPooling(3)
    torch.nn.init.zeros_(pooling.score[2].weight)
    sequence = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(0))
    sequence[:, 25:] = 1e3
    mask = (torch.arange(40) < 25).float().expand(2, 40)
    known = sequence[:, :25].numpy()
    expected = np.concatenate([known.mean(axis=1), known.std(axis=1), known.max(axis=1)], axis=1)
    np.testing.assert_allclose(pooling(sequence, mask).detach().numpy(), expected, atol=2e-5)


def test_squeezing_takes_the_mean_of_what_was_recorded() -> None:
    x = torch.randn(2, 5, 1, 40, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(40) < 25).float().expand(2, 1, 1, 40)
    torch.testing.assert_close(masked_mean(x, mask), x[..., :25].mean(dim=-1, keepdim=True), atol=1e-6, rtol=0)
    torch.manual_seed(0)
    block = SqueezeExcitation(5)
    alone = block(x[..., :25], mask[..., :25])
    torch.testing.assert_close(block(x, mask)[..., :25], alone, atol=1e-6, rtol=0)
    assert not torch.equal(alone, x[..., :25])


def test_scale_is_the_root_mean_square_of_what_was_recorded() -> None:
    waveform, mask, _ = inputs(2, 400)
    alone = normalise(waveform[:, :, :300], mask[:, :300])
    waveform[:, :, 300:], mask[:, 300:] = 0, 0
    torch.testing.assert_close(normalise(waveform, mask)[:, :, :300], alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(alone.square().mean(dim=(1, 2)), torch.ones(2), atol=1e-5, rtol=0)


def test_recurrence_runs_both_ways() -> None:
    torch.manual_seed(0)
    network = BidirectionalGRU(4, 6, 0.0)
    sequence = torch.randn(1, 10, 4)
    first, last = sequence.clone(), sequence.clone()
    first[:, 0] += 1
    last[:, -1] += 1
    plain = network(sequence)
    assert plain.shape == (1, 10, 12)
    assert (network(first) - plain)[:, -1].abs().max() > 1e-6
    assert (network(last) - plain)[:, 0].abs().max() > 1e-6


@pytest.mark.parametrize("name", model_names())
def test_gain_of_the_recording_does_not_matter(name: str) -> None:
    network = model(name).eval()
    waveform, mask, clinical = inputs()
    torch.testing.assert_close(
        network(waveform, mask, clinical), network(3 * waveform, mask, clinical), atol=1e-4, rtol=1e-4
    )


def test_fusion_heeds_the_clinical_row_and_the_baseline_does_not() -> None:
    waveform, mask, clinical = inputs()
    heeds = {}
    for name in model_names():
        network = model(name).eval()
        heeds[name] = not torch.equal(network(waveform, mask, clinical), network(waveform, mask, clinical + 1))
    assert heeds == {name: model_class(name).uses_clinical for name in model_names()}
    assert heeds == {"fusion": True, "baseline": False}


def test_lead_that_was_left_out_does_not_change_the_scale_of_the_others() -> None:
    waveform, mask, _ = inputs()
    fewer = waveform.clone()
    fewer[:, 6:] = 0
    scale = normalise(fewer, mask)[:, 0] / fewer[:, 0]
    # Six leads of the same noise have the power of twelve, give or take chance.
    torch.testing.assert_close(scale, normalise(waveform, mask)[:, 0] / waveform[:, 0], atol=0.05, rtol=0.05)


@pytest.mark.parametrize("stages", [1, 5])
@pytest.mark.parametrize("blocks", [1, 2])
def test_trunk_halves_time_once_for_the_stem_and_once_a_stage(stages: int, blocks: int) -> None:
    network = model("fusion", ModelSettings(trunk_width=8, trunk_stages=stages, stage_blocks=blocks))
    waveform, mask, _ = inputs(2, 1000)
    features, remaining = network.trunk(waveform, mask)
    n_times = 1000
    for _ in range(stages + 1):
        n_times = -(-n_times // 2)
    assert features.shape == (2, network.trunk.n_out, 1, n_times)
    assert remaining.shape == (2, 1, 1, n_times)


def test_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="models: 'fussion' is unknown, did you mean 'fusion'"):
        model("fussion")
