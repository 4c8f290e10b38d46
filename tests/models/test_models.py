"""One table drives every model: shapes, gradients, lengths, padding, batch independence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ecgml.errors import ConfigError
from ecgml.models.build import build_model
from ecgml.models.fusion import normalise
from ecgml.models.settings import MODELS, ModelSettings

SMALL = ModelSettings(trunk_width=8, trunk_stages=3, gru_width=6, clinical_width=5)
N_FEATURES, N_CLASSES = 7, 4


def model(name: str, settings: ModelSettings = SMALL) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, 12, N_FEATURES, N_CLASSES, settings)


def inputs(n_records: int = 3, n_times: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    waveform = torch.randn(n_records, 12, n_times, generator=generator)
    return waveform, torch.ones(n_records, n_times), torch.randn(n_records, N_FEATURES, generator=generator)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_times", [200, 401, 1000])
def test_any_length_gives_finite_logits(name: str, n_times: int) -> None:
    logits = model(name).eval()(*inputs(3, n_times))
    assert logits.shape == (3, N_CLASSES)
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    network = model(name)
    network(*inputs()).square().sum().backward()
    without = [key for key, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


@pytest.mark.parametrize("name", MODELS)
def test_record_is_predicted_the_same_in_any_batch(name: str) -> None:
    network = model(name).eval()
    waveform, mask, clinical = inputs(4)
    together = network(waveform, mask, clinical)
    alone = torch.cat([network(waveform[[row]], mask[[row]], clinical[[row]]) for row in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_more_padding_changes_nothing(name: str) -> None:
    """The forward GRU ends before the padding, and pooling leaves it out; the backward GRU starts in silence.

    Its state after the silence is not quite that of a fresh start, hence the tolerance.
    """
    network = model(name).eval()
    waveform, mask, clinical = inputs(2, 640)
    waveform[:, :, 400:], mask[:, 400:] = 0, 0
    short = network(waveform[:, :, :480], mask[:, :480], clinical)
    torch.testing.assert_close(network(waveform, mask, clinical), short, atol=0.05, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_gain_of_the_recording_does_not_matter(name: str) -> None:
    network = model(name).eval()
    waveform, mask, clinical = inputs()
    torch.testing.assert_close(
        network(waveform, mask, clinical), network(3 * waveform, mask, clinical), atol=1e-4, rtol=1e-4
    )


def test_fusion_heeds_the_clinical_row_and_the_baseline_does_not() -> None:
    waveform, mask, clinical = inputs()
    heeds = {}
    for name in MODELS:
        network = model(name).eval()
        heeds[name] = not torch.equal(network(waveform, mask, clinical), network(waveform, mask, clinical + 1))
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
