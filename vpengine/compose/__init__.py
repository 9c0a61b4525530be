"""Layers become pictures: neural re-projection, dissolve, outer, wall.

plate Picture > neural > (dissolve) > inner Picture --+
plate faces   > outer (kept in wall space, graded) ---+--> wall pictures > output
"""
