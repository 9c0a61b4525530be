"""Background plates. A new kind is one file and one line here."""

KINDS = {
    "street": "vpengine.plates.street.plate:Street",
    "still": "vpengine.plates.still:Still",
    "video": "vpengine.plates.video:Video",
    "sequence": "vpengine.plates.sequence:Sequence",
    "layers": "vpengine.plates.layers:Layers",
    "gltf": "vpengine.plates.gltf.plate:Gltf",
    "dome": "vpengine.plates.dome:Dome",
    "pattern": "vpengine.plates.pattern:Pattern",
    "none": "vpengine.plates.none:NoPlate",
}
