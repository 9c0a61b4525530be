"""Pictures leave the machine: windows on walls, headless, and the films made from a run's log.

    wall code values > Output.show > Output.present(tick)      every frame, while the stage runs
    simulated pictures > Film.write                            afterwards, so that filming costs the wall nothing

A new kind of output is one file and one line here; a stage file's [[output]] names it.
"""

KINDS = {
    "window": "vpengine.output.window:WindowOutput",
    "headless": "vpengine.output.headless:HeadlessOutput",
}
