"""Shades a G-buffer twice: the plain picture, and the same view with a look. Scene-linear ACEScg, in torch, batched.

Planes are (batch, 1 or 3, height, width); lights and faders are (batch, n, 1, 1). Everything that is random about a
picture's light is drawn by ``random_light``; the looks themselves are one fixed, hand-written formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LUMINANCE = (0.2722287168, 0.6740817658, 0.0536895174)
FADER_CURVE = 1.5  # finer control where little is asked
SUN_SHARE, METERED = 0.35, 0.55  # of the sun in what a surface gets on average; that average in a metered picture
WINDOW, LAMP, GROUND, FOLIAGE, METAL, SKY = 1.0, 2.0, 3.0, 4.0, 5.0, 6.0


@dataclass(frozen=True, eq=False)
class Surfaces:
    """A batch of G-buffers taken apart; ``eye`` and ``towards_sun`` are unit vectors, ``right`` the picture's."""

    albedo: Tensor
    normal: Tensor
    material: Tensor
    inverse_depth: Tensor
    sun_seen: Tensor
    sky_seen: Tensor
    zenith_seen: Tensor
    noise: Tensor
    ray: Tensor
    right: Tensor
    towards_sun: Tensor
    indoors: Tensor


@dataclass(frozen=True, eq=False)
class Light:
    """Irradiance of sun, sky (ambient) and ground bounce; radiance of the sky at the zenith and the horizon."""

    sun: Tensor
    ambient: Tensor
    bounce: Tensor
    zenith: Tensor
    horizon: Tensor
    clouds: Tensor
    lamp: Tensor


def surfaces_from(gbuffer: Tensor, view: Tensor, window: Tensor) -> Surfaces:
    """gbuffer (B, 12, H, W); view (B, 13): sun 3, ray middle, right, up 9, indoors 1; window (B, 4): left, top, width,
    height of the crop in 0..1 of the whole picture."""
    height, width = gbuffer.shape[-2:]
    column = lambda a, b: view[:, a:b, None, None]  # noqa: E731
    x = (torch.arange(width) + 0.5) / width
    y = (torch.arange(height) + 0.5) / height
    u = (window[:, 0, None] + window[:, 2, None] * x)[:, None, None, :] * 2.0 - 1.0
    v = 1.0 - (window[:, 1, None] + window[:, 3, None] * y)[:, None, :, None] * 2.0
    ray = column(3, 6) + u * column(6, 9) + v * column(9, 12)
    right = column(6, 9) / column(6, 9).norm(dim=1, keepdim=True)
    planes = gbuffer.split([3, 3, 1, 1, 1, 1, 1, 1], dim=1)
    return Surfaces(*planes, ray, right, column(0, 3), column(12, 13))


def random_light(view: Tensor, generator: torch.Generator) -> Light:
    """Clear, overcast or evening light outdoors, soft window light indoors; exposure and tint vary a little."""
    count = view.shape[0]
    draw = lambda n=1: torch.rand(count, n, 1, 1, generator=generator)  # noqa: E731
    kind, indoors = draw(), view[:, 12:13, None, None]
    overcast = ((kind > 0.6) & (kind < 0.85)).float() * (1.0 - indoors)
    evening = (kind >= 0.85).float() * (1.0 - indoors)
    clear = 1.0 - overcast - evening
    sun = clear * _rgb(1.0, 0.92, 0.8) * (0.7 + 0.5 * draw()) + overcast * 0.08 + evening * _rgb(0.8, 0.5, 0.28)
    ambient = clear * _rgb(0.2, 0.25, 0.34) * (0.7 + 0.7 * draw()) + overcast * _rgb(0.6, 0.63, 0.68)
    ambient = ambient + evening * _rgb(0.16, 0.19, 0.3)
    room = 0.25 + 0.3 * draw()
    sun = sun * (1.0 - indoors) + indoors * (0.15 + 0.5 * draw()) * _rgb(1.0, 0.95, 0.88)
    ambient = ambient * (1.0 - indoors) + indoors * room * (
        _rgb(1.0, 0.94, 0.86) + (draw() - 0.5) * _rgb(-0.25, 0.0, 0.3)
    )
    zenith = clear * _rgb(0.16, 0.3, 0.62) + overcast * _rgb(0.62, 0.65, 0.7) + evening * _rgb(0.16, 0.2, 0.36)
    horizon = clear * _rgb(0.6, 0.72, 0.92) + overcast * _rgb(0.8, 0.82, 0.85) + evening * _rgb(1.1, 0.55, 0.25)
    tint = 1.0 + 0.03 * (draw(3) - 0.5) + (draw() - 0.5) * _rgb(0.06, 0.0, -0.06)
    # Exposed as with a light meter: what a look adds (fog, snow, a grey sky) could not be told from one picture else.
    level = _level(ambient) + SUN_SHARE * _level(sun)
    gain = METERED / level * torch.exp2(0.4 * (draw() - 0.5)) * tint
    clouds = draw() * (1.0 - 0.4 * overcast)
    lamp = 0.4 + 2.5 * draw() * indoors
    return Light(
        sun * gain, ambient * gain, (0.1 * sun + 0.12 * ambient) * gain, zenith * gain, horizon * gain, clouds, lamp
    )


def plain(surfaces: Surfaces, light: Light) -> Tensor:
    """The plain picture, (B, 3, H, W)."""
    s = surfaces
    up = s.normal[:, 2:3]
    irradiance = light.sun * (_dot(s.normal, s.towards_sun).clamp(min=0.0) * s.sun_seen)
    irradiance = irradiance + light.ambient * (s.sky_seen * (0.75 + 0.25 * up)) + light.bounce * (1.0 - up)
    radiance = s.albedo * irradiance + _mirror(s, light.horizon, light.zenith) * _gloss(s)
    radiance = radiance + _emission(s, light)
    return torch.where(s.material == SKY, _sky(s, light), radiance)


def changed(surfaces: Surfaces, light: Light, look: Tensor) -> Tensor:
    """The picture with a look (B, 6) in the order of vpengine.neural.weather.FADERS, (B, 3, H, W)."""
    s, faders = surfaces, (look[:, :, None, None] ** FADER_CURVE).split(1, dim=1)
    snow, night, _, dust, rain, fire = faders
    sky = s.material == SKY
    weather, flat, sky_radiance = _weather_light(light, *faders)
    up = s.normal[:, 2:3].clamp(0.0, 1.0)
    cover = snow_cover(up, s.sky_seen, s.noise, snow)
    albedo = _albedo(s, up, cover, dust, rain)
    irradiance = weather.sun * (_dot(s.normal, s.towards_sun).clamp(min=0.0) * s.sun_seen)
    # Air full of snow, fog or rain lights from all sides: what sees little of the sky is less dark than on a clear day.
    open_sky = torch.lerp(s.sky_seen, 0.5 + 0.5 * s.sky_seen, flat)
    irradiance = irradiance + weather.ambient * (open_sky * (0.75 + 0.25 * s.normal[:, 2:3]))
    irradiance = irradiance + weather.bounce * (1.0 - s.normal[:, 2:3])
    irradiance = irradiance + _firelight(s, fire)
    radiance = albedo * irradiance + _mirror(s, weather.horizon, weather.zenith) * _gloss(s) * (1.0 - cover)
    radiance = _wet(s, radiance, weather, up, rain * (1.0 - cover))
    radiance = radiance + _emission(s, light) * torch.exp2(-0.6 * night) + _street_lamps(s, night)
    radiance = torch.where(sky, _changed_sky(s, light, sky_radiance, weather, faders), radiance)
    return _through_air(s, radiance, weather, faders)


def _rgb(r: float, g: float, b: float) -> Tensor:
    return torch.tensor([r, g, b]).view(1, 3, 1, 1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(1, keepdim=True)


def _step(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    t = ((x - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _level(rgb: Tensor) -> Tensor:
    return _dot(rgb, _rgb(*LUMINANCE))


def _gloss(s: Surfaces) -> Tensor:
    return 0.35 * (s.material == WINDOW) + 0.12 * (s.material == METAL)


def _mirror(s: Surfaces, horizon: Tensor, zenith: Tensor) -> Tensor:
    """What a mirror there would show of the sky: only the reflected ray's height matters."""
    ray_z = s.ray[:, 2:3] / s.ray.norm(dim=1, keepdim=True)
    facing = _dot(s.normal, s.ray) / s.ray.norm(dim=1, keepdim=True)
    height = ray_z - 2.0 * facing * s.normal[:, 2:3]
    seen = _step(-0.15, 0.05, height) * (0.2 + 0.8 * s.sky_seen)
    return torch.lerp(horizon, zenith, height.clamp(0.0, 1.0)) * seen


def _sky(s: Surfaces, light: Light) -> Tensor:
    """A gradient, clouds (their pattern lies in the albedo's first plane), and a glow round the sun."""
    height = s.normal[:, 2:3].clamp(0.0, 1.0).sqrt()
    clear = torch.lerp(light.horizon, light.zenith, height)
    cloud = _step(0.62 - 0.3 * light.clouds, 0.85 - 0.25 * light.clouds, s.albedo[:, 0:1]) * 0.85
    lit = 0.8 * light.ambient + 0.6 * light.sun + 0.2 * light.horizon
    glow = _dot(s.normal, s.towards_sun).clamp(min=0.0)
    return torch.lerp(clear, lit, cloud) + light.sun * (0.25 * glow**8 + 8.0 * glow**400)


def _weather_light(
    light: Light, snow: Tensor, night: Tensor, fog: Tensor, dust: Tensor, rain: Tensor, fire: Tensor
) -> tuple[Light, Tensor, Tensor]:
    """The light under a look, how even it is (0 as by day, 1), and what remains of the plain sky's radiance."""
    through = (1.0 - 0.8 * fog) * (1.0 - 0.5 * dust) * (1.0 - 0.8 * rain) * (1.0 - 0.8 * snow)
    flat = 1.0 - (1.0 - 0.9 * fog) * (1.0 - 0.8 * snow) * (1.0 - 0.9 * rain) * (1.0 - 0.6 * dust)
    # Weather's own light is exposed as the plain picture was: its level is known, and some of the day's colour stays.
    day = light.ambient + SUN_SHARE * light.sun
    total = METERED * (0.7 + 0.3 * day / _level(day))
    tint = 1.0 + fog * _rgb(-0.03, 0.0, 0.04) + snow * _rgb(0.0, 0.06, 0.14)
    tint = tint + rain * _rgb(-0.32, -0.22, -0.1) + dust * _rgb(0.1, -0.12, -0.42)
    dark = (torch.exp2(-2.6 * night)) * (1.0 + night * _rgb(-0.4, -0.18, 0.42)) * torch.exp2(-0.5 * fire)
    sun = light.sun * through * (1.0 + dust * _rgb(0.0, -0.2, -0.5)) * dark * torch.exp2(0.4 * night)
    ambient = torch.lerp(light.ambient, total * tint, flat) * dark
    bounce = torch.lerp(light.bounce, 0.16 * total * tint, flat) * dark + snow * 0.22 * ambient
    grey = total * tint * 1.15 * dark * torch.exp2(-0.5 * night)
    sky_dark = dark * torch.exp2(-0.5 * night)
    horizon = torch.lerp(light.horizon * sky_dark, grey, flat)
    zenith = torch.lerp(light.zenith * sky_dark, 0.85 * grey, flat)
    under = Light(sun, ambient, bounce, zenith, horizon, light.clouds, light.lamp)
    return under, flat, sky_dark * torch.exp2(-0.8 * night)


def snow_cover(up: Tensor, sky_seen: Tensor, noise: Tensor, snow: Tensor) -> Tensor:
    """0 bare to 1 covered: faces that look up and see the sky, with an edge that the noise breaks a little."""
    edge = up * (0.5 + 0.5 * sky_seen) + 0.2 * (noise - 0.5) - (1.3 - 1.15 * snow)
    return torch.maximum(_step(0.0, 0.6, edge), 0.05 * snow)


def _albedo(s: Surfaces, up: Tensor, cover: Tensor, dust: Tensor, rain: Tensor) -> Tensor:
    albedo = s.albedo * (1.0 - rain * (0.2 + 0.25 * up))
    albedo = torch.lerp(albedo, _rgb(0.5, 0.38, 0.24).expand_as(albedo), dust * (0.08 + 0.4 * _step(0.3, 1.0, up)))
    snow = _rgb(0.82, 0.86, 0.92) * (0.95 + 0.1 * s.noise)
    return torch.lerp(albedo, snow, cover)


def _wet(s: Surfaces, radiance: Tensor, weather: Light, up: Tensor, rain: Tensor) -> Tensor:
    """A film of water on what looks up: the sky is seen in it, more so at grazing angles."""
    facing = -_dot(s.normal, s.ray) / s.ray.norm(dim=1, keepdim=True)
    shine = 0.05 + 0.6 * (1.0 - facing.clamp(0.0, 1.0)) ** 3
    amount = rain * _step(0.6, 0.95, up) * (0.9 + 0.2 * (s.noise - 0.5)) * shine
    return torch.lerp(radiance, _mirror(s, weather.horizon, weather.zenith), amount.clamp(0.0, 0.95))


def _emission(s: Surfaces, light: Light) -> Tensor:
    """Lamps, and the rooms behind light curtains: on by day too, so that a picture tells which windows night lights."""
    room = (s.material == WINDOW) * _step(0.15, 0.3, _level(s.albedo))
    return (s.material == LAMP) * s.albedo * light.lamp + room * 1.2 * s.albedo * _rgb(1.0, 0.72, 0.5)


def _street_lamps(s: Surfaces, night: Tensor) -> Tensor:
    return (s.material == LAMP) * s.albedo * night * 2.0 * _rgb(1.0, 0.72, 0.42)


def _firelight(s: Surfaces, fire: Tensor) -> Tensor:
    """Fires low and all round, beyond what is seen: walls get more than the ground, what is enclosed gets less.

    The light belongs to the place and not to the camera, so that it stands still when the camera moves.
    """
    return fire * _rgb(0.75, 0.27, 0.07) * ((0.7 - 0.35 * s.normal[:, 2:3]) * (0.35 + 0.65 * s.sky_seen))


def _changed_sky(s: Surfaces, light: Light, darker: Tensor, weather: Light, faders: tuple[Tensor, ...]) -> Tensor:
    snow, _, fog, dust, rain, fire = faders
    covered = 1.0 - (1.0 - 0.97 * fog) * (1.0 - 0.92 * rain) * (1.0 - 0.85 * snow) * (1.0 - 0.75 * dust)
    height = s.normal[:, 2:3].clamp(0.0, 1.0)
    grey = torch.lerp(weather.horizon, weather.zenith, height.sqrt()) * (0.9 + 0.2 * s.albedo[:, 0:1])
    glow = fire * _rgb(0.3, 0.1, 0.02) * torch.exp(-5.0 * height)
    return torch.lerp(_sky(s, light) * darker, grey, covered) + glow


def _through_air(s: Surfaces, radiance: Tensor, weather: Light, faders: tuple[Tensor, ...]) -> Tensor:
    snow, _, fog, dust, rain, fire = faders
    sky_m = 22.0 / (s.ray[:, 2:3] / s.ray.norm(dim=1, keepdim=True)).clamp(min=0.05)
    distance = torch.where(s.material == SKY, sky_m, 1.0 / s.inverse_depth.clamp(min=1.0 / 500.0))
    grey = 0.046 * fog**1.3 + 0.006 * snow + 0.008 * rain
    tan = dust**1.2 * _rgb(0.024, 0.030, 0.041)
    light = weather.ambient + 0.3 * weather.sun
    light = 0.72 * light + fire * 0.12 * _rgb(1.0, 0.4, 0.1)
    clear = torch.exp(-(grey + tan) * distance)
    sand = _level(light) * _rgb(1.15, 0.82, 0.45)
    share = tan / (grey + tan + 1e-6)
    return radiance * clear + torch.lerp(light, sand, share) * (1.0 - clear)
