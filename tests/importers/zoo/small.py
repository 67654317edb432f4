"""Models of the zoo that no library publishes, or only as layers: written as their papers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Case = tuple[Any, Any, Callable[[Any], Any]]
"""A model, its arguments, and a loss of its output."""
Module: Any = nn.Module


def squares(out: Any) -> Any:
    """The mean square of the first output."""
    return (out[0] if isinstance(out, tuple) else out).square().mean()


def classes(count: int, *shape: int) -> Callable[[Any], Any]:
    """Cross entropy with classes drawn now."""
    target = torch.randint(count, shape)
    return lambda out: F.cross_entropy(out, target)


def mlp() -> Case:
    layers = [layer for _ in range(8) for layer in (nn.Linear(16, 16), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(16, 10)), (torch.randn(8, 16),), classes(10, 8)


def lenet() -> Case:
    features = [nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(16, 120, 5), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    heads = [nn.Linear(480, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *heads), (torch.randn(4, 1, 64, 64),), classes(10, 4)


def lstm() -> Case:
    return nn.LSTM(6, 8, num_layers=2, batch_first=True), (torch.randn(4, 7, 6),), squares


class Unrolled(Module):  # type: ignore[misc]  # torch has no types
    """A cell called once a step."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Any) -> Any:
        h = c = x.new_zeros(x.shape[0], self.cell.hidden_size)
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
        return h


def lstm_cell() -> Case:
    return Unrolled(nn.LSTMCell(6, 8)), (torch.randn(4, 5, 6),), squares


def gru() -> Case:
    return nn.GRU(6, 8, num_layers=2, bidirectional=True), (torch.randn(7, 4, 6),), squares


def rnn() -> Case:
    return nn.RNN(6, 8, num_layers=2, nonlinearity="relu", batch_first=True), (torch.randn(4, 9, 6),), squares


def transformer_encoder() -> Case:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
    return nn.TransformerEncoder(layer, 6), (torch.randn(4, 9, 16),), squares


def _double(into: int, out: int) -> Any:
    layers = [nn.Conv2d(into, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
    layers += [nn.Conv2d(out, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(Module):  # type: ignore[misc]  # as above
    """Ronneberger and others' net, with batch norms: down, across and up again, by turns learnt and bilinear."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([_double(1, 4), _double(4, 8), _double(8, 16), _double(16, 32)])
        self.grow = nn.ModuleList([nn.ConvTranspose2d(32, 16, 2, stride=2), nn.Conv2d(16, 8, 1), nn.Conv2d(8, 4, 1)])
        self.up = nn.ModuleList([_double(32, 16), _double(16, 8), _double(8, 4)])
        self.head = nn.Conv2d(4, 3, 1)

    def forward(self, x: Any) -> Any:
        kept: list[Any] = []
        for block in self.down:
            x = block(x if not kept else F.max_pool2d(x, 2))
            kept.append(x)
        for block, grow, across in zip(self.up, self.grow, reversed(kept[:-1]), strict=True):
            if isinstance(grow, nn.Conv2d):
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = block(torch.cat([across, grow(x)], dim=1))
        return self.head(x)


def unet() -> Case:
    return UNet(), (torch.randn(4, 1, 64, 64),), classes(3, 4, 64, 64)


class Dlrm(Module):  # type: ignore[misc]  # as above
    """Naumov and others' model: bags of embeddings, pairwise products, and a perceptron at each end."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.EmbeddingBag(n, 8, mode="sum") for n in (20, 30, 11, 7)])
        self.bottom = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(18, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, dense: Any, ids: Any, offsets: Any) -> Any:
        x = self.bottom(dense)
        found = torch.stack([x, *(table(ids[k], offsets) for k, table in enumerate(self.tables))], dim=1)
        pairs = torch.bmm(found, found.transpose(1, 2))
        i, j = torch.tril_indices(5, 5, offset=-1)
        return torch.sigmoid(self.top(torch.cat([x, pairs[:, i, j]], dim=1)))


def dlrm() -> Case:
    target = torch.rand(6, 1).round()
    args = torch.randn(6, 13), torch.randint(7, (4, 18)), torch.arange(0, 18, 3)
    return Dlrm(), args, lambda out: F.binary_cross_entropy(out, target)


class Attending(Module):  # type: ignore[misc]  # as above
    """A layer of Velickovic and others' graph attention over a list of edges."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.turn, self.a = nn.Linear(into, out, bias=False), nn.Parameter(torch.randn(2 * out) / out)

    def forward(self, x: Any, edges: Any) -> Any:
        h, (source, target) = self.turn(x), edges
        score = F.leaky_relu(torch.cat([h[source], h[target]], dim=-1) @ self.a, 0.2)
        weight = torch.exp(score - score.max())
        total = torch.zeros(x.shape[0], dtype=x.dtype).index_add(0, target, weight)
        share = (weight / total[target]).unsqueeze(-1)
        return torch.zeros_like(h).scatter_add(0, target.unsqueeze(-1).expand(-1, h.shape[1]), share * h[source])


class Gnn(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Attending(6, 8), Attending(8, 8), Attending(8, 4)])

    def forward(self, x: Any, edges: Any) -> Any:
        for layer in self.layers:
            x = F.elu(layer(x, edges))
        return x


def gnn() -> Case:
    edges = torch.cat([torch.randint(12, (2, 40)), torch.arange(12).expand(2, 12)], dim=1)
    return Gnn(), (torch.randn(12, 6), edges), classes(4, 12)


class Vae(Module):  # type: ignore[misc]  # as above
    """Kingma and Welling's autoencoder of images, with its noise drawn inside; it gives its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 4, 2, 1), nn.SiLU(), nn.Conv2d(4, 8, 4, 2, 1), nn.SiLU(), nn.Flatten()
        )
        self.mean, self.spread, self.back = nn.Linear(2048, 8), nn.Linear(2048, 8), nn.Linear(8, 2048)
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (8, 16, 16)), nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        h = self.encoder(x)
        mean, spread = self.mean(h), self.spread(h)
        y = self.decoder(self.back(mean + torch.randn_like(mean) * torch.exp(0.5 * spread)))
        divergence = -0.5 * torch.sum(1 + spread - mean.pow(2) - spread.exp())
        return F.binary_cross_entropy(y, x, reduction="sum") + divergence


def vae() -> Case:
    return Vae(), (torch.rand(4, 1, 64, 64),), lambda out: out


class Residual(Module):  # type: ignore[misc]  # as above
    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, into), nn.Conv2d(into, out, 3, padding=1)
        self.time, self.norm2 = nn.Linear(16, out), nn.GroupNorm(4, out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.across = nn.Identity() if into == out else nn.Conv2d(into, out, 1)

    def forward(self, x: Any, t: Any) -> Any:
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(t))[:, :, None, None]
        return self.across(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(Module):  # type: ignore[misc]  # as above
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.heads = nn.GroupNorm(4, channels), nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        h = self.norm(x).flatten(2).transpose(1, 2)
        return x + self.heads(h, h, h, need_weights=False)[0].transpose(1, 2).reshape(x.shape)


class Diffusion(Module):  # type: ignore[misc]  # as above
    """Ho and others' net: residual blocks that are told the time, attention where the image is small."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(16, 16), nn.SiLU(), nn.Linear(16, 16))
        self.first, self.down1, self.down2 = nn.Conv2d(1, 8, 3, padding=1), Residual(8, 8), Residual(8, 16)
        self.half1, self.half2 = nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1)
        self.middle, self.attention = Residual(16, 16), Attention(16)
        self.up1, self.up2, self.last = Residual(32, 8), Residual(16, 8), nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x: Any, t: Any) -> Any:
        angles = t[:, None] * torch.exp(torch.arange(8) * -0.9)
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        a = self.down1(self.first(x), time)
        b = self.down2(self.half1(a), time)
        h = self.attention(self.middle(self.half2(b), time))
        h = self.up1(torch.cat([F.interpolate(h, scale_factor=2, mode="nearest"), b], dim=1), time)
        return self.last(self.up2(torch.cat([F.interpolate(h, scale_factor=2, mode="nearest"), a], dim=1), time))


def diffusion() -> Case:
    noise = torch.randn(4, 1, 64, 64)
    return Diffusion(), (torch.randn(4, 1, 64, 64), torch.rand(4) * 100), lambda out: F.mse_loss(out, noise)


SMALL: dict[str, Callable[[], Case]] = {
    "mlp": mlp, "lenet": lenet, "lstm": lstm, "lstm cell": lstm_cell, "gru": gru, "rnn": rnn,
    "transformer encoder": transformer_encoder, "u-net": unet, "dlrm": dlrm, "gnn": gnn, "vae": vae,
    "diffusion u-net": diffusion,
}  # fmt: skip
