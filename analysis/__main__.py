"""The command line: ``python -m analysis COMMAND -p NAME VALUE ...``, with the parameters that papermill takes.

python -m analysis data  -p dataset synthetic
python -m analysis train -p dataset synthetic -p arch resnet50 -p epochs 3 -p study quick
"""

import argparse
import sys

import yaml

from analysis.errors import InputError
from analysis.parameters import RunParameters, StudyParameters


def main() -> int:
    """Run one command; 0, or 2 after one sentence about bad input, or 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Prepare data, train networks.")
    parser.add_argument("command", choices=("data", "train"))
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: as torch decides")
    arguments = parser.parse_args()
    try:
        values = {name: yaml.safe_load(value) for name, value in arguments.parameters}
        if arguments.command == "data":
            prepare(StudyParameters.parse(values))
        else:
            train(RunParameters.parse(values), arguments.threads)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from the last finished epoch", file=sys.stderr)
        return 130
    return 0


def prepare(parameters: StudyParameters) -> None:
    from analysis import study  # noqa: PLC0415  bad parameters are refused before anything slow is imported

    dataset = study.prepare(parameters)
    print(f"{parameters.study_dir}: {len(dataset.test):,} test images, {len(dataset.classes)} classes")


def train(parameters: RunParameters, threads: int) -> None:
    from analysis import study  # noqa: PLC0415

    if threads:
        import torch  # noqa: PLC0415

        torch.set_num_threads(threads)
    stamp = study.complete(parameters)
    print(f"{parameters.run_dir}: {stamp['network']}, {stamp['seconds']:.0f} s on {stamp['device']}")


if __name__ == "__main__":
    sys.exit(main())
