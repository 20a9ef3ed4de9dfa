"""What a user waits for before the first answer, against loading NumPy, SciPy, pandas and xarray alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable


def fresh(*arguments: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run


HELP = "import sys; from bayesmeta.cli import main; sys.argv = ['bayesmeta', '--help']; main()"
CASES = {
    "import numpy, scipy.stats, pandas, xarray": fresh("-c", "import numpy, scipy.stats, pandas, xarray"),
    "import bayesmeta": fresh("-c", "import bayesmeta"),
    "bayesmeta --help": fresh("-c", HELP),
    "import pymc": fresh("-c", "import pymc"),
}
