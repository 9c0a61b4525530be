"""``python -m vpengine`` and the ``vpengine`` command."""

from vpengine.plugins import load_plugin
from vpengine.stops import kept_from_children


def main() -> None:
    """Loads the command line only when called: the neural process imports this module too, and needs none of it."""
    load_plugin("vpengine.cli.signals:end_at_once")()  # both before the rest, which takes a second to import
    load_plugin("vpengine.cli.streams:secure")()
    with kept_from_children():  # glfw tries its library in a process, which would print a traceback of a Ctrl-C
        load_plugin("vpengine.gpu.window:Windows")
    try:
        load_plugin("vpengine.cli.main:main")()
    except SystemExit as leaving:
        load_plugin("vpengine.cli.streams:leave_if_held")(leaving.code)
        raise


if __name__ == "__main__":
    main()
