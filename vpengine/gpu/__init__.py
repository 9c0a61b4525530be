"""OpenGL: the only package that imports moderngl and glfw.

    Executor (a frame's jobs: order, guard, times) > TargetPool (what they draw into)
    Gpu (context, programs, makers) > Pass (one shader, one full-screen draw) > Target (what is drawn into)
                                                                             > Picture (what travels)
    FrameEnds (when a graphics card was done)   Windows > OutputWindow (a feed on a display)
    ReadBack (down, without waiting), transfer (up, and down at once), commands (every draw passes there)

Everything here runs on the main thread, which owns the one rendering context. Row 0 is the bottom in textures and the
top in numpy: only ``transfer``, ``readback`` and ``target`` know.
"""
