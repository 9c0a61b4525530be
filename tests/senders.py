"""Messages as senders write them, which vpengine itself only reads."""

from __future__ import annotations

from pythonosc.osc_message_builder import OscMessageBuilder


def encode_lens(camera: str, focal_length_mm: float, focus_distance_m: float, t_stop: float) -> bytes:
    builder = OscMessageBuilder(f"/vp/camera/{camera}/lens")
    for value in (focal_length_mm, focus_distance_m, t_stop):
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
    return builder.build().dgram
