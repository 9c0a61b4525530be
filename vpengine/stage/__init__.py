"""The volume as data: walls, cameras and outputs, as stage and show files describe them. No sockets, no GL."""
