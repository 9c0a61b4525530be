"""What travels between parts: Look, Request, ImageSet, Keyframe, FrameInput, Provenance. Frozen, and nothing else."""
