"""Print the pip section of a conda environment file, as conda itself hands it to pip: a requirements file."""

import sys
from pathlib import Path

import yaml

sections = [d["pip"] for d in yaml.safe_load(Path(sys.argv[1]).read_text())["dependencies"] if isinstance(d, dict)]
# conda writes that file into the folder of environment.yml, so relative paths are relative to it
print("\n".join(line.replace("-r ", f"-r {Path.cwd()}/").replace("-e .", f"-e {Path.cwd()}") for line in sections[0]))
