"""Picture: an image on the GPU, which never travels without its View, its depth and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl

from vpengine.frames.provenance import Provenance
from vpengine.view.view import View


@dataclass(frozen=True, eq=False)
class Picture:
    """color: RGBA16F, scene-linear ACEScg. depth: R32F metres along the view axis, +inf for sky, nearest sampling;
    None where nothing in its frame asks how far the world is.
    """

    color: moderngl.Texture
    depth: moderngl.Texture | None
    view: View
    provenance: Provenance
