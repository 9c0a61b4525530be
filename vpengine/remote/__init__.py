"""The operators' doors: OSC, later the web page and MIDI; messages become changes and triggers."""
