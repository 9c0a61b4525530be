"""Packets in, poses out: one file per protocol, decode and encode side by side."""

KINDS = {
    "osc": "vpengine.tracking.osc:OscTracking",
    "osc-app": "vpengine.tracking.osc_preset:OscAppTracking",
    "freed": "vpengine.tracking.freed:FreedTracking",
    "opentrackio": "vpengine.tracking.opentrackio:OpenTrackIOTracking",
    "none": "vpengine.tracking.none:NoTracking",
}
