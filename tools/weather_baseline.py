"""A hand-written weather shader with the network's inputs: what an honest effort without learning gives.

It assumes a level camera of a 45 degree lens (it is told neither), finds normals from depth, and applies the looks with
physically meant formulas: snow on faces that look up, extinction and in-scattered light by depth, exposure and tint by
night, sky reflections on wet ground, firelight that falls off with distance. Its constants are then tuned by gradient
descent on training scenes, so that it is judged at its best.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from weather_pool import Batch, to_acescct, to_linear

_START = {
    "snow_edge": 1.3, "snow_reach": 1.05, "snow_noise": 0.4, "snow_soft": 0.5, "snow_white": 0.75, "snow_sky": 0.9,
    "snow_flat": 0.5, "night_stops": 3.1, "night_r": -0.6, "night_g": -0.25, "night_b": 0.5, "night_sky": 1.5,
    "window_low": 0.3, "window_gain": 2.0, "fog": 0.058, "fog_power": 1.3, "fog_level": 0.9, "dust": 0.036,
    "dust_power": 1.2, "dust_r": 1.15, "dust_b": 0.5, "dust_level": 0.9, "rain_dark": 0.6, "rain_shine": 0.6,
    "rain_power": 4.0, "rain_r": -0.15, "rain_b": 0.05, "fire_dim": 1.3, "fire_gain": 1.2, "fire_up": 0.5,
    "fire_g": 0.4, "fire_b": 0.1, "sky_m": 60.0, "flat": 0.5, "up_low": 0.5, "slope": 1.0,
    "level": 0.2, "mean_share": 0.2,
}  # fmt: skip


class HandShader(nn.Module):
    """forward: the network's inputs to the changed picture in ACEScct, (B, 3, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.constants = nn.ParameterDict({name: nn.Parameter(torch.tensor(value)) for name, value in _START.items()})

    def forward(self, color: Tensor, inverse_depth: Tensor, noise: Tensor, look: Tensor) -> Tensor:
        c = self.constants
        snow, night, fog, dust, rain, fire = look[:, :, None, None].split(1, dim=1)
        linear = to_linear(color).clamp(0.0, 64.0)
        sky = (inverse_depth < 1e-4).float()
        normal, ray = geometry(inverse_depth, c["slope"])
        up = normal[:, 1:2].clamp(0.0, 1.0) * (1.0 - sky)
        level = c["level"] + c["mean_share"] * _luminance(linear).mean(dim=(2, 3), keepdim=True)
        linear = _snow(c, linear, up, noise, snow, level, sky)
        linear = _rain(c, linear, up, normal, ray, rain, level, sky)
        linear = _fire(c, linear, normal, fire, sky)
        linear = _night(c, linear, color, night, sky)
        linear = _air(c, linear, inverse_depth, fog, dust, night, level)
        return to_acescct(linear)


def geometry(inverse_depth: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Normals and unit rays in view space (x right, y up, z towards the viewer) for the assumed lens."""
    count, _, height, width = inverse_depth.shape
    step = 2.0 * math.tan(math.radians(22.5)) / width
    x = (torch.arange(width) - 0.5 * (width - 1)) * step
    y = -(torch.arange(height) - 0.5 * (height - 1)) * step
    ray = torch.stack([x.expand(height, width), y[:, None].expand(height, width), -torch.ones(height, width)])
    ray = ray[None].expand(count, 3, height, width)
    padded = functional.pad(inverse_depth, (1, 1, 1, 1), mode="replicate")
    gx = _smaller(padded[..., 1:-1, 2:] - inverse_depth, inverse_depth - padded[..., 1:-1, :-2]) / step
    gy = _smaller(padded[..., :-2, 1:-1] - inverse_depth, inverse_depth - padded[..., 2:, 1:-1]) / step
    # A plane is linear in inverse depth: 1/d = (n . ray) / c, so its gradient over the image plane is the normal.
    nz = gx * ray[:, 0:1] + gy * ray[:, 1:2] - inverse_depth
    normal = -torch.cat([gx, gy * slope, nz], 1)
    facing = (normal * ray).sum(1, keepdim=True)
    normal = torch.where(facing > 0.0, -normal, normal)
    return functional.normalize(normal, dim=1), functional.normalize(ray, dim=1)


def _smaller(a: Tensor, b: Tensor) -> Tensor:
    """The slope on the side that does not cross an edge."""
    return torch.where(a.abs() < b.abs(), a, b)


def _luminance(rgb: Tensor) -> Tensor:
    return 0.2722 * rgb[:, 0:1] + 0.6741 * rgb[:, 1:2] + 0.0537 * rgb[:, 2:3]


def _rgb(*values: Tensor | float) -> Tensor:
    return torch.stack([torch.as_tensor(v, dtype=torch.float32) for v in values]).view(1, 3, 1, 1)


def _snow(
    c: nn.ParameterDict, x: Tensor, up: Tensor, noise: Tensor, snow: Tensor, level: Tensor, sky: Tensor
) -> Tensor:
    edge = (up - c["up_low"]) / (1.0 - c["up_low"]).clamp(min=0.1) + c["snow_noise"] * (noise - 0.5)
    t = ((edge - c["snow_edge"] + c["snow_reach"] * snow) / c["snow_soft"].clamp(min=0.05)).clamp(0.0, 1.0)
    cover = t * t * (3.0 - 2.0 * t) * (snow > 0.0)
    flat = torch.lerp(x, level * (0.6 + 0.4 * x / (x + level)) * 1.5, c["flat"] * snow * c["snow_flat"])
    white = c["snow_white"] * level * 3.0 * _rgb(0.95, 1.0, 1.07)
    out = torch.lerp(flat, white.expand_as(x), cover)
    return torch.lerp(out, (c["snow_sky"] * level * 2.0 * _rgb(0.98, 1.0, 1.05)).expand_as(x), sky * snow * 0.8)


def _rain(
    c: nn.ParameterDict, x: Tensor, up: Tensor, normal: Tensor, ray: Tensor, rain: Tensor, level: Tensor, sky: Tensor
) -> Tensor:
    tint = 1.0 + rain * _rgb(c["rain_r"], 0.0, c["rain_b"])
    dark = torch.lerp(x, x * c["rain_dark"] * 0.5 + 0.5 * level * x / (x + level), rain) * tint
    facing = -(normal * ray).sum(1, keepdim=True)
    shine = rain * (up > 0.85) * c["rain_shine"] * (1.0 - facing).clamp(0.0, 1.0) ** c["rain_power"]
    grey = (level * 1.6).expand_as(x) * tint
    return torch.lerp(torch.lerp(dark, grey, shine.clamp(0.0, 1.0)), grey, sky * rain * 0.9)


def _fire(c: nn.ParameterDict, x: Tensor, normal: Tensor, fire: Tensor, sky: Tensor) -> Tensor:
    glow = fire * (1.0 - c["fire_up"] * normal[:, 1:2]).clamp(min=0.0) * (1.0 - sky)
    reflectance = x / (x + 0.3)
    return x * torch.exp2(-c["fire_dim"] * fire) + c["fire_gain"] * glow * reflectance * _rgb(
        1.0, c["fire_g"], c["fire_b"]
    )


def _night(c: nn.ParameterDict, x: Tensor, color: Tensor, night: Tensor, sky: Tensor) -> Tensor:
    tint = 1.0 + night * _rgb(c["night_r"], c["night_g"], c["night_b"])
    dark = x * torch.exp2(-c["night_stops"] * night) * tint * torch.exp2(-c["night_sky"] * night * sky)
    # A light, warm thing may be a lit window, which does not grow dark.
    warm = torch.sigmoid(20.0 * (_luminance(x) - c["window_low"])) * torch.sigmoid(
        60.0 * (color[:, 0:1] - color[:, 2:3] - 0.02)
    )
    return dark + (1.0 - sky) * night * warm * c["window_gain"] * 0.3 * x * _rgb(1.0, 0.6, 0.3)


def _air(
    c: nn.ParameterDict, x: Tensor, inverse: Tensor, fog: Tensor, dust: Tensor, night: Tensor, level: Tensor
) -> Tensor:
    distance = torch.where(inverse < 1e-4, c["sky_m"], 1.0 / inverse.clamp(min=1.0 / 500.0))
    thick = c["fog"] * fog.clamp(min=1e-4) ** c["fog_power"] * (fog > 0.0)
    tan = c["dust"] * dust.clamp(min=1e-4) ** c["dust_power"] * (dust > 0.0)
    dark = torch.exp2(-c["night_stops"] * night) * (1.0 + night * _rgb(c["night_r"], c["night_g"], c["night_b"]))
    light = level * 1.3 * dark
    grey, sand = c["fog_level"] * light, c["dust_level"] * light * _rgb(c["dust_r"], 0.82, c["dust_b"])
    share = tan / (thick + tan + 1e-6)
    clear = torch.exp(-(thick + tan) * distance)
    return x * clear + torch.lerp(grey.expand_as(x), sand.expand_as(x), share) * (1.0 - clear)


def tune(batches: list[Batch], rounds: int = 6) -> HandShader:
    """Fit the constants to training batches (L1 in ACEScct plus the displayed squared error, Adam)."""
    shader = HandShader()
    optimizer = torch.optim.Adam(shader.parameters(), 0.03)
    for round_ in range(rounds):
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * (1.0 - round_ / rounds)
        for batch in batches:
            answer = shader(batch.color, batch.inverse_depth, batch.noise, batch.look)
            loss = (answer - batch.target).abs().mean() + 3.0 * ((answer - batch.target) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(shader.parameters(), 1.0)
            optimizer.step()
    return shader.eval()
