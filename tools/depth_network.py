"""The depth network: a U-Net at 1/2 to 1/32 of a picture's size that is told a guessed ground plane.

Its guess is ``plane``: the inverse depth, in 1/m, of level ground 1.6 m below the lens, along the view axis. It is
linear in the picture, nothing at the horizon and negative above it: a photograph's horizon and lens in one plane.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EYE_HEIGHT_M = 1.6  # of the guess
MULTIPLE = 32  # a picture's sides are multiples of this
_PLANES = 4  # colour 3, the guess


class Block(nn.Module):
    """Two 3x3 convolutions with a residual, on features of unit size: without that little but the guess is learnt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(functional.relu(self.norm(x)))))


class DepthNet(nn.Module):
    """fine: channels at half the picture's size; widths: channels at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, fine: int = 24, widths: tuple[int, int, int, int] = (40, 64, 88, 96)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.fine = nn.Conv2d(4 * _PLANES, fine, 3, padding=1)
        self.downs = nn.ModuleList(
            [nn.Conv2d(fine, a, 2, 2), nn.Conv2d(a, b, 2, 2), nn.Conv2d(b, c, 2, 2), nn.Conv2d(c, d, 2, 2)]
        )
        self.encoders = nn.ModuleList([Block(a), Block(b), Block(c)])
        self.middle = nn.ModuleList([Block(d), Block(d)])
        self.whole = nn.Linear(d, d)
        self.ups = nn.ModuleList([nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1), nn.Conv2d(b, a, 1), nn.Conv2d(a, fine, 1)])
        self.decoders = nn.ModuleList([Block(c), Block(b), Block(a)])
        self.join = nn.Conv2d(fine, fine, 3, padding=1)
        self.answer = nn.Conv2d(fine, 2 * 4, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, color: Tensor, plane: Tensor) -> tuple[Tensor, Tensor]:
        """color (B, 3, H, W) sRGB-encoded 0..1, plane (B, 1, H, W); inverse depth in 1/m and sky 0..1, (B, 1, H, W)."""
        log_inverse, sky = self.logs(color, plane)
        return torch.exp(log_inverse), torch.sigmoid(sky)

    def logs(self, color: Tensor, plane: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithm of inverse depth, and sky as a logit."""
        # The slope of a ray, which has no corner at the horizon: one would show wherever the guess is wrong.
        fall = (plane * EYE_HEIGHT_M).clamp(-1.5, 1.5)
        planes = torch.cat([color.clamp(0.0, 1.0) * 3.0 - 1.5, fall * 3.0], 1)
        fine = functional.relu(self.fine(functional.pixel_unshuffle(planes, 2)))
        answer = functional.pixel_shuffle(self.answer(self._features(fine)), 2)
        return (2.0 * answer[:, :1] - 1.5).clamp(-7.0, 4.0), 4.0 * answer[:, 1:]

    def _features(self, fine: Tensor) -> Tensor:
        x, skips = fine, [fine]
        for down, encoder in zip(self.downs, [*self.encoders, nn.Identity()], strict=True):
            x = encoder(functional.relu(down(x)))
            skips.append(x)
        # A room or a view over the sea: the whole picture says it.
        x = x + self.whole(x.mean(dim=(2, 3)))[:, :, None, None]
        for block in self.middle:
            x = block(x)
        for up, skip, decoder in zip(self.ups, skips[-2::-1], [*self.decoders, self.join], strict=True):
            larger = functional.interpolate(up(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decoder(functional.relu(skip + larger))
        return functional.relu(x)


def export_onnx(network: DepthNet, path: str) -> None:
    """Opset 17, dynamic height and width (multiples of 32)."""
    example = (torch.rand(1, 3, 64, 96), torch.rand(1, 1, 64, 96) - 0.3)
    names = ["color", "plane", "inverse_depth", "sky"]
    torch.onnx.export(
        network.eval(),
        example,
        path,
        input_names=names[:2],
        output_names=names[2:],
        dynamic_axes={name: {2: "height", 3: "width"} for name in names},
        opset_version=17,
        dynamo=False,
    )
