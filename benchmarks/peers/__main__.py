"""One engine's process: ``python -m benchmarks.peers keras``; asked by `benchmarks.engines`."""

import importlib
import sys

from benchmarks.peers.protocol import own_stdout, say, serve


def main(name: str) -> None:
    """Be this engine until the standard input ends; or say that it is not installed."""
    channel = own_stdout()
    try:
        peer = importlib.import_module(f"benchmarks.peers.{name}_peer")
    except ImportError as error:
        say(channel, {"missing": str(error)})
    else:
        serve(peer, channel)


if __name__ == "__main__":
    main(sys.argv[1])
