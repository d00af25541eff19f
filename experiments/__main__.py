"""List the experiments: ``python -m experiments``."""

from experiments import catalogue


def main():
    """Print a line for each experiment."""
    found = catalogue.experiments()
    width = max(map(len, found))
    print("python -m experiments.<name> [--help]\n")
    for name, summary in found.items():
        print(f"  {name:<{width}}  {summary}")


if __name__ == "__main__":
    main()
