"""One measurement in a process of its own, so that it can be bounded in time: `python -m bench.one NAME SCALE`."""

import json
import signal
import sys
from dataclasses import asdict
from importlib import import_module


def main() -> None:
    name, scale = sys.argv[1:]
    # Ended from outside, it still takes its servers and folders with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    module = import_module(f"bench.{name}")
    anchors = [asdict(anchor) for anchor in module.measure(float(scale))]
    print(json.dumps({"about": (module.__doc__ or "").strip(), "anchors": anchors}))


if __name__ == "__main__":
    main()
