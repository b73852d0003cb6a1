"""`python -m coldchain` is `coldchain`."""

import sys

from coldchain.cli import main

if __name__ == "__main__":
    sys.exit(main())
