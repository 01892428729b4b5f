"""The labeler's job on other stream processors, each in an environment of its own, beside ours: `make bench-rivals`.

`job.py` is the job, as one would write it for a state store of keys and bytes; `on_quixstreams.py` and `on_faust.py`
put it into a framework the way its documentation would have it; `__main__.py` runs ours and theirs on the same broker
and inputs, and compares what they wrote. Rivals import nothing of `services`.
"""
