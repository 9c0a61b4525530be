"""From a tracked camera to a View."""

from __future__ import annotations

from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import Pose, view_from_stage
from vpengine.view.view import View


def camera_view(
    pose: Pose, lens: Lens, resolution: tuple[int, int], overscan_percent: float = 0.0, time_s: float = 0.0
) -> View:
    """What a camera whose sensor stands at ``pose`` sees, seen from its entrance pupil, widened on each side."""
    return View(
        view_from_stage(pose, lens.entrance_pupil_offset_m), clip_from_view(lens, overscan_percent), resolution, time_s
    )
