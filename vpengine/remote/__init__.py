"""The operators' doors: OSC and MIDI; messages become changes and triggers."""
