"""What stands on a simulated stage, and where: the figure, balls on stands, black flags, white cards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpengine.sim.figure_shape import Array, Point
from vpengine.stage.sim import SimSettings

SHARED_STAND_M = 0.6  # balls that are nearer to each other stand on one stand
FACE_HEIGHT_M = 1.3


@dataclass(frozen=True)
class Ball:
    centre_m: Point
    radius_m: float
    chrome: bool = False


@dataclass(frozen=True)
class Flag:
    """An upright rectangle. turn_deg: as the figure's."""

    centre_m: Point
    size_m: tuple[float, float]
    turn_deg: float = 0.0

    @property
    def across(self) -> Array:
        """(3,) unit vector along its width."""
        angle = np.radians(self.turn_deg)
        return np.array([np.cos(angle), np.sin(angle), 0.0])

    @property
    def facing(self) -> Array:
        return np.array([self.across[1], -self.across[0], 0.0])


@dataclass(frozen=True)
class StandIn:
    """Where everything is, in stage metres; what it holds by itself is [sim]'s default.

    turn_deg: 0 faces the stage's -Y, where the camera stands; positive turns it anticlockwise seen from above.
    cards_m: where white cards stand, beside the camera, that throw the walls' light back on the actor, as a crew's do.
    """

    figure_m: tuple[float, float] | None = SimSettings().actor.position_m
    turn_deg: float = SimSettings().actor.turned_deg
    balls: tuple[Ball, ...] = tuple(
        Ball(ball.position_m, ball.radius_m, ball.surface == "chrome") for ball in SimSettings().ball
    )
    flags: tuple[Flag, ...] = ()
    cards_m: tuple[tuple[float, float], ...] = ((-2.4, 0.1), (1.95, 0.6))

    @property
    def mark_m(self) -> tuple[float, float]:
        """The actor's mark, which lamps stand around; without an actor the first ball's."""
        if self.figure_m is not None:
            return self.figure_m
        return self.balls[0].centre_m[:2] if self.balls else (0.0, 2.0)

    @property
    def middle_m(self) -> Array:
        """Between the figure and the balls, at chest height."""
        places = [self.figure_m] if self.figure_m is not None else []
        if self.balls:
            x, y, _ = np.mean([ball.centre_m for ball in self.balls], axis=0)
            places.append((float(x), float(y)))
        return np.array([*np.mean(places or [self.mark_m], axis=0), FACE_HEIGHT_M])

    @property
    def chrome(self) -> Ball | None:
        return next((ball for ball in self.balls if ball.chrome), None)

    @property
    def probe_centre_m(self) -> Array:
        """Where reflections are right: the chrome ball's middle, without one before the chest."""
        return self.middle_m if self.chrome is None else np.array(self.chrome.centre_m)


def stand_in_of(settings: SimSettings) -> StandIn:
    actor = settings.actor
    return StandIn(
        actor.position_m if actor.present else None,
        actor.turned_deg,
        tuple(Ball(ball.position_m, ball.radius_m, ball.surface == "chrome") for ball in settings.ball),
        tuple(Flag(flag.position_m, flag.size_m, flag.turned_deg) for flag in settings.flag),
    )


def stand_tubes(stand_in: StandIn) -> list[tuple[Point, Point, float]]:
    """(start, end, radius) of the light stands: three legs, a pole, and a bar under balls that share one."""
    tubes = [tube for balls in _together(stand_in.balls) for tube in _ball_stand(balls)]
    for flag in stand_in.flags:
        top_m = max(flag.centre_m[2] - flag.size_m[1] / 2.0, 0.2)
        tubes += _stand(flag.centre_m[0], flag.centre_m[1], top_m)
    return tubes


def _together(balls: tuple[Ball, ...]) -> list[tuple[Ball, ...]]:
    """Balls by stand: a pair, or one alone."""
    groups: list[tuple[Ball, ...]] = []
    for ball in balls:
        last = groups[-1] if groups else ()
        if len(last) == 1 and _share(last[0], ball):
            groups[-1] = (last[0], ball)
        else:
            groups.append((ball,))
    return groups


def _share(one: Ball, other: Ball) -> bool:
    level = one.centre_m[2] == other.centre_m[2] and one.radius_m == other.radius_m
    return level and float(np.hypot(*np.subtract(one.centre_m, other.centre_m)[:2])) < SHARED_STAND_M


def _ball_stand(balls: tuple[Ball, ...]) -> list[tuple[Point, Point, float]]:
    x, y, z = (float(value) for value in np.mean([ball.centre_m for ball in balls], axis=0))
    bar_m = z - balls[0].radius_m - 0.06
    tubes = _stand(x, y, bar_m)
    if len(balls) > 1:
        ends = [(*ball.centre_m[:2], bar_m) for ball in balls]
        tubes.append((ends[0], ends[1], 0.009))
    return [*tubes, *(((*ball.centre_m[:2], bar_m), ball.centre_m, 0.008) for ball in balls)]


def _stand(x: float, y: float, top_m: float) -> list[tuple[Point, Point, float]]:
    tubes: list[tuple[Point, Point, float]] = [((x, y, 0.14), (x, y, top_m), 0.013)]
    for angle in np.radians((90.0, 210.0, 330.0)):
        foot = (x + 0.34 * float(np.cos(angle)), y + 0.34 * float(np.sin(angle)), 0.012)
        tubes.append(((x, y, min(0.34, top_m)), foot, 0.011))
    return tubes
