"""Row 35: the bytes of a table, whatever pandas makes of its types."""

import numpy as np
import pandas as pd
from own import sweep

from hfc_keras import csv_files, files

GOLDEN = """\
recipe,seed,radius,accuracy,count,source,note
vanilla,0,,0.30000000000000004,3.0,images,
vanilla,1,4.0,1e-07,,generated,"a, ""b"" c"
größe 大,2,1.5,1.0,12345678901.0,,x
"""


def test_a_table_read_and_written_again_has_the_same_bytes(tmp_path):
    path = files.write_whole(tmp_path / "t.csv", GOLDEN)
    frame = csv_files.read(path, "write it anew").frame
    assert frame.to_csv(index=False) == GOLDEN
    parts = [frame[:1], frame[1:]]
    assert pd.concat(parts, ignore_index=True).to_csv(index=False) == GOLDEN


def test_a_table_made_in_two_runs_has_the_bytes_of_one(swept, tmp_path):
    for name in sweep.RECIPES:
        sweep.run(tmp_path, "--recipes", name)
    assert sweep.table(tmp_path).read_bytes() == sweep.table(swept).read_bytes()


def test_types_of_pandas_do_not_show_in_the_bytes():
    plain = pd.DataFrame({"recipe": ["a", "b"], "seed": [0, 1], "accuracy": [0.1, np.nan]})
    kinds = [
        plain,
        plain.astype({"recipe": object}),
        plain.astype({"recipe": "string"}),
        plain.astype({"seed": "Int64", "accuracy": "Float64"}),
        plain.convert_dtypes(),
        plain.astype({"recipe": "category"}),
    ]
    written = {frame.to_csv(index=False) for frame in kinds}
    assert written == {"recipe,seed,accuracy\na,0,0.1\nb,1,\n"}
