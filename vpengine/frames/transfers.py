"""Transfers that pictures are tagged with, as FFmpeg calls them, and the colour space that makes light of each."""

from __future__ import annotations

CAMERA, SRGB = "Camera Rec.709", "sRGB - Texture"
HLG, PQ = "Rec.2100-HLG - Scene", "Rec.2100-PQ - White 203"  # the engine's own, as the two gammas are
GAMMA_22, GAMMA_28 = "Gamma 2.2 Rec.709", "Gamma 2.8 Rec.709"
# The camera's own curve, not a display's: what was before the lens is wanted.
BY_TRANSFER = {
    **dict.fromkeys(("bt709", "smpte170m", "bt470bg", "bt2020-10", "bt2020-12", "iec61966-2-4"), CAMERA),
    "gamma22": GAMMA_22,
    "gamma28": GAMMA_28,
    "iec61966-2-1": SRGB,
    "linear": "Linear Rec.709 (sRGB)",
    "smpte2084": PQ,
    "arib-std-b67": HLG,
}


def unknown_transfer(transfer: str | None) -> str | None:
    """What to say of a tag that no curve is known for here: a sentence, or None."""
    if transfer is None or transfer in BY_TRANSFER:
        return None
    return f"its transfer is tagged {transfer}, which is not known here: color_space names it, else it is as BT.709's"
