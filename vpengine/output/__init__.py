"""Pictures leave the machine: windows on walls, headless, recordings, streams, and the films made from a run's log.

    wall code values > Output.show > Output.present(tick)      every frame, while the stage runs
    simulated pictures > Film.write                            afterwards, so that filming costs the wall nothing
    any feed > FeedReader > Encoding > a file or a stream      while the stage runs; dropped rather than waited for

A new kind of output is one file and one line here; a stage file's [[output]] names it.
"""

KINDS = {
    "window": "vpengine.output.window:WindowOutput",
    "headless": "vpengine.output.headless:HeadlessOutput",
    "recording": "vpengine.output.recording:RecordingOutput",
    "stream": "vpengine.output.stream:StreamOutput",
}
ON_DISPLAYS = ("window",)  # what a headless run replaces; it records and streams as ever
