"""Speed and memory, measured side by side in one run and given as ratios, because machines differ."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # the servers that the tests start
