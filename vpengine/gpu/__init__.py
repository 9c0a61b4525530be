"""OpenGL: the only package that imports moderngl and glfw.

    Gpu (context, programs) > Pass (one shader, one full-screen draw) > Target (what is drawn into)
                                                                      > Picture (what travels: colour, depth, View)

Everything here runs on the main thread, which owns the one rendering context. Row 0 is the bottom in textures and the
top in numpy: only ``transfer`` and ``target`` know.
"""
