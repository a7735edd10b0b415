"""`gaze predict --engine ray`: the same predictions by many processes, on this computer or on a cluster of Ray.

`places`: folders here and in object stores; `table`: what is done, as Parquet; `worker`: predicts a part of the
pictures; `job`: finds the pictures, deals the parts out with Ray Data, and tells of each picture when it is done.
Only `job` loads Ray, and only when it runs.
"""
