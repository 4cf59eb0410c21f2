"""The multi-timeframe LSTM's two forms in plain PyTorch, with Athanor's parameter names: its weights load as they are.

Used by scripts/golden/make_models.py, scripts/parity_tests/models.py and scripts/rivals/train_step.py.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, huber_loss, mse_loss, softplus


class Scaler(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, x):
        return ((x.float() - self.mean) / self.scale).clamp(-10, 10)


class Pooling(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, hidden) * 0.02)
        self.attention = nn.MultiheadAttention(hidden, heads, batch_first=True)

    def forward(self, x):
        return self.attention(self.query.expand(len(x), -1, -1), x, x, need_weights=False)[0].squeeze(1)


class Branches(nn.Module):
    """Per timeframe: scaler (where wanted) and LSTM."""

    def __init__(self, names, features, hidden, dropout, scaled):
        super().__init__()
        self.names, self.scaled = names, scaled
        for name in names:
            if scaled:
                self.add_module(f"scaler_{name}", Scaler(features))
            self.add_module(f"lstm_{name}", nn.LSTM(features, hidden, 2, dropout=dropout, batch_first=True))

    def sequences(self, inputs):
        for name, x in zip(self.names, inputs):
            if self.scaled:
                x = getattr(self, f"scaler_{name}")(x)
            yield name, getattr(self, f"lstm_{name}")(x)[0]


class MeanLstm(Branches):
    """The source project's network."""

    def __init__(self, names, features, hidden=128, dropout=0.2, scaled=True):
        super().__init__(names, features, hidden, dropout, scaled)
        self.head_direction, self.head_magnitude = nn.Linear(hidden, 3), nn.Linear(hidden, 1)

    def forward(self, *inputs):
        fused = torch.stack([x[:, -1] for _, x in self.sequences(inputs)], 1).mean(1)
        return {"direction": self.head_direction(fused),
                "magnitude": torch.sigmoid(self.head_magnitude(fused)).squeeze(1) * 4.5 + 0.5}

    def loss(self, outputs, labels):
        return (cross_entropy(outputs["direction"].float(), labels["direction"])
                + 0.5 * huber_loss(outputs["magnitude"].float(), labels["magnitude"]))


class AttentionLstm(Branches):
    """The network that the source project's specification wants."""

    def __init__(self, names, features, hidden=128, dropout=0.2, scaled=True, heads=4, ffn=512):
        super().__init__(names, features, hidden, dropout, scaled)
        for name in names:
            self.add_module(f"norm_{name}", nn.LayerNorm(hidden))
            self.add_module(f"pooling_{name}", Pooling(hidden, heads))
        self.encoder = nn.TransformerEncoderLayer(hidden, heads, ffn, dropout, batch_first=True)
        self.encoder.self_attn.dropout = 0.0  # Athanor leaves the attention weights alone
        self.gate = nn.Linear(hidden, hidden)
        self.head_direction = nn.Linear(hidden, 3)
        self.head_magnitude_scalp, self.head_magnitude_swing = nn.Linear(hidden, 1), nn.Linear(hidden, 1)
        self.head_trend = nn.Linear(hidden, 1)

    def forward(self, *inputs):
        tokens = [getattr(self, f"pooling_{name}")(getattr(self, f"norm_{name}")(x))
                  for name, x in self.sequences(inputs)]
        fused = self.encoder(torch.stack(tokens, 1)).mean(1)
        fused = fused * torch.sigmoid(self.gate(fused))
        swing = softplus(self.head_magnitude_swing(fused)).squeeze(1)
        return {"direction": self.head_direction(fused), "magnitude": swing, "magnitude_swing": swing,
                "magnitude_scalp": softplus(self.head_magnitude_scalp(fused)).squeeze(1),
                "trend": torch.tanh(self.head_trend(fused)).squeeze(1)}

    def loss(self, outputs, labels):
        said = {name: output.float() for name, output in outputs.items()}
        return (0.40 * cross_entropy(said["direction"], labels["direction"])
                + 0.35 * huber_loss(said["magnitude_scalp"], labels["magnitude_scalp"], delta=0.3)
                + 0.15 * huber_loss(said["magnitude_swing"], labels["magnitude_swing"], delta=0.5)
                + 0.10 * mse_loss(said["trend"], labels["trend"]))


def random_labels(batch, generator=None):
    labels = {name: torch.rand(batch, generator=generator) * 4 for name in
              ("magnitude", "magnitude_scalp", "magnitude_swing")}
    labels["direction"] = torch.randint(3, (batch,), generator=generator)
    labels["trend"] = torch.rand(batch, generator=generator) * 2 - 1
    return labels
