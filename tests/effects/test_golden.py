"""Every measure against R's metafor: `effect_sizes` must give its yi and vi, in each golden file there is."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.registry import MEASURES

GOLDEN = Path(__file__).parents[1] / "golden"
# Our columns by metafor's arguments. In its paired measures the first measurement is our treatment, but in SMCR
# the first gives the standard deviation, so there it is our control, and the sign turns.
NAMES = {
    "ai": "events_t", "n1i": "n_t", "ci": "events_c", "n2i": "n_c", "x1i": "events_t", "x2i": "events_c",
    "t1i": "time_t", "t2i": "time_c", "m1i": "mean_t", "sd1i": "sd_t", "m2i": "mean_c", "sd2i": "sd_c", "ni": "n",
    "ri": "r", "mi": "mean", "sdi": "sd", "xi": "events", "ti": "time",
}  # fmt: skip
PAIRED = {"ri": "correlation"}
TURNED = {"m1i": "mean_c", "sd1i": "sd_c", "m2i": "mean_t", "sd2i": "sd_t"}
PAIRS = {"ai": "both", "bi": "only_t", "ci": "only_c", "di": "neither"}
OURS = {measure.peer: name for name, measure in MEASURES.items() if measure.peer}


def cases():
    """Yield the cases of every file: an id, metafor's measure, its arguments, our options, yi and vi."""
    for path in sorted(GOLDEN.glob("escalc_*.json")):
        record = json.loads(path.read_text())
        assert record["peer"] == "metafor"
        for case in record.get("cases", []):
            yield case["id"], case["measure"], case["raw"], dict(case["options"] or {}), case["yi"], case["vi"]
        for measure, values in record.get("measures", {}).items():
            yield record["dataset"], measure, record["raw"], {}, values["yi"], values["vi"]


CASES = list(cases())


def arm_table(measure, raw):
    if "tpos" in raw:
        sizes = {f"n{i}i": np.add(raw[f"{arm}pos"], raw[f"{arm}neg"]) for i, arm in ((1, "t"), (2, "c"))}
        raw = {"ai": raw["tpos"], "ci": raw["cpos"], **sizes}
    names = NAMES | (PAIRED if "m1i" in raw and "ri" in raw else {}) | (TURNED if measure == "SMCR" else {})
    names |= PAIRS if measure.startswith("MP") else {}
    columns = {names[name]: values for name, values in raw.items()}
    return {"study": range(len(next(iter(columns.values())))), **columns}


@pytest.mark.filterwarnings("ignore::bayesmeta.errors.DataWarning")  # some studies are made up to be extreme
@pytest.mark.parametrize(("label", "measure", "raw", "options", "y", "v"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_measures_match_metafor(label, measure, raw, options, y, v):
    if "add" in options:
        options["correction"] = options.pop("add")
    data = effect_sizes(arm_table(measure, raw), OURS[measure], **options)
    # Files by name of a data set hold ten digits.
    np.testing.assert_allclose(data.y, np.array(y) * (-1 if measure == "SMCR" else 1), rtol=0, atol=1e-8)
    np.testing.assert_allclose(data.se, np.sqrt(v), rtol=1e-8, atol=0)
    assert data.measure == OURS[measure]


def test_every_measure_that_metafor_has_is_compared():
    compared = Counter(measure for _, measure, *_ in CASES)
    assert set(compared) - {"MC"} == set(OURS) - {"MC"}
    assert compared["OR"] >= 4


def test_change_from_baseline_is_the_difference_of_two_paired_differences():
    t, c = ({k: np.array(v) for k, v in raw.items()} for label, _, raw, *_ in CASES if label.startswith("change"))
    (y_t, v_t), (y_c, v_c) = ((np.array(y), np.array(v)) for label, *_, y, v in CASES if label.startswith("change"))
    arms = {"study": range(len(y_t)), "correlation": t["ri"]}
    for arm, raw in (("t", t), ("c", c)):
        arms |= {f"mean_post_{arm}": raw["m1i"], f"sd_post_{arm}": raw["sd1i"], f"n_{arm}": raw["ni"]}
        arms |= {f"mean_pre_{arm}": raw["m2i"], f"sd_pre_{arm}": raw["sd2i"]}
    data = effect_sizes(arms, "md_change")
    np.testing.assert_allclose(data.y, y_t - y_c, rtol=0, atol=1e-12)
    np.testing.assert_allclose(data.v, v_t + v_c, rtol=1e-12)
