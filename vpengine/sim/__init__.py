"""The stage without a stage: the walls' light on actor, floor and props; a simulated camera; the stage from above."""
