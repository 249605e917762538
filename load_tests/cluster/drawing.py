"""One plot, in the look of all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GREY, BLUE, RED = "#9aa5b1", "#2f6f9f", "#c8623c"


@contextmanager
def plot(path: Path, title: str, size: tuple[float, float] = (7.2, 3.2)) -> Iterator[Any]:
    """Axes of matplotlib; written to `path` (PNG) at the end."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=size, dpi=110, layout="constrained")
    try:
        yield axes
        axes.set_title(title, fontsize=9.5, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    finally:
        pyplot.close(figure)


def pairs(
    path: Path, title: str, names: tuple[str, str], runs: Sequence[tuple[float, float]]
) -> None:
    """Two bars at the medians of what each run gave, each run a stroke."""
    middle = [sorted(side)[len(runs) // 2] for side in zip(*runs, strict=True)]
    with plot(path, title, (5.2, 3.2)) as axes:
        axes.bar_label(axes.bar(names, middle, color=[GREY, BLUE]), fmt="%.1f")
        for one in runs:
            axes.plot(names, one, "k_", markersize=14)
        axes.margins(y=0.15)
