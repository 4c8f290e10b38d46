"""``python -m ecgml.server.trial ADDRESS FOLDER``: fetch a version into a folder, load it, let it answer.

In a process of its own: a version that does not load, hangs or kills its process takes no server with it. The last line
of standard output is the folder of its checkpoint.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ecgml.errors import EcgmlError
from ecgml.server.loading import open_model


def main() -> int:
    """Try a version; exit code 0 where it answers."""
    address, folder = sys.argv[1:]
    from ecgml.service.models import fetch_checkpoint

    try:
        checkpoint = fetch_checkpoint(address, Path(folder))
        open_model(address, address, None, checkpoint, "cpu")
    except EcgmlError as error:
        print(error, file=sys.stderr)
        return 1
    print(checkpoint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
