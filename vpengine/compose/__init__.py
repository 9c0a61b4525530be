"""The plan of a frame, and how each kind of its jobs is drawn.

    FrameInput > plan > jobs > (gpu's executor) > Compositor > feeds

plate Picture > re-projection > (dissolve) > world --------+--> world feeds
plate faces   > outer (kept in wall space, graded) --------+--> wall feeds
"""
