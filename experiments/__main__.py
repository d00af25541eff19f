"""List the experiments: ``python -m experiments``."""

from experiments import catalogue
from hfc_keras import endings


def main():
    """Print a line for each experiment."""
    with endings.met():
        experiments, commands = catalogue.experiments(), catalogue.commands()
        width = max(map(len, [*experiments, *commands]))
        print("python -m experiments.<name> [--help]")
        for heading, found in (("", experiments), ("over all of them:\n", commands)):
            print(f"\n{heading}", end="")
            for name, summary in found.items():
                print(f"  {name:<{width}}  {summary}")


if __name__ == "__main__":
    main()
