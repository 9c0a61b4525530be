"""Packets in, poses out: one file per protocol, decode and encode side by side."""

KINDS = {
    "osc": "vpengine.tracking.osc:OscTracking",
    "none": "vpengine.tracking.none:NoTracking",
}
