"""A camera's own picture in: one file per source, behind one contract.

    Source.read > Reader (a thread each: numbers, tags, reopening) > Ring > Reader.shown(time)    for view, delayed
                                                                          > Tap.next              for recording, each

A new kind of source is one file and one line here; a stage file's [[capture]] names it.
"""

KINDS = {
    "device": "vpengine.capture.device:DeviceSource",
    "file": "vpengine.capture.file:FileSource",
    "sequence": "vpengine.capture.sequence:SequenceSource",
    "stream": "vpengine.capture.stream:StreamSource",
    "ndi": "vpengine.capture.ndi:NdiSource",
    "synthetic": "vpengine.capture.synthetic:SyntheticSource",
    "none": "vpengine.capture.none:NoSource",
}
