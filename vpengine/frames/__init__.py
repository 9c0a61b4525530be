"""What travels between parts: Look, Request, Pixels, ImageSet, Keyframe, FrameInput, Provenance. All of it frozen."""
