"""What other programs send by OSC, as data: addresses, arguments, axes, units, and when a pose is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vpengine.tracking.osc_parts import Commit

CAMERA = "{camera}"

POSITION, QUATERNION, EULER = ("x", "y", "z"), ("qx", "qy", "qz", "qw"), ("rx", "ry", "rz")
NUMBERS = frozenset((*POSITION, *QUATERNION, *EULER, "tracked"))
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}

PresetName = Literal["vpengine", "trackfwd", "vivetracker", "vrchat", "vmc-camera", "vmc-tracker", "zigsim"]
FrameName = Literal["stage", "opengl", "unity", "unreal", "blender"]
LengthUnit = Literal["m", "cm", "mm"]
AngleUnit = Literal["deg", "rad"]
EulerOrder = Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
Meaning = Literal[
    "x", "-x", "y", "-y", "z", "-z",
    "qx", "-qx", "qy", "-qy", "qz", "-qz", "qw", "-qw",
    "rx", "-rx", "ry", "-ry", "rz", "-rz",
    "camera", "tracked", "skip",
]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One kind of message: its address, and what each of its arguments is."""

    address: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Preset:
    """What a program sends. commit: on the message that completes a pose, on the last row's, or with the bundle.

    euler_order: intrinsic, each turn about the axis as turned by those before it. keep: values stay as they were until
    they are sent again. ignore: how addresses begin that are not poses, and are passed over uncounted; {camera} stands
    for any name.
    """

    rows: tuple[Row, ...]
    frame: FrameName = "stage"
    port: int = 9000
    length_unit: LengthUnit = "m"
    angle_unit: AngleUnit = "deg"
    euler_order: EulerOrder = "ZXY"
    commit: Commit = "all"
    keep: bool = False
    ignore: tuple[str, ...] = ()


SEVEN = (*POSITION, *QUATERNION)

# Sources, beside PROTOCOLS 3.5 and 7.1:
# trackfwd: its README and src/transform.rs, default --coords open-vr (blender sends the same; unreal is not rigid).
# vivetracker: baku89's script sends triad_openvr's get_pose_quaternion, which is x y z and then w x y z whatever the
#     script calls them; its own receiver reads w first. It sends "visible" last.
# vrchat: docs.vrchat.com/docs/osc-trackers: Unity's axes, metres, turned about Z, then X, then Y (fixed axes).
# vmc: protocol.vmc.info, marionette and performer specifications, V2.3 and later; Unity's axes.
# zigsim: 1-10.github.io/zigsim/features/arkit.html; ARKit's axes and its simd_quatf's order x y z w.
PRESETS: Mapping[PresetName, Preset] = {
    "vpengine": Preset((Row("/vp/camera/{camera}/pose", SEVEN),)),
    "trackfwd": Preset((Row("/tracker/{camera}", SEVEN),), "opengl"),
    "vivetracker": Preset(
        (
            Row("/vivetracker/position", POSITION),
            Row("/vivetracker/quaternion", ("qw", "qx", "qy", "qz")),
            Row("/vivetracker/visible", ("tracked",)),
        ),
        "opengl",
        port=8000,
        commit="last",
    ),
    "vrchat": Preset(
        (
            Row("/tracking/trackers/{camera}/position", POSITION),
            Row("/tracking/trackers/{camera}/rotation", EULER),
        ),
        "unity",
        euler_order="YXZ",
    ),
    "vmc-camera": Preset(
        (Row("/VMC/Ext/Cam", ("camera", *SEVEN, "skip")),), "unity", port=39539, ignore=("/VMC/Ext/",)
    ),
    "vmc-tracker": Preset((Row("/VMC/Ext/Tra/Pos", ("camera", *SEVEN)),), "unity", port=39539, ignore=("/VMC/Ext/",)),
    "zigsim": Preset(
        (Row("/{camera}/arkitposition", POSITION), Row("/{camera}/arkitrotation", QUATERNION)),
        "opengl",
        ignore=("/{camera}/deviceinfo",),  # sent beside every sample
    ),
}
