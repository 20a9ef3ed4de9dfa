"""How well hidden trials and models of counts are answered: `make calibrate` writes docs/calibration-table.md.

Results are kept in benchmarks/calibration, and what is there is not computed again: an interrupted run goes on where it was, and
`--again` starts anew. Of a processor's time, hidden trials take 4 minutes, the seeds 5, the 1,000 replications of reviews 30 and
those of counts 25. `--page` writes the page from what is stored.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from calibration import count_models, hidden, page, sbc, seeds

PARTS = {"hidden": hidden.run, "seeds": seeds.run, "sbc": sbc.run, "counts": count_models.run}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="what to compute; all by default")
    parser.add_argument("--again", action="store_true", help="leave out what is stored, and compute all of it again")
    parser.add_argument("--page", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    for name in [] if asked.page else asked.only or PARTS:
        path = page.FOLDER / f"{name}.csv"
        if asked.again:
            path.unlink(missing_ok=True)
        PARTS[name](path)
    page.write()


if __name__ == "__main__":
    main()
