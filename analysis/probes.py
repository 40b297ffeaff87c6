"""Tables of probes: what chapters read of them; and the same in an eighth of their size, for a repository.

A small table has 8 bits a number, and probabilities as log-odds. That is what a network's layers compute with in
bfloat16, and chapters use means over images of these tables. A file has the probes of each image one after another,
which are alike; tables have the images of each probe, also when read.
A probability near 1 would lose what tells it from 1, so a confidence p is kept as its log-odds, ln(p / (1 - p)), and
is p again when read.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import Table, parquet
from scipy import special

from analysis import runs
from analysis.errors import InputError

EPOCHS = ["epoch", "image", "norm", "avh", "correct", "confidence"]  # what chapters read of epochs.parquet
ITERATIONS = ["step", "image", "norm", "angle"]  # and of iterations.parquet
MOMENTS = 12  # epochs at which confidences are kept, closer together at the start
PROBABILITIES = {"confidence": "confidence_log_odds"}
BITS = 8  # of a number's 11 in half precision; the others are 0, which compresses well
IMAGE = "image"  # the column that counts images; the first one counts probes
LARGEST = 17.0  # log-odds of the last float32 below 1


def moments(last: int) -> list[int]:
    """The epochs, from 1 to the last, at which scores are correlated with HSF and confidences are kept."""
    return sorted({round(epoch) for epoch in np.geomspace(1, last, MOMENTS)})


def write_probes(path: Path, table: pd.DataFrame) -> None:
    """Write a table, its float32 columns compactly. Raises InputError for a value beyond half precision."""
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
    """The nearest numbers of BITS significant bits."""
    mantissa, exponent = np.frexp(values)
    nearest: np.ndarray = np.ldexp(np.rint(mantissa * 2**BITS) / 2**BITS, exponent)
    return nearest


def read_probes(path: Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a table, whether it is compact or not; half precision becomes float32 again.

    Raises InputError where there is none or it lacks a column.
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
