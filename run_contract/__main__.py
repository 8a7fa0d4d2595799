"""`python -m run_contract`: the variables of `make run`, as `make help` shows them."""

import sys

from run_contract.param_queries import make_run_params

if __name__ == "__main__":
    sys.stdout.write(" ".join(f"{param.make_variable}=" for param in make_run_params()) + "\n")
