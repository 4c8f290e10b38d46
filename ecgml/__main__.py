"""``python -m ecgml``: what MLproject's commands use."""

from ecgml.cli import main

if __name__ == "__main__":
    main()
