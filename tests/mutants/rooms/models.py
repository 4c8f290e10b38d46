"""Faults of the networks: padding that takes part, parts that do nothing."""

from __future__ import annotations

from tests.mutants.fault import Fault

TESTS = ("tests/models/test_models.py",)

FAULTS = (
    Fault(
        "models/padding-is-attended-to",
        "ecgml/models/pooling.py",
        ".masked_fill(absent, -torch.inf).softmax(dim=1)",
        ".softmax(dim=1)",
        "mean and deviation are over the padding, too",
        TESTS,
    ),
    Fault(
        "models/padding-may-be-the-maximum",
        "ecgml/models/pooling.py",
        "sequence.masked_fill(absent, torch.finfo(sequence.dtype).min).amax(dim=1)",
        "sequence.amax(dim=1)",
        "the maximum may stand in the padding",
        TESTS,
    ),
    Fault(
        "models/variance-for-deviation",
        "ecgml/models/pooling.py",
        "(variance + 1e-5).sqrt()",
        "variance",
        "pooled deviations are squared",
        TESTS,
    ),
    Fault(
        "models/padding-is-squeezed",
        "ecgml/models/blocks.py",
        "weights = mask / mask.sum(dim=-1, keepdim=True).clamp(min=1)",
        "weights = torch.ones_like(mask) / mask.shape[-1]",
        "squeeze-and-excitation averages over the padding",
        TESTS,
    ),
    Fault(
        "models/excitation-does-nothing",
        "ecgml/models/blocks.py",
        "return x * self.gate(masked_mean(x, mask))",
        "return x",
        "squeeze-and-excitation is left out",
        TESTS,
    ),
    Fault(
        "models/block-fills-padding",
        "ecgml/models/blocks.py",
        "return self.activation(inner + self.shortcut(x)) * mask",
        "return self.activation(inner + self.shortcut(x))",
        "biases of the norms make a signal of the padding",
        TESTS,
    ),
    Fault(
        "models/no-shortcut",
        "ecgml/models/blocks.py",
        "self.activation(inner + self.shortcut(x))",
        "self.activation(inner)",
        "blocks are not residual",
        TESTS,
    ),
    Fault(
        "models/stem-fills-padding",
        "ecgml/models/trunk.py",
        "        x = x * mask\n",
        "        x = x * torch.ones_like(mask)\n",
        "the stem's norm makes a signal of the padding",
        TESTS,
    ),
    Fault(
        "models/no-attention",
        "ecgml/models/trunk.py",
        "                x = self.attention[index - 1](x)",
        "                x = x",
        "spatial attention is left out",
        TESTS,
    ),
    Fault(
        "models/padding-scales",
        "ecgml/models/fusion.py",
        "(used * mask.sum(dim=1).clamp(min=1))",
        "(used * mask.shape[1])",
        "a short record is made larger than a long one",
        TESTS,
    ),
    Fault(
        "models/absent-leads-scale",
        "ecgml/models/fusion.py",
        "used = (waveform != 0).any(dim=2).sum(dim=1).clamp(min=1)",
        "used = waveform.shape[1]",
        "a record of few leads is made larger than one of twelve",
        TESTS,
    ),
    Fault(
        "models/gain-is-seen",
        "ecgml/models/fusion.py",
        "return self.from_normalised(normalise(waveform, mask), mask, clinical)\n\n    def from_normalised(self, "
        'waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:\n        """As :meth:`forward`',
        "return self.from_normalised(waveform, mask, clinical)\n\n    def from_normalised(self, "
        'waveform: Tensor, mask: Tensor, clinical: Tensor) -> Tensor:\n        """As :meth:`forward`',
        "the recorder's gain decides the rhythm",
        TESTS,
    ),
    Fault(
        "models/clinical-row-ignored",
        "ecgml/models/fusion.py",
        "torch.cat([pooled, self.clinical(clinical)], dim=1)",
        "torch.cat([pooled, self.clinical(clinical * 0)], dim=1)",
        "fusion does not see the clinical row",
        TESTS,
    ),
    Fault(
        "models/recurrence-runs-one-way",
        "ecgml/models/recurrent.py",
        "nn.GRU(n_in, width, num_layers=2, batch_first=True, bidirectional=True, dropout=dropout)",
        "nn.GRU(n_in, 2 * width, num_layers=2, batch_first=True, dropout=dropout)",
        "the GRU knows nothing of what comes later",
        TESTS,
    ),
    Fault(
        "models/recurrence-over-records",
        "ecgml/models/recurrent.py",
        "num_layers=2, batch_first=True, bidirectional=True",
        "num_layers=2, batch_first=False, bidirectional=True",
        "a record's prediction depends on the others in its batch",
        TESTS,
    ),
)
