"""`make diff`: what two snapshots differ in. It needs PyArrow and SciPy, so the Spark environment runs it."""
