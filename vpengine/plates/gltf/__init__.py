"""The glTF plate: a static scene from a .glb or .gltf file, lit by a dome or by the street's sun and sky."""
