"""``python -m vpengine`` and the ``vpengine`` command."""

from vpengine.plugins import load_plugin


def main() -> None:
    """Loads the command line only when called: the neural process imports this module too, and needs none of it."""
    load_plugin("vpengine.cli.signals:end_at_once")()  # both before the rest, which takes a second to import
    load_plugin("vpengine.cli.streams:secure")()
    load_plugin("vpengine.cli.main:main")()


if __name__ == "__main__":
    main()
