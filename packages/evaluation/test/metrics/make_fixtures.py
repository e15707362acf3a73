"""Writes the reference figures that the tests of packages/evaluation/src/metrics compare with.

    python packages/evaluation/test/metrics/make_fixtures.py [--koniq FOLDER]

Needs NumPy and SciPy (the figures in the repository are from SciPy 1.17.1 and NumPy 2.4.6). Writes, beside itself,
`fixtures/*.json`. With `--koniq` it also writes `fixtures/koniq.csv` from the two files in that folder:
`koniq10k_distributions_sets.csv` (official MOS and split) and `published_predictions.csv` (columns image_name, brisque,
hyperiqa); without it the existing file is used. fixtures/README.md names the sources.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import optimize, stats

OUT = Path(__file__).parent / "fixtures"
warnings.simplefilter("ignore")


def encode(value):
    """JSON has no NaN and no infinity: they become strings."""
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [encode(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return value if math.isfinite(value) else str(value)
    return int(value) if isinstance(value, np.integer) else value


def save(name: str, content) -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / name).write_text(json.dumps(encode(content), allow_nan=False, separators=(",", ":")) + "\n")


# --- correlations and errors ---------------------------------------------------------------------------------------


def exact_pearson(x, y) -> float:
    """Pearson's correlation in rational arithmetic, for scales at which SciPy's own sums lose digits."""
    x = [Fraction(float(v)) for v in x]
    y = [Fraction(float(v)) for v in y]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    sxx, syy = sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
    square = sxy * sxy / (sxx * syy)
    return math.copysign(math.sqrt(square), sxy)


def lcg(size: int, seed: int) -> np.ndarray:
    """Uniform numbers from a 32-bit congruential generator, reproduced by the tests."""
    out = np.empty(size)
    state = seed
    for i in range(size):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = state / 2**32
    return out


def correlation_cases(rng: np.random.Generator) -> list[dict]:
    def noisy(size, noise):
        y = rng.normal(size=size)
        return y + noise * rng.normal(size=size), y

    cases: list[tuple[str, np.ndarray, np.ndarray]] = []
    for size in (3, 4, 5, 10, 50, 500):
        cases.append((f"random {size}", *noisy(size, 1.0)))
    cases.append(("strong 200", *noisy(200, 0.05)))
    cases.append(("independent 300", rng.normal(size=300), rng.normal(size=300)))
    x, y = noisy(200, 0.5)
    cases.append(("negative 200", -x, y))
    cases.append(("tied both 300", np.round(rng.normal(size=300)), rng.integers(1, 6, 300).astype(float)))
    cases.append(("tied one 200", np.round(x * 2) / 2, y))
    cases.append(("two values 50", rng.integers(0, 2, 50).astype(float), rng.normal(size=50)))
    cases.append(("one differs 20", np.r_[np.zeros(19), 1.0], rng.normal(size=20)))
    cases.append(("identical 30", y[:30], y[:30]))
    cases.append(("reversed 30", -y[:30], y[:30]))
    cases.append(("offset 1e9 200", 1e9 + x, y - 1e9))
    cases.append(("offset 1e12 200", 1e12 + np.round(x * 64), y))
    cases.append(("scale 1e300 100", x[:100] * 1e300, y[:100]))
    cases.append(("scale 1e308 100", np.clip(x[:100], -1.7, 1.7) * 1e308, y[:100] * 1e-300))
    cases.append(("scale 1e-300 100", x[:100] * 1e-300, y[:100]))
    cases.append(("subnormal 60", rng.integers(-40, 41, 60) * 5e-324, rng.normal(size=60)))
    cases.append(("subnormal both 60", rng.integers(0, 999, 60) * 5e-324, rng.integers(0, 999, 60) * 5e-324))
    cases.append(("neighbouring doubles 40", 1 + rng.integers(0, 9, 40) * 2.0**-52, rng.normal(size=40)))
    cases.append(("outlier 1e15 50", np.r_[x[:49], 1e15], y[:50]))
    cases.append(("zeros of both signs 20", np.where(np.arange(20) % 3 == 0, -0.0, np.arange(20) // 7 * 1.0), y[:20]))
    cases.append(("integers 1000", rng.integers(0, 101, 1000).astype(float), rng.integers(0, 101, 1000).astype(float)))

    out = []
    for name, a, b in cases:
        error = [Fraction(float(p)) - Fraction(float(q)) for p, q in zip(a, b)]
        mse = sum(e * e for e in error) / len(error)
        out.append(
            {
                "name": name,
                "x": a,
                "y": b,
                "srcc": stats.spearmanr(a, b).statistic,
                "krcc": stats.kendalltau(a, b).statistic,
                "plcc": exact_pearson(a, b),
                "scipyPlcc": stats.pearsonr(a, b).statistic,
                "mse": float(mse) if mse < Fraction(2) ** 1023 else math.inf,
                # The root of a fraction of any size: scaled by an even power of two, so that it fits into a double.
                "rmse": root(mse),
                "mae": float(sum(abs(e) for e in error) / len(error)),
                "bias": float(sum(error) / len(error)),
            }
        )
    return out


def root(square: Fraction) -> float:
    if square == 0:
        return 0.0
    half = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(square / Fraction(4) ** half), half)


def huge_cases() -> list[dict]:
    """A million pairs by formula; only the figures are stored."""
    out = []
    for name, size, step in (("continuous", 1_000_000, 0), ("tied", 1_000_000, 100)):
        a, b = lcg(size, 1), lcg(size, 2)
        x = a
        y = a * a + b * 0.5
        if step:
            x, y = np.floor(x * step), np.floor(y * step)
        out.append(
            {
                "name": name,
                "size": size,
                "step": step,
                "srcc": stats.spearmanr(x, y).statistic,
                "krcc": stats.kendalltau(x, y).statistic,
                "plcc": stats.pearsonr(x, y).statistic,
            }
        )
    return out


# --- fits ----------------------------------------------------------------------------------------------------------


def logistic4(x, b1, b2, b3, b4):
    return (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4))) + b2


def logistic5(x, b1, b2, b3, b4, b5):
    return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5


def derivatives4(x, b1, b2, b3, b4):
    t = (x - b3) / abs(b4)
    curve = 1 / (1 + np.exp(-t))
    slope = (b1 - b2) * curve * (1 - curve) / abs(b4)
    return np.stack([curve, 1 - curve, -slope, -slope * t * np.sign(b4)], axis=1)


MODELS = {
    "logistic4": (logistic4, lambda x, y: [y.max(), y.min(), x.mean(), x.std() / 4]),
    "logistic5": (logistic5, lambda x, y: [10, 0, x.mean(), 0.1, 0.1]),
}


def curve_fit(model: str, x: np.ndarray, y: np.ndarray, derivatives=None) -> dict | None:
    """SciPy's fit from the start that the field uses; None if it does not converge."""
    function, start = MODELS[model]
    try:
        parameters, _ = optimize.curve_fit(function, x, y, p0=start(x, y), maxfev=20000, jac=derivatives)
    except RuntimeError:
        return None
    mapped = function(x, *parameters)
    return {
        "parameters": parameters,
        "sumOfSquares": ((mapped - y) ** 2).sum(),
        "plcc": stats.pearsonr(mapped, y).statistic,
        "rmse": math.sqrt(((mapped - y) ** 2).mean()),
    }


def fit_cases(rng: np.random.Generator) -> list[dict]:
    cases: list[tuple[str, np.ndarray, np.ndarray]] = []
    for size in (8, 30, 200, 600):
        x = rng.normal(size=size)
        cases.append((f"tanh {size}", x, 50 + 20 * np.tanh(x) + rng.normal(0, 4, size)))
        x = rng.uniform(size=size)
        cases.append((f"unit interval {size}", x, 100 / (1 + np.exp(-8 * (x - 0.5))) + rng.normal(0, 6, size)))
        x = rng.uniform(0, 100, size)
        cases.append((f"mos 1 to 5 {size}", x, 1 + 4 / (1 + np.exp(-(x - 50) / 12)) + rng.normal(0, 0.3, size)))
        cases.append((f"lower is better {size}", -x, 1 + 4 / (1 + np.exp(-(x - 40) / 9)) + rng.normal(0, 0.3, size)))
        cases.append((f"noise {size}", rng.normal(size=size), rng.normal(size=size)))
        x = rng.normal(size=size)
        cases.append((f"straight {size}", x, x + rng.normal(size=size)))
    x = np.round(rng.uniform(0, 10, 300))
    cases.append(("tied 300", x, np.round(1 + 4 / (1 + np.exp(-(x - 5))) + rng.normal(0, 0.5, 300))))
    x = rng.uniform(size=200)
    y = 100 / (1 + np.exp(-9 * (x - 0.4))) + rng.normal(0, 5, 200)
    cases.append(("small scale", x * 1e-6, y))
    cases.append(("large scale", x * 1e6, y * 1e6))
    cases.append(("offset 1e6", 1e6 + 100 * x, y))
    cases.append(("no noise", x, logistic4(x, 90, 10, 0.5, 0.1)))
    out = []
    for name, x, y in cases:
        x, y = (np.array([float(f"{v:.9g}") for v in values]) for values in (x, y))
        fits = {model: curve_fit(model, x, y) for model in MODELS}
        # Finite-difference errors choose between minima in pure noise; this fit avoids them.
        fits["logistic4Exact"] = curve_fit("logistic4", x, y, derivatives4)
        out.append({"name": name, "x": x, "y": y, **fits})
    return out


# --- intervals and tests -------------------------------------------------------------------------------------------


def bootstrap_cases(rng: np.random.Generator) -> list[dict]:
    """SciPy's intervals for its own replicates, which are stored with them; and jackknife values."""
    statistics = {
        "srcc": lambda x, y: stats.spearmanr(x, y).statistic,
        "krcc": lambda x, y: stats.kendalltau(x, y).statistic,
        "plcc": lambda x, y: stats.pearsonr(x, y).statistic,
        "rmse": lambda x, y: math.sqrt(np.mean((x - y) ** 2)),
        "mae": lambda x, y: np.mean(np.abs(x - y)),
        "mse": lambda x, y: np.mean((x - y) ** 2),
        "bias": lambda x, y: np.mean(x - y),
    }
    out = []
    for name, digits in (("continuous", 4), ("tied", 0)):
        y = np.round(rng.normal(3, 2, 25), digits)
        x = np.round(y + rng.normal(0.3, 1.5, 25), digits)
        for statistic, function in statistics.items():
            case = {"name": f"{statistic} {name}", "statistic": statistic, "x": x, "y": y, "intervals": {}}
            for method, key in (("BCa", "bca"), ("percentile", "percentile")):
                result = stats.bootstrap(
                    (x, y), function, paired=True, vectorized=False, n_resamples=299, method=method,
                    confidence_level=0.9, rng=np.random.default_rng(7),
                )
                interval = result.confidence_interval
                case["intervals"][key] = [interval.low, interval.high]
                case["standardError"] = result.standard_error
                case["replicates"] = result.bootstrap_distribution
            leave = [np.delete(np.arange(25), i) for i in range(25)]
            case["estimate"] = function(x, y)
            case["jackknife"] = [function(x[k], y[k]) for k in leave]
            # One resample: how often each image occurs, and the statistic of it.
            counts = np.bincount(rng.integers(0, 25, 25), minlength=25)
            case["counts"] = counts
            case["resampled"] = function(np.repeat(x, counts), np.repeat(y, counts))
            out.append(case)
    return out


def dependent_correlations(r1: float, r2: float, r12: float, n: int) -> dict:
    """Meng, Rosenthal & Rubin 1992."""
    mean = (r1**2 + r2**2) / 2
    f = min(1, (1 - r12) / (2 * (1 - mean)))
    h = (1 - f * mean) / (1 - mean)
    difference = np.arctanh(r1) - np.arctanh(r2)
    error = math.sqrt(2 * (1 - r12) * h / (n - 3))
    low, high = stats.norm.interval(0.95, difference, error)
    z = difference / error
    return {"r1": r1, "r2": r2, "r12": r12, "n": n, "z": z, "p": 2 * stats.norm.sf(abs(z)), "low": low, "high": high}


def comparison_cases(rng: np.random.Generator) -> dict:
    dependent = [
        dependent_correlations(*case)
        for case in [
            (0.63, -0.03, -0.19, 15), (0.9, 0.85, 0.8, 2015), (0.95, 0.3, 0.2, 10073), (0.5, 0.5, 0.9, 100),
            (-0.2, 0.7, -0.5, 40), (0.1, 0.05, 0.999, 4), (0.99, 0.98, -0.3, 50),
        ]
    ]
    fisher = []
    for size in (4, 10, 200, 5000):
        y = rng.normal(size=size)
        result = stats.pearsonr(y + rng.normal(size=size), y)
        for level in (0.9, 0.95, 0.99):
            low, high = result.confidence_interval(level)
            fisher.append({"r": result.statistic, "n": size, "level": level, "low": low, "high": high})
    gaps = []
    for size, level in ((3, 0.95), (4, 0.95), (20, 0.9), (21, 0.99), (400, 0.95), (1500, 0.95)):
        y = np.round(rng.uniform(0, 100, size), 3)
        x = np.round(0.2 * y + 25 + rng.normal(0, 5, size), 3)
        line = stats.linregress(y, x - y)
        reach = stats.t.ppf((1 + level) / 2, size - 2) * line.stderr
        gaps.append(
            {"x": x, "y": y, "level": level, "slope": line.slope, "intercept": line.intercept,
             "low": line.slope - reach, "high": line.slope + reach}
        )
    return {"dependent": dependent, "fisher": fisher, "gaps": gaps}


def distribution_cases() -> dict:
    z = np.r_[np.linspace(-8, 8, 65), 2.4999, 2.5001, 12, 20, 37]
    p = [1e-300, 1e-100, 1e-16, 1e-9, 1e-4, 0.001, 0.005, 0.02425, 0.025, 0.1, 0.25, 0.4999, 0.5, 0.6, 0.975, 0.999]
    t = [(level, df) for level in (0.5, 0.9, 0.95, 0.999) for df in (1, 2, 3, 4, 7, 28, 99, 500, 999, 1000, 1001, 10071)]
    return {
        "upperTail": [[value, stats.norm.sf(value)] for value in z],
        "quantile": [[value, stats.norm.ppf(value)] for value in p],
        "t": [[level, df, stats.t.ppf((1 + level) / 2, df)] for level, df in t],
    }


# --- opinions ------------------------------------------------------------------------------------------------------


def opinion_cases(rng: np.random.Generator) -> list[dict]:
    """Outlier ratio, P.1401's RMSE*, and Krasula's areas by the Mann–Whitney statistic over all pairs."""
    out = []
    for name, size, digits in (("continuous", 60, 6), ("tied", 80, 0), ("few", 4, 2), ("two", 2, 2)):
        y = np.round(rng.uniform(0, 10, size), digits)
        x = np.round(y + rng.normal(0, 2, size), digits)
        deviations = np.round(rng.uniform(0.5, 2, size), 3)
        opinions = rng.integers(5, 60, size)
        errors = deviations / np.sqrt(opinions)
        quantile = np.where(opinions >= 30, 1.96, stats.t.ppf(0.975, opinions - 1))
        half = quantile * errors
        outside = np.maximum(0, np.abs(y - x) - half)
        i, j = np.triu_indices(size, 1)
        different = np.abs(y[i] - y[j]) / np.sqrt(errors[i] ** 2 + errors[j] ** 2) > 2
        gap = np.abs(x[i] - x[j])
        better = ((x[i] - x[j]) * np.sign(y[i] - y[j]))[different]
        case = {
            "name": name, "x": x, "y": y, "deviations": deviations, "opinions": opinions, "halfWidths": half,
            "outlierRatio": np.mean(np.abs(x - y) > 2 * deviations),
            "different": int(different.sum()), "similar": int((~different).sum()),
        }
        for d in (0, 1, 4):
            case[f"rmseStar{d}"] = math.sqrt((outside**2).sum() / (size - d)) if size > d else None
        if different.any():
            case["betterWorse"] = stats.mannwhitneyu(better, -better).statistic / len(better) ** 2
            case["correct"] = np.mean(better > 0)
            if not different.all():
                similar = gap[~different]
                case["differentSimilar"] = (
                    stats.mannwhitneyu(gap[different], similar).statistic / different.sum() / len(similar)
                )
        out.append(case)
    return out


# --- KonIQ-10k -----------------------------------------------------------------------------------------------------


def koniq_csv(folder: Path) -> None:
    with (folder / "koniq10k_distributions_sets.csv").open(newline="") as file:
        official = {row["image_name"]: row for row in csv.DictReader(file)}
    with (folder / "published_predictions.csv").open(newline="") as file:
        predictions = [row for row in csv.DictReader(file) if row["image_name"] in official]
    with (OUT / "koniq.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_name", "set", "MOS", "hyperiqa", "brisque"])
        for row in predictions:
            known = official[row["image_name"]]
            writer.writerow([row["image_name"], known["set"], known["MOS"], row["hyperiqa"], row["brisque"]])


def koniq_figures() -> dict:
    with (OUT / "koniq.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    y = np.array([float(row["MOS"]) for row in rows])
    test = np.array([row["set"] == "test" for row in rows])
    out = {}
    for column in ("hyperiqa", "brisque"):
        x = np.array([float(row[column]) for row in rows])
        out[column] = {
            name: {
                "n": int(part.sum()),
                "srcc": stats.spearmanr(x[part], y[part]).statistic,
                "krcc": stats.kendalltau(x[part], y[part]).statistic,
                "plcc": stats.pearsonr(x[part], y[part]).statistic,
                **{model: curve_fit(model, x[part], y[part]) for model in MODELS},
            }
            for name, part in (("all", np.ones(len(y), bool)), ("test", test))
        }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--koniq", type=Path, help="folder with KonIQ-10k's scores and the published predictions")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if options.koniq:
        koniq_csv(options.koniq)
    save("versions.json", {"scipy": scipy.__version__, "numpy": np.__version__})
    save("correlation.json", correlation_cases(np.random.default_rng(1)))
    save("huge.json", huge_cases())
    save("fits.json", fit_cases(np.random.default_rng(2)))
    save("bootstrap.json", bootstrap_cases(np.random.default_rng(3)))
    save("comparison.json", comparison_cases(np.random.default_rng(4)))
    save("distributions.json", distribution_cases())
    save("opinions.json", opinion_cases(np.random.default_rng(5)))
    save("koniq.json", koniq_figures())


if __name__ == "__main__":
    main()
