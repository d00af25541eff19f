"""List the experiments: ``python -m experiments``."""

from hfc_keras import endings
from hfc_keras.lab import discovery


def main() -> None:
    """Print a line for each experiment."""
    with endings.met():
        listed = {
            "": discovery.experiments("experiments"),
            "on networks that others trained:\n": discovery.outside("experiments"),
            "over all of them:\n": discovery.commands("experiments"),
        }
        width = max(len(name) for found in listed.values() for name in found)
        print("python -m experiments.<name> [--help]")
        for heading, found in listed.items():
            print(f"\n{heading}", end="")
            for name, summary in found.items():
                print(f"  {name:<{width}}  {summary}")


if __name__ == "__main__":
    main()
