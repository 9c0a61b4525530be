"""What operators can change: controls, scenes, cues, gate. Pure state, no sockets, no GL."""
