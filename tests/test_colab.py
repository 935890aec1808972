"""What `make colab` takes for a fault."""

import colab
import nbformat.v4 as v4
import pytest

ERROR = v4.new_output("error", ename="ValueError", evalue="no")
NOTICE = v4.new_output("stream", name="stderr", text="red words")
PRINTED = v4.new_output("stream", name="stdout", text="words")


@pytest.mark.parametrize(
    ("outputs", "tags", "cell_id", "faults"),
    [
        ([PRINTED], [], "one", 0),
        ([ERROR], [], "one", 1),
        ([NOTICE, ERROR], [], "one", 2),
        ([ERROR], ["raises-exception"], "one", 0),
        ([NOTICE], ["raises-exception"], "one", 1),
        ([NOTICE], [], "course-setup", 0),
        ([ERROR], [], "course-setup", 1),
    ],
)
def test_errors_and_words_on_stderr_are_faults(outputs, tags, cell_id, faults):
    cell = v4.new_code_cell("x = 1", outputs=outputs, metadata={"tags": tags}, id=cell_id)
    found = colab.complaints(cell)
    assert len(found) == faults and all("x = 1" in fault for fault in found)
