"""``python -m vpengine`` and the ``vpengine`` command."""

import importlib

from vpengine.cli import signals, streams


def main() -> None:
    """Loads the command line only when called: the neural process imports this module too, and needs none of it."""
    signals.end_at_once()
    streams.secure()
    try:
        importlib.import_module("vpengine.cli.main").main()
    except SystemExit as leaving:
        streams.leave_if_held(leaving.code)
        raise


if __name__ == "__main__":
    main()
