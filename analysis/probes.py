"""Tables of probes: reading them, and writing them at an eighth of their size for a repository.

A compact table has 8 significant bits per number, and probabilities as log-odds. Networks compute with the same
precision in bfloat16, and chapters use means over images of these tables. A file stores the probes of each image one
after another, because they are similar; tables have the images of each probe, also after reading.
A probability near 1 would lose its distance from 1, so a confidence p is stored as its log-odds, ln(p / (1 - p)), and
converted back when read.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import Table, parquet
from scipy import special

from analysis import runs
from analysis.errors import InputError

EPOCHS = ["epoch", "image", "norm", "avh", "correct", "confidence"]  # columns of epochs.parquet that chapters read
ITERATIONS = ["step", "image", "norm", "angle"]  # and of iterations.parquet
FEWEST_STEPS = 20  # to show how curves flatten after step 10 (App. A)
MOMENTS = 12  # epochs at which confidences are kept, denser at the start
PROBABILITIES = {"confidence": "confidence_log_odds"}
BITS = 8  # of the 11 bits of half precision; the others are 0, which compresses well
IMAGE = "image"  # the column that numbers images; the first one numbers probes
LARGEST = 17.0  # log-odds of the last float32 below 1


def moments(last: int) -> list[int]:
    """The epochs, from 1 to the last, at which scores are correlated with HSF and confidences are kept."""
    return sorted({round(epoch) for epoch in np.geomspace(1, last, MOMENTS)})


def write_probes(path: Path, table: pd.DataFrame) -> None:
    """Write a table with compact float32 columns. Raises InputError for a value beyond half precision."""
    wide = table.select_dtypes("float32").columns
    small = table.copy()
    for name in wide:
        values = table[name].to_numpy(np.float64)
        if name in PROBABILITIES:
            values = np.clip(special.logit(values), -LARGEST, LARGEST)
        elif (np.abs(values) > np.finfo(np.float16).max).any():
            raise InputError(f"{path}: {name} reaches {np.nanmax(np.abs(values)):g}, too large for half precision")
        small[name] = rounded(values).astype(np.float16)
    small = small.rename(columns=PROBABILITIES).sort_values(IMAGE, kind="stable")
    encodings = dict.fromkeys(small.select_dtypes("float16"), "BYTE_STREAM_SPLIT")
    encodings |= dict.fromkeys(small.select_dtypes("integer"), "DELTA_BINARY_PACKED")
    with runs.replacing(path) as temporary:
        parquet.write_table(
            Table.from_pandas(small, preserve_index=False),
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            column_encoding=encodings,
        )


def rounded(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with BITS significant bits."""
    mantissa, exponent = np.frexp(values)
    nearest: np.ndarray = np.ldexp(np.rint(mantissa * 2**BITS) / 2**BITS, exponent)
    return nearest


def read_probes(path: Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a table, compact or not; half precision becomes float32 again.

    Raises InputError if there is no table or a column is missing.
    """
    with runs.reading(path):
        there = set(parquet.read_schema(path).names)
        names = [PROBABILITIES[name] if PROBABILITIES.get(name) in there else name for name in columns]
        table: pd.DataFrame = parquet.read_table(path, columns=names).to_pandas()
    table = table.astype(dict.fromkeys(table.select_dtypes("float16"), "float32"))
    if IMAGE in table:
        table = table.sort_values([columns[0], IMAGE], kind="stable", ignore_index=True)
    for name, odds in PROBABILITIES.items():
        if odds in table:
            table[odds] = special.expit(table[odds])
            table = table.rename(columns={odds: name})
    return table
