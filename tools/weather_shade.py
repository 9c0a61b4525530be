"""Shades a G-buffer twice: the plain picture, and the same view with a look. Scene-linear ACEScg, in torch, batched.

Planes are (batch, 1 or 3, height, width); lights and faders are (batch, n, 1, 1). Everything that is random about a
picture's light is drawn by ``random_light``; the looks themselves are one fixed, hand-written formula.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

KINDS = (0.42, 0.6, 0.72)
LUMINANCE = (0.2722287168, 0.6740817658, 0.0536895174)
FADER_CURVE = 1.5  # finer control where little is asked
SUN_SHARE, METERED = 0.35, 0.55  # of the sun in what a surface gets on average; that average in a metered picture
WINDOW, LAMP, GROUND, FOLIAGE, METAL, SKY = 1.0, 2.0, 3.0, 4.0, 5.0, 6.0
POOLS = 4  # lamps out of sight that throw pools of light, in a picture of a night
BRIGHTEST_SUN = 9000.0  # 50,000 times mid-grey
_REFLECTED_STEPS = 8


@dataclass(frozen=True, eq=False)
class Surfaces:
    """A batch of G-buffers taken apart; ``towards_sun`` is a unit vector.

    ray = middle + u right + v up, u and v -1 to 1 over the whole picture, one metre along the view axis. window: the
    crop's left, top, width, height in 0..1 of the whole.
    """

    albedo: Tensor
    normal: Tensor
    material: Tensor
    inverse_depth: Tensor
    sun_seen: Tensor
    sky_seen: Tensor
    zenith_seen: Tensor
    noise: Tensor
    ray: Tensor
    middle: Tensor
    right: Tensor
    up: Tensor
    window: Tensor
    towards_sun: Tensor
    indoors: Tensor


@dataclass(frozen=True, eq=False)
class Light:
    """Irradiance of sun, sky (ambient) and ground bounce; radiance of the sky at the zenith and the horizon.

    level: of the picture, 1 where a meter would have set it, less at night. disc, disc_size: of the sun, its radiance
    and 1 less the cosine of its radius. lit: how bright rooms behind windows are. pools (B, POOLS, 4): where lamps
    stand, u and v of the ground under them, their height, strength; pool their colour.
    """

    sun: Tensor
    ambient: Tensor
    bounce: Tensor
    zenith: Tensor
    horizon: Tensor
    clouds: Tensor
    lamp: Tensor
    level: Tensor
    disc: Tensor
    disc_size: Tensor
    lit: Tensor
    pools: Tensor
    pool: Tensor


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
    planes = gbuffer.split([3, 3, 1, 1, 1, 1, 1, 1], dim=1)
    axes = column(3, 6), column(6, 9), column(9, 12)
    return Surfaces(*planes, ray, *axes, window, column(0, 3), column(12, 13))


def random_light(view: Tensor, generator: torch.Generator, kinds: tuple[float, float, float] = KINDS) -> Light:
    """Clear, overcast, evening or lamp-lit night outdoors, soft window light or lamps indoors; exposure and tint vary a
    little, and sun, lamps and windows from dull to 50,000 times mid-grey. kinds: where each but the first begins, 0..1.
    """
    count = view.shape[0]
    draw = lambda n=1: torch.rand(count, n, 1, 1, generator=generator)  # noqa: E731
    kind, indoors = draw(), view[:, 12:13, None, None]
    night = (kind >= kinds[2]).float()
    overcast = ((kind > kinds[0]) & (kind < kinds[1])).float() * (1.0 - indoors)
    evening = ((kind >= kinds[1]) & (kind < kinds[2])).float() * (1.0 - indoors)
    clear = 1.0 - overcast - evening
    sun = clear * _rgb(1.0, 0.92, 0.8) * (0.7 + 0.5 * draw()) + overcast * 0.08 + evening * _rgb(0.8, 0.5, 0.28)
    ambient = clear * _rgb(0.2, 0.25, 0.34) * (0.7 + 0.7 * draw()) + overcast * _rgb(0.6, 0.63, 0.68)
    ambient = ambient + evening * _rgb(0.16, 0.19, 0.3)
    room = 0.25 + 0.3 * draw()
    sun = sun * (1.0 - indoors) + indoors * (0.15 + 0.5 * draw()) * _rgb(1.0, 0.95, 0.88)
    ambient = ambient * (1.0 - indoors) + indoors * room * (
        _rgb(1.0, 0.94, 0.86) + (draw() - 0.5) * _rgb(-0.25, 0.0, 0.3)
    )
    dark = night * (1.0 - indoors)
    sun, ambient = sun * (1.0 - dark), torch.lerp(ambient, _rgb(0.14, 0.19, 0.3), dark)
    zenith = clear * _rgb(0.16, 0.3, 0.62) + overcast * _rgb(0.62, 0.65, 0.7) + evening * _rgb(0.16, 0.2, 0.36)
    horizon = clear * _rgb(0.6, 0.72, 0.92) + overcast * _rgb(0.8, 0.82, 0.85) + evening * _rgb(1.1, 0.55, 0.25)
    glow = draw() * _rgb(0.3, 0.2, 0.12)
    zenith, horizon = torch.lerp(zenith, 0.4 * ambient, dark), torch.lerp(horizon, 0.9 * ambient + glow, dark)
    tint = 1.0 + 0.03 * (draw(3) - 0.5) + (draw() - 0.5) * _rgb(0.06, 0.0, -0.06)
    # Exposed as with a light meter: what a look adds (fog, snow, a grey sky) could not be told from one picture else.
    level = torch.lerp(torch.ones_like(kind), torch.exp2(-1.5 - 3.5 * draw()), night)
    metered = METERED * level / (_level(ambient) + SUN_SHARE * _level(sun))
    gain = metered * torch.exp2(0.4 * (draw() - 0.5)) * tint
    clouds = draw() * (1.0 - 0.4 * overcast)
    bright = torch.exp2(8.0 * draw() ** 2)  # one to 256
    lamp = 0.4 + 2.5 * draw() * indoors + night * 2.0 * bright + (1.0 - night) * indoors * bright * (draw() < 0.3)
    disc = (clear * (1.0 - indoors) + 0.3 * evening) * (1.0 - night) * BRIGHTEST_SUN ** draw()
    size = (torch.exp2(-2.5 * draw()) * 0.03) ** 2 / 2.0
    pools = torch.cat([draw(2 * POOLS), 2.0 + 4.0 * draw(POOLS), night * (0.2 + draw(POOLS))], 1)
    pools = pools.view(count, 4, POOLS).transpose(1, 2)
    pool = torch.lerp(_rgb(1.0, 0.62, 0.3), _rgb(0.9, 0.95, 1.0), draw() ** 2)
    return Light(
        sun * gain,
        ambient * gain,
        (0.1 * sun + 0.12 * ambient) * gain,
        zenith * gain,
        horizon * gain,
        clouds,
        lamp,
        level,
        disc,
        size,
        1.0 + night * draw(),
        pools,
        pool,
    )


def plain(surfaces: Surfaces, light: Light) -> Tensor:
    """The plain picture, (B, 3, H, W)."""
    s = surfaces
    up = s.normal[:, 2:3]
    irradiance = light.sun * (_dot(s.normal, s.towards_sun).clamp(min=0.0) * s.sun_seen)
    irradiance = irradiance + light.ambient * (s.sky_seen * (0.75 + 0.25 * up)) + light.bounce * (1.0 - up)
    irradiance = irradiance + _pools(s, light)
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
    # Also under clouds the sky is brighter where the sun is: what snow lies on keeps its shape.
    side = 1.0 + 0.25 * flat * _dot(s.normal, s.towards_sun)
    irradiance = irradiance + weather.ambient * (open_sky * (0.75 + 0.25 * s.normal[:, 2:3]) * side)
    irradiance = irradiance + weather.bounce * (1.0 - s.normal[:, 2:3])
    pools = _pools(s, light)
    irradiance = irradiance + _firelight(s, fire) + pools
    radiance = albedo * irradiance + _mirror(s, weather.horizon, weather.zenith) * _gloss(s) * (1.0 - cover)
    radiance = radiance + _emission(s, light) * torch.exp2(-0.6 * night) + _street_lamps(s, night)
    radiance = torch.where(sky, _changed_sky(s, light, sky_radiance, weather, faders), radiance)
    radiance = _wet(s, radiance, weather, up, rain * (1.0 - cover))
    return _through_air(s, radiance, weather, faders, pools)


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
    disc = light.disc * _step(1.0 - light.disc_size, 1.0 - 0.8 * light.disc_size, glow) * (1.0 - cloud) ** 2
    around = light.sun * (0.25 * glow**8 + 8.0 * glow**400)
    return torch.lerp(clear, lit, cloud) + around + disc * _rgb(1.0, 0.93, 0.82)


def _weather_light(
    light: Light, snow: Tensor, night: Tensor, fog: Tensor, dust: Tensor, rain: Tensor, fire: Tensor
) -> tuple[Light, Tensor, Tensor]:
    """The light under a look, how even it is (0 as by day, 1), and what remains of the plain sky's radiance."""
    through = (1.0 - 0.8 * fog) * (1.0 - 0.5 * dust) * (1.0 - 0.8 * rain) * (1.0 - 0.8 * snow)
    flat = 1.0 - (1.0 - 0.9 * fog) * (1.0 - 0.8 * snow) * (1.0 - 0.9 * rain) * (1.0 - 0.6 * dust)
    # Weather's own light is exposed as the plain picture was: its level is known, and some of the day's colour stays.
    day = light.ambient + SUN_SHARE * light.sun
    total = METERED * light.level * (0.7 + 0.3 * day / _level(day))
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
    under = replace(light, sun=sun, ambient=ambient, bounce=bounce, zenith=zenith, horizon=horizon)
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
    """A film of water on what looks up: what stands above it is seen in it, or the sky, more so at grazing angles."""
    facing = -_dot(s.normal, s.ray) / s.ray.norm(dim=1, keepdim=True)
    shine = 0.06 + 0.74 * (1.0 - facing.clamp(0.0, 1.0)) ** 3
    amount = rain * (s.material != SKY) * _step(0.6, 0.95, up) * (0.7 + 0.6 * s.noise) * shine
    hit, seen = _reflected(s, radiance)
    mirror = torch.lerp(_mirror(s, weather.horizon, weather.zenith), seen, hit)
    return torch.lerp(radiance, mirror, amount.clamp(0.0, 0.95))


def _reflected(s: Surfaces, radiance: Tensor) -> tuple[Tensor, Tensor]:
    """What the mirrored ray meets of what the picture shows: (whether it does, its radiance), by marching along the
    ray; a wet road is not smooth, and draws what it mirrors out towards the eye. Worked out for every fourth pixel.
    """
    height, width = radiance.shape[-2:]
    half = lambda planes: planes[:, :, ::2, ::2]  # noqa: E731
    normal, inverse = half(s.normal), half(s.inverse_depth)
    ray = half(s.ray) / half(s.ray).norm(dim=1, keepdim=True)
    away = ray - 2.0 * _dot(ray, normal) * normal
    axis = torch.linalg.cross(s.right, s.up, dim=1)
    axis = axis / _dot(axis, s.middle)
    start = half(s.ray) / inverse.clamp(min=1.0 / 500.0)
    blurred = functional.avg_pool2d(half(radiance).clamp(max=8.0), (5, 3), 1, (2, 1), count_include_pad=False)
    picture = torch.cat([inverse, blurred], 1)
    scale = s.window[:, 2:, None, None], s.window[:, :2, None, None]
    found, color = torch.zeros_like(inverse), torch.zeros_like(blurred)
    for number in range(_REFLECTED_STEPS):
        reach_m = 0.4 * 1.9**number
        at = start + away * reach_m
        depth = _dot(at, axis)
        flat = at / depth.clamp(min=0.05) - s.middle
        u, v = _dot(flat, s.right) / _dot(s.right, s.right), _dot(flat, s.up) / _dot(s.up, s.up)
        place = torch.cat([0.5 + 0.5 * u, 0.5 - 0.5 * v], 1)
        place = (place - scale[1]) / scale[0] * 2.0 - 1.0
        inside = (place.abs().amax(1, keepdim=True) < 1.0) & (depth > 0.1)
        seen = functional.grid_sample(picture, place.permute(0, 2, 3, 1), "bilinear", "border", align_corners=False)
        before_m = depth - 1.0 / seen[:, :1].clamp(min=1.0 / 500.0)
        hit = inside & (before_m > 0.0) & (before_m < 0.3 + 0.8 * reach_m)
        new = hit.float() * (1.0 - found)
        color, found = color + new * seen[:, 1:], found + new
    both = functional.interpolate(torch.cat([found, color], 1), size=(height, width), mode="bilinear")
    return both[:, :1], both[:, 1:] / both[:, :1].clamp(min=1e-3)


def _pools(s: Surfaces, light: Light) -> Tensor:
    """Irradiance of lamps out of sight, that stand over what random places of the picture show and shine down."""
    count, _, height, width = s.noise.shape
    position = s.ray / s.inverse_depth.clamp(min=1.0 / 60.0)
    pools = light.pools.expand(count, POOLS, 4)
    x, y = (pools[..., 0] * width).long().clamp(max=width - 1), (pools[..., 1] * height).long().clamp(max=height - 1)
    under = position.flatten(2).gather(2, (y * width + x)[:, None].expand(count, 3, POOLS))
    total = torch.zeros_like(s.noise)
    for number in range(POOLS):
        up = _rgb(0.0, 0.0, 1.0) * pools[:, number, 2].view(-1, 1, 1, 1)
        to = under[:, :, number, None, None] + up - position
        square = _dot(to, to).clamp(min=1.0)
        strength = (pools[:, number, 3] * pools[:, number, 2] ** 2).view(-1, 1, 1, 1)
        down = (to[:, 2:3] / square.sqrt()).clamp(min=0.0)
        total = total + strength * (_dot(s.normal, to) / square.sqrt()).clamp(min=0.0) * down / square
    return total * (s.material != SKY) * light.pool


def _emission(s: Surfaces, light: Light) -> Tensor:
    """Lamps, and the rooms behind light curtains: on by day too, so that a picture tells which windows night lights."""
    room = (s.material == WINDOW) * _step(0.15, 0.3, _level(s.albedo))
    return (s.material == LAMP) * s.albedo * light.lamp + room * 1.2 * light.lit * s.albedo * _rgb(1.0, 0.72, 0.5)


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
    plain = _sky(s, replace(light, disc=light.disc * (1.0 - covered) ** 4))
    return torch.lerp(plain * darker, grey, covered) + glow


def _through_air(s: Surfaces, radiance: Tensor, weather: Light, faders: tuple[Tensor, ...], pools: Tensor) -> Tensor:
    snow, _, fog, dust, rain, fire = faders
    sky_m = 22.0 / (s.ray[:, 2:3] / s.ray.norm(dim=1, keepdim=True)).clamp(min=0.05)
    distance = torch.where(s.material == SKY, sky_m, 1.0 / s.inverse_depth.clamp(min=1.0 / 500.0))
    grey = 0.046 * fog**1.3 + 0.006 * snow + 0.008 * rain + 0.007 * fire  # a fire has its smoke
    tan = dust**1.2 * _rgb(0.024, 0.030, 0.041)
    # Air has the colour of the sky that it stands under, and at night of the lamps in it.
    light = 0.55 * (weather.ambient + 0.3 * weather.sun) + 0.2 * weather.horizon
    around = functional.avg_pool2d(pools, 8, 8, ceil_mode=True, count_include_pad=False)
    around = functional.avg_pool2d(around, 5, 1, 2, count_include_pad=False)
    around = functional.interpolate(around, size=pools.shape[-2:], mode="bilinear")
    light = light + 0.3 * around + fire * 0.16 * _rgb(1.0, 0.4, 0.1)
    clear = torch.exp(-(grey + tan) * distance)
    sand = _level(light) * _rgb(1.15, 0.82, 0.45)
    share = tan / (grey + tan + 1e-6)
    return radiance * clear + torch.lerp(light, sand, share) * (1.0 - clear)
