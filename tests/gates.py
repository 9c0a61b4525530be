"""What tests of the gate share: looks and who approved them, pictures of them, and a desk with scenes of such looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vpengine.control.approvals import Approval, Approvals
from vpengine.control.controls import Control, Controls
from vpengine.control.cues import CueEdits
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_SEED
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SNOW, PROMPT = look_address("snow"), look_address("prompt")
OWN = (Control(SNOW, "float", 0.0, "Snow."), Control(PROMPT, "text", "", "A prompt."))
LOOKS = Looks("weather", OWN, lambda values: not values["snow"] and not values["prompt"])
MODEL, OTHER_MODEL = "abc", "def"
SOME_SNOW = Approval("snow", "weather", (), (("snow", (0.0, 0.6)),), None, "", "approved", "Ana", "2026-11-28")
HARBOUR = Approval(
    "harbour", "weather", (("prompt", "a harbour"),), (("snow", (0.2, 0.4)),), 7, MODEL, "approved", "Ana", "2026-11-28"
)
APPROVALS = Approvals((SOME_SNOW, HARBOUR))
BAKED = Look("other", (("mix", 1.0),), 3)
BAKED_APPROVAL = Approval("bake", "other", (), (("mix", (0.0, 1.0)),), 3, OTHER_MODEL, "approved", "Ana", "2026-11-28")


def look(snow: float = 0.0, prompt: str = "", seed: int = 0) -> Look:
    return replace(LOOKS.of({"snow": snow, "prompt": prompt}), seed=seed)


VIEW = camera_view(Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0), (2, 2))


def keyframe(
    wanted: Look, epoch: int, model: str = MODEL, bus: str = "program", face: SurroundFace | None = None
) -> Keyframe:
    color = np.zeros((2, 2, 3), np.float16)
    plate = ImageSet.of(color, np.ones((2, 2), np.float32), color[..., 0], VIEW, Provenance("plate"))
    source = Provenance("weather", model_sha256=model)
    request = Request(1, epoch, "street", plate, wanted, 0.0, bus=bus, face=face)
    return Keyframe(request, Pixels(color), Pixels(color), neutral_grade(), source, Timings(0.0, 0.0, 0.0))


def make_desk(gate: Gate) -> Desk:
    scenes = [
        SceneEntry("day", "street", 1.0),
        SceneEntry("some", "street", 1.0, ((SNOW, 0.5),)),
        SceneEntry("storm", "hall", 1.0, ((SNOW, 1.0),)),
        SceneEntry("harbour", "hall", 2.0, ((SNOW, 0.3), (PROMPT, "a harbour"), (NEURAL_SEED, 7))),
        SceneEntry("bake", "hall", 1.0),
    ]
    base = ((SNOW, 0.0), (PROMPT, ""), (NEURAL_SEED, 0))
    controls = Controls((*ENGINE_CONTROLS, *OWN))
    return Desk(controls, Scenes(scenes, base), gate, LOOKS, {"bake": BAKED}, CueEdits())
