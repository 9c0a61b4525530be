"""A camera that walks down the street: what its keyframes do not show, stations on its way do."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from tests.demo_bench import Bench
from tests.surround_sources import sources
from vpengine.compose.neural import BORDER, IGNORED, KNOWN
from vpengine.compose.plan import eye_view
from vpengine.frames.feed import PROGRAM, Eye
from vpengine.frames.keyframe import Keyframe, SurroundFace
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.neural.drill import Drill
from vpengine.neural.none import NoRuntime
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.reproject import Source, gather, gather_surround

SECONDS, METRES = 20, 20.0
REQUESTS_S = 5  # of a machine that cannot give more


def pose_at(time_s: float) -> Pose:
    """Looking about: forty degrees to either side, six seconds there and back."""
    pan_deg = 40.0 * np.sin(2.0 * np.pi * time_s / 6.0)
    return from_opentrackio((0.5, METRES * time_s / SECONDS, 1.6), pan_deg, -3.0, 0.0)


@pytest.mark.slow
def test_a_walk_stays_covered(gpu: object, monkeypatch) -> None:
    """Five pictures a second for camera and surround together; what nobody saw is little, and never much for long."""
    with ExitStack() as stack:
        bench = Bench(gpu, stack)
        monkeypatch.setattr(bench, "generator", Drill(NoRuntime()))
        target = Target(bench.gpu.context, (120, 68), depth=True)
        faces: dict[SurroundFace, Keyframe] = {}
        kept: list[Keyframe] = []
        holes = []
        bench.settle(pose_at(0.0), {"fog": 0.5}, 0.0)
        for step in range(SECONDS * REQUESTS_S):
            time_s = 5.0 + step / REQUESTS_S
            frame = bench.frame(time_s, pose_at(step / REQUESTS_S), {"fog": 0.5})
            keyframe = bench.ask(frame)
            bench.draw(replace(frame, keyframes=(keyframe,) if keyframe else ()))
            if keyframe is not None and keyframe.request.face is not None:
                faces[keyframe.request.face] = keyframe
            elif keyframe is not None:
                kept = [keyframe, *kept[:2]]
            if step % 5 == 4 and len(kept) == 3:
                holes.append(unseen(bench, frame, target, kept, list(faces.values())))
        target.release()
    assert len(holes) > 15
    assert np.mean(holes) < 0.02
    assert np.percentile(holes, 95) < 0.06


def unseen(bench: Bench, frame, target: Target, kept: list[Keyframe], faces: list[Keyframe]) -> float:
    """What part of the camera's picture neither keyframe nor surround is believed to show."""
    camera = bench.files.stage.cameras[0]
    view = replace(eye_view(frame, camera), resolution=target.size)
    bench.locations[bench.location].draw(target, view)
    depth_m = download(target.depth)[..., 0]
    layer = bench.compositor.eyes.layer(Eye(PROGRAM, camera.id), bench.location)
    time_s = frame.tick.display_time_s
    made = [
        Source(key.request.plate.view, key.gain.rgb, key.bias.rgb, key.request.plate.depth_m, newness, trust)
        for key, newness, trust in zip(kept, layer.newness(time_s), layer.trust(time_s), strict=False)
    ]
    known = np.clip(gather(view, depth_m, made, BORDER, IGNORED).known / KNOWN, 0.0, 1.0)
    surrounds = bench.compositor.surrounds
    assert surrounds is not None
    around = gather_surround(view, depth_m, sources(surrounds, faces, view, bench.location)).known
    return float(np.mean((1.0 - known) * (1.0 - around)))
