"""The same as python -m tests.fuzz, from anywhere: python tests/fuzz/run.py --payloads N."""

import sys
from pathlib import Path
from runpy import run_module

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
run_module("tests.fuzz", run_name="__main__", alter_sys=True)
