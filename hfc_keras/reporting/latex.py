"""Tables as LaTeX."""

from collections.abc import Iterable

import pandas as pd

from hfc_keras import checks

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def to_latex(table: pd.DataFrame, decimals: int = 3, index: bool = False) -> str:
    r"""Return a table as a LaTeX tabular with the rules of booktabs.

    Args:
        table: DataFrame, of ``analysis`` or of this package; ``+-`` becomes a sign.
        decimals: int from 0, digits behind the point of floats; whole numbers keep theirs.
        index: bool, whether the index is the first column.

    Returns:
        str. Numbers are set to the right. What is special to LaTeX in names is escaped, a number
        that is not there is empty.

    Raises:
        ValueError: for what is no DataFrame, or no number of decimals.

    Example:
        >>> print(to_latex(pd.DataFrame({"recipe": ["mix_up"], "accuracy": [0.5]}), decimals=2))
        \begin{tabular}{lr}
        \toprule
        recipe & accuracy \\
        \midrule
        mix\_up & 0.50 \\
        \bottomrule
        \end{tabular}
    """
    checks.require(
        isinstance(table, pd.DataFrame), "`table` must be a DataFrame", table=type(table).__name__
    )
    decimals = checks.number("decimals", decimals, 0, whole=True)
    shown = table.reset_index(names=table.index.name or "") if index else table
    kinds = ["r" if pd.api.types.is_numeric_dtype(dtype) else "l" for dtype in shown.dtypes]
    header = _line(_text(name) for name in shown.columns)
    rows = [_line(_cell(value, decimals) for value in row) for row in shown.itertuples(index=False)]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{''.join(kinds)}}}",
            r"\toprule",
            header,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(value: object, decimals: int) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    return _text(value)


def _text(value: object) -> str:
    parts = str(value).split("+-")
    return r"$\pm$".join("".join(SPECIAL.get(each, each) for each in part) for part in parts)
