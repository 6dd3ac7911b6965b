"""tools/fit-costs: factors found again, none negative; errors and choices counted right."""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import random
import sys

sys.dont_write_bytecode = True
path = pathlib.Path(__file__).resolve().parents[2] / "tools" / "fit-costs"
loader = importlib.machinery.SourceFileLoader("fit_costs", str(path))
fit_costs = importlib.util.module_from_spec(importlib.util.spec_from_loader("fit_costs", loader))
loader.exec_module(fit_costs)


def rows(counts, cycles, kernel="k", layer="l"):
    return [fit_costs.Row("c", kernel, f"{layer}{i}", list(map(float, n)), float(y), 0.0, 0, 0, "") for i, (n, y) in enumerate(zip(counts, cycles))]


rng = random.Random(1)
counts = [[rng.randrange(1, 100000), rng.randrange(1, 9000), 1] for _ in range(40)]
true = [0.75, 12.5, 300]
exact = rows(counts, [sum(a * b for a, b in zip(true, n)) for n in counts])
assert all(abs(a / b - 1) < 1e-6 for a, b in zip(fit_costs.fit(exact), true)), fit_costs.fit(exact)
assert fit_costs.errors(true, exact)[1] < 1e-9

# What would want a negative factor gets none of it, and the others the best fit without it.
falling = rows([[n, n] if n % 2 else [n, 0] for n in range(1000, 1100)], [2 * n if n % 2 else 3 * n for n in range(1000, 1100)])
found = fit_costs.fit(falling)
assert found[1] == 0 and 2 < found[0] < 3, found
# Counts that are multiples of each other, and one that is always 0.
twins = fit_costs.fit(rows([[n, 2 * n, 0] for n in range(1, 50)], [4 * n for n in range(1, 50)]))
assert abs(twins[0] + 2 * twins[1] - 4) < 1e-9 and twins[2] == 0, twins

# The error is relative, and a thousand cycles are added to the measured ones.
middle, high = fit_costs.errors([1.0], rows([[1100], [2000], [9000], [19000]], [1000, 2000, 9000, 9000]))
assert abs(middle - 0) < 1e-12 and abs(high - 1) < 1e-12, (middle, high)

# Estimates choose a (10 a count) on both layers; on the second b is faster.
measured = rows([[1], [10]], [10, 120], "a") + rows([[1], [10]], [30, 100], "b")
text = io.StringIO()
with contextlib.redirect_stdout(text):
    fit_costs.choices(measured, {("c", "a"): (0, [10.0]), ("c", "b"): (0, [11.0])})
assert text.getvalue().startswith("2 layers, 1 times the fastest kernel; in all 18.18% more cycles"), text.getvalue()
