"""Camera mathematics: pure functions on numpy, no state.

Stage space   right-handed, metres, X right, Y forward, Z up (OpenTrackIO's)
View space    OpenGL's: X right, Y up, looking along -Z; its origin is the lens's entrance pupil
Clip space    OpenGL's; clip w is the distance along the view axis, which is what ``depth`` means everywhere

Matrices act on column vectors and are named ``to_from_from``.
"""
