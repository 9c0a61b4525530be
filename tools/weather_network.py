"""The weather network: a U-Net below half the size, steered by the look, that gives a gain and a bias a pixel.

The change it makes is multiplied by 1 - (1-snow)(1-night)...: with every fader at zero the answer is exactly the
picture itself. What it is told is what the engine can tell it of any plate: colour, inverse depth, detail noise, look.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LOOKS = 6
FADER_CURVE = 1.5  # as weather_shade has it
# In ACEScct: what is above KNEE (3.6 times white) is a light, and how bright it is the network does not see.
SHOULDER, KNEE = 0.54, 0.66
DULLEST = 0.02  # the least that is left of the steps among lights: always in their order, and never turned
PLANES = 9  # colour 3, depth 2, depth's slope 2, noise, clearness of the air


class Steered(nn.Module):
    """Two 3x3 convolutions with a residual, each followed by a scale and shift that the look (and the scene) decide."""

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.steer = nn.Linear(context, 2 * channels)
        nn.init.zeros_(self.steer.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.steer(context)[:, :, None, None].chunk(2, dim=1)
        y = functional.relu(self.first(x) * (1.0 + scale) + shift)
        return x + functional.relu(self.second(y))


class WeatherNet(nn.Module):
    """fine: channels at half the picture's size; widths: channels at 1/4, 1/8 and 1/16.

    Nothing but the first convolution reads full resolution, and the answer's 2x2 pixels are channels until the end. The
    half-size features see every pixel and go to the answer directly, which keeps edges as sharp as the picture's.
    """

    def __init__(self, fine: int = 32, widths: tuple[int, int, int] = (32, 64, 128), context: int = 64) -> None:
        super().__init__()
        a, b, c = widths
        self.fine = nn.Conv2d(PLANES, fine, 4, stride=2, padding=1)
        self.down_0 = nn.Conv2d(fine, a, 4, stride=2, padding=1)
        self.down_1 = nn.Conv2d(a, b, 2, stride=2)
        self.down_2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.up_2 = nn.Conv2d(c, b, 1)
        self.up_1 = nn.Conv2d(b, a, 1)
        self.up_0 = nn.Conv2d(a, fine, 1)
        self.encode_1, self.encode_2 = Steered(a, context), Steered(b, context)
        self.middle = nn.ModuleList(Steered(c, context) for _ in range(2))
        self.decode_2, self.decode_1 = Steered(b, context), Steered(a, context)
        self.look = nn.Sequential(nn.Linear(LOOKS, context), nn.ReLU(), nn.Linear(context, context), nn.ReLU())
        self.scene = nn.Linear(c, context)
        self.mix = nn.Conv2d(fine, fine, 1)
        self.steer = nn.Linear(context, 2 * fine)
        self.join = nn.Conv2d(fine, fine, 1)
        self.answer = nn.Conv2d(fine, 6 * 4, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, color: Tensor, inverse_depth: Tensor, noise: Tensor, look: Tensor) -> tuple[Tensor, Tensor]:
        """color (B, 3, H, W) ACEScct, inverse_depth and noise (B, 1, H, W), look (B, 6); gain and bias (B, 3, H, W)."""
        look = look.clamp(0.0, 1.0) ** FADER_CURVE
        fine = functional.relu(self.fine(prepare(color, inverse_depth, noise, look)))
        seen, context = self._features(fine, look)
        scale, shift = self.steer(context)[:, :, None, None].chunk(2, dim=1)
        mixed = functional.relu((self.mix(fine) + _twice(self.up_0(seen), fine)) * (1.0 + scale) + shift)
        joined = functional.relu(self.join(mixed))
        answer = functional.pixel_shuffle(self.answer(joined) * asked(look)[:, None, None, None], 2)
        return bounded(color, 1.0 + answer[:, :3], answer[:, 3:])

    def _features(self, fine: Tensor, look: Tensor) -> tuple[Tensor, Tensor]:
        context = self.look(look)
        one = self.encode_1(functional.relu(self.down_0(fine)), context)
        two = self.encode_2(functional.relu(self.down_1(one)), context)
        three = functional.relu(self.down_2(two))
        # The whole picture says how the camera stands and how the day is lit.
        context = context + self.scene(three.mean(dim=(2, 3)))
        for block in self.middle:
            three = block(three, context)
        two = self.decode_2(two + _twice(self.up_2(three), two), context)
        one = self.decode_1(one + _twice(self.up_1(two), one), context)
        return one, context


def bounded(color: Tensor, gain: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and bias (B, 3, H, W) with which lights are dimmed, but never inverted nor turned in hue.

    A light's channels all move by what its brightest does, which in ACEScct is one factor for all of them: its hue
    stays. At KNEE it is where the network has the brightest. The gain is the channels' mean and above 0: of two lights
    the brighter one stays so. Between SHOULDER and KNEE one passes into the other.
    """
    brightest = color.amax(1, keepdim=True)
    t = ((brightest - SHOULDER) / (KNEE - SHOULDER)).clamp(0.0, 1.0)
    share = t * t * (3.0 - 2.0 * t)
    common = gain.mean(1, keepdim=True).clamp(DULLEST, 1.0)
    level = (gain * KNEE + bias).amax(1, keepdim=True) - common * KNEE
    # A light's gain is ``common``, its bias level + (1 - common) (color - brightest); gathered so that most is worked
    # out for one channel and not for three.
    rest, of_color = 1.0 - share, share * (1.0 - common)
    return gain * rest + share * common, bias * rest + of_color * color + (share * level - of_color * brightest)


def _twice(x: Tensor, like: Tensor) -> Tensor:
    """Twice as large, less the row and column that an odd height or width has too much.

    Without steps between the cells, so that no tiling shows.
    """
    larger = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return larger[:, :, : like.shape[2], : like.shape[3]]


def asked(look: Tensor) -> Tensor:
    """(B, 6) to (B,): 0 when no fader is up, 1 when one is at 1."""
    rest = 1.0 - look
    return 1.0 - rest[:, 0] * rest[:, 1] * rest[:, 2] * rest[:, 3] * rest[:, 4] * rest[:, 5]


def prepare(color: Tensor, inverse_depth: Tensor, noise: Tensor, look: Tensor) -> Tensor:
    """The network's own view of its inputs, (B, PLANES, H, W), all of about unit size.

    A plane in space is linear in inverse depth, so the slope of its logarithm tells which way a surface faces whatever
    the scene's scale is. How clear the asked fog and dust leave the air is a function of distance that would take many
    weights to learn: exp(-density * distance), with the densities of ``weather_shade``.
    """
    color = color.clamp(-0.4, KNEE)
    inverse = inverse_depth.clamp(0.0, 20.0)
    log = torch.log(inverse + 0.002)
    across = functional.pad(log[..., 1:] - log[..., :-1], (0, 1, 0, 0)) * 25.0
    down = functional.pad(log[..., 1:, :] - log[..., :-1, :], (0, 0, 0, 1)) * 25.0
    near = inverse / (inverse + 0.05)
    density = (0.046 * look[:, 2] ** 1.3 + 0.030 * look[:, 3] ** 1.2)[:, None, None, None]
    clear = torch.exp(-density / (inverse + 0.004))
    slopes = torch.cat([across, down], 1).clamp(-1.5, 1.5)
    noise = noise.clamp(0.0, 1.0)
    return torch.cat(
        [color * 2.0 - 0.8, log * 0.25 + 0.8, near * 2.0 - 1.0, slopes, noise * 2.0 - 1.0, clear * 2.0 - 1.0], 1
    )


def export_onnx(network: WeatherNet, path: str) -> None:
    """Opset 17, dynamic height and width (multiples of 8)."""
    size = (48, 80)
    example = (torch.rand(1, 3, *size), torch.rand(1, 1, *size), torch.rand(1, 1, *size), torch.rand(1, LOOKS))
    axes = {name: {2: "height", 3: "width"} for name in ("color", "inverse_depth", "noise", "gain", "bias")}
    torch.onnx.export(
        network.eval(),
        example,
        path,
        input_names=["color", "inverse_depth", "noise", "look"],
        output_names=["gain", "bias"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
