"""Running pw-stream from a test: captured output, time limits, the form of its messages, memory use."""

import itertools
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[3]

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 64

MEASURE_SOURCE = SOURCE_ROOT / "tests" / "lib" / "measure.c"


def tool_path():
    """The tool: $PW_STREAM, else ./pw-stream of the build directory that the tests run in."""
    return Path(os.environ.get("PW_STREAM", "./pw-stream")).resolve()


def data_path():
    """The folder of real images: $PW_TEST_DATA, else ../shared/data beside the source tree."""
    return Path(os.environ.get("PW_TEST_DATA", SOURCE_ROOT.parent / "shared" / "data"))


def documented(name, after):
    """The first block of code after a line of doc/NAME that ends in after."""
    text = (SOURCE_ROOT / "doc" / name).read_text().split(f"{after}\n\n", 1)[1]
    lines = itertools.takewhile(lambda line: line.startswith("    ") or not line, text.split("\n"))
    return "".join(f"{line[4:]}\n" for line in lines)


@dataclass
class Result:
    """What one run of the tool gave."""

    command: list
    code: int
    out: bytes
    err: str
    seconds: float

    @property
    def text(self):
        return self.out.decode()

    def summary(self):
        """The object that --summary=json puts on the last line of standard error."""
        return json.loads(self.err.rstrip("\n").split("\n")[-1])

    def __str__(self):
        command = " ".join(map(str, self.command))
        return f"{command}\nexit {self.code}, {self.seconds:.2f} s, standard error:\n{self.err[-4000:]}"


class Tool:
    """The tool with a temporary directory of its own, so that a scratch file left behind is seen."""

    def __init__(self, path, scratch):
        self.path = path
        self.scratch = Path(scratch)
        self.scratch.mkdir(parents=True, exist_ok=True)

    def environment(self, extra=None):
        environment = dict(os.environ, TMPDIR=str(self.scratch), LC_ALL="C")
        for name in ("PW_STREAM", "PYTHONUNBUFFERED"):  # a worker's output is buffered, as in most shells
            environment.pop(name, None)
        environment.update(extra or {})
        return environment

    def command(self, *arguments):
        return [str(self.path), *map(str, arguments)]

    def start(self, *arguments, **options):
        """Starts the tool and returns its Popen; the caller waits for it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        environment = self.environment(options.pop("env", None))
        return subprocess.Popen(self.command(*arguments), env=environment, preexec_fn=listen_to_interrupts, **options)

    def any(self, *arguments, stdin=None, timeout=120, env=None, cwd=None):
        """Runs the tool to its end, whatever it comes to.  stdin: bytes, an open file, or nothing."""
        command = self.command(*arguments)
        feed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, timeout=timeout, env=self.environment(env), cwd=cwd, **feed)
        seconds = time.monotonic() - began
        return Result(command, done.returncode, done.stdout, done.stderr.decode(errors="replace"), seconds)

    def __call__(self, *arguments, **options):
        """Runs the tool and requires success."""
        result = self.any(*arguments, **options)
        assert result.code == EXIT_DONE, str(result)
        return result

    def refuses(self, *arguments, says=(), code=(EXIT_FAILED, EXIT_USAGE), streams=False, **options):
        """
        Runs the tool and requires that it refuses: one line on standard error that begins with the program's
        name and contains every string of says, nothing on standard output (but for one that streams), no scratch
        left.  Returns the line.
        """
        result = self.any(*arguments, **options)
        codes = code if isinstance(code, tuple) else (code,)
        assert result.code in codes, f"expected exit {codes}: {result}"
        lines = result.err.splitlines()
        assert len(lines) == 1, f"expected one line on standard error: {result}"
        assert lines[0].startswith("pw-stream: "), str(result)
        for part in [says] if isinstance(says, str) else says:
            assert str(part) in lines[0], f"expected {str(part)!r} in the message: {result}"
        assert streams or result.out == b"", f"expected nothing on standard output: {result}"
        self.assert_no_scratch()
        return lines[0]

    def assert_no_scratch(self):
        left = sorted(str(p) for p in self.scratch.rglob("*"))
        assert left == [], f"scratch left behind: {left}"

    def is_sanitized(self):
        """A build with sanitizers: its memory use and speed say nothing."""
        content = self.path.read_bytes()
        return b"__asan_init" in content or b"__tsan_init" in content


def listen_to_interrupts():
    """What a background shell starts ignores SIGINT, and so would the tool, rightly."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def compile_c(source, output, *flags):
    """Compiles one C file with the system's compiler; the caller skips when there is none."""
    command = [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", *flags,
               f"-I{SOURCE_ROOT / 'include'}", "-o", str(output), str(source)]
    subprocess.run(" ".join(command), shell=True, check=True)
    return Path(output)


class Meter:
    """
    Runs a command and measures it.  A small C program forks and waits for it: a process started from here
    would inherit the peak memory of the Python interpreter through vfork.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.program = compile_c(MEASURE_SOURCE, self.folder / "measure")

    def __call__(self, command, timeout=600, check=True, **options):
        """The usage as a dictionary: wall_s, user_s, system_s, peak_rss_bytes, minor_faults, exit."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".json") as report:
            done = subprocess.run([str(self.program), report.name, *map(str, command)], capture_output=True,
                                  timeout=timeout, **options)
            usage = json.loads(Path(report.name).read_text())
        usage["err"] = done.stderr.decode(errors="replace")
        usage["out"] = done.stdout
        if check:
            assert usage["exit"] == 0, f"{' '.join(map(str, command))}\nexit {usage['exit']}\n{usage['err'][-4000:]}"
        return usage


def outputs(path):
    """As tree(), but for what a run that failed has left to go on from: NAME.part."""
    return {name: content for name, content in tree(path).items() if not any(part.endswith(".part") for part in name.split("/"))}


def tree(path):
    """Every file below path (or path itself) with its bytes: what two equal outputs have in common."""
    path = Path(path)
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
