"""
A headless Chromium shows an image and its labels in neuroglancer, from stores served over HTTP:

    browser.py PW_STREAM IMAGE FOLDER

IMAGE is segmented into OME-Zarr 0.5 and 0.4; for each version FOLDER gets screenshots of the image alone and with the labels
over it, to be looked at.  Here it is checked that the page has drawn: the image in greys, and over it labels in many colours.
$CHROMIUM is the browser (default: chromium); neuroglancer is the package of PyPI, which holds the built client.
"""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path

import neuroglancer
import numpy as np
from PIL import Image

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
SIZE = (900, 800)
FLAGS = ["--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--disable-gpu-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--hide-scrollbars", "--no-first-run", f"--window-size={SIZE[0]},{SIZE[1]}"]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, with the header that lets pages of other places read them, and ranges, which chunks in shards are."""

    protocol_version = "HTTP/1.1"

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked or not path.is_file():
            return super().do_GET()
        size = path.stat().st_size
        first = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
        last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
        if first > last:
            return self.send_error(416)
        with open(path, "rb") as file:
            file.seek(first)
            content = file.read(last - first + 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def show(viewer, data, name, info, with_labels):
    shape, scale = dict(zip("zyx", info["shape"])), {a["name"]: a["scale"] for a in info["axes"]}
    with viewer.txn() as state:
        state.dimensions = neuroglancer.CoordinateSpace(names=list("xyz"), units="um", scales=[scale[a] for a in "xyz"])
        state.position = [shape[a] / 2 for a in "xyz"]
        state.layers.clear()
        state.layers["image"] = neuroglancer.ImageLayer(source=f"zarr://{data}/{name}/")
        if with_labels:
            state.layers["labels"] = neuroglancer.SegmentationLayer(source=f"zarr://{data}/{name}/labels/nuclei/")
        state.layout = "xy"
        state.cross_section_scale = 0.2
        state.show_axis_lines = state.show_default_annotations = False


def picture(viewer, png):
    got = []
    waiting = threading.Thread(target=lambda: got.append(viewer.screenshot(size=SIZE)), daemon=True)
    waiting.start()
    waiting.join(120)
    if not got:
        sys.exit(f"{png}: the browser has sent no picture within two minutes")
    png.write_bytes(got[0].screenshot.image)
    return np.asarray(Image.open(png).convert("RGB")).astype(int)


def shoot(viewer, png):
    """The client sends a picture once the chunks in view are drawn; until it knows which there are, more are asked for."""
    last = picture(viewer, png)
    for _ in range(60):
        time.sleep(0.5)
        now = picture(viewer, png)
        if len(np.unique(now[:-100])) > 20 and np.array_equal(now, last):
            break
        last = now
    return now


@contextlib.contextmanager
def browser(url, folder):
    with open(folder / "chromium.log", "w") as log, tempfile.TemporaryDirectory() as profile:
        process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={profile}", url], stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def colourful(pixels):
    """The share of pixels that are no grey, and how many different hues they have."""
    spread = pixels.max(-1) - pixels.min(-1)
    found = pixels[spread > 40]
    hues = {tuple(np.round(6 * p / p.max()).astype(int)) for p in found[:: max(len(found) // 5000, 1)]}
    return len(found) / spread.size, len(hues)


def segmented(tool, image, store, version):
    """Image and labels in one store; returns what info says of it."""
    shutil.rmtree(store, ignore_errors=True)
    subprocess.run([tool, "convert", image, store, "--ngff", version, "--chunk", "16,64,64", "--quiet"], check=True)
    subprocess.run([tool, "run", store, "--fn", "otsu", "--name", "nuclei", "--quiet"], check=True)
    return json.loads(subprocess.run([tool, "info", store, "--json"], check=True, capture_output=True).stdout)


def main():
    tool, image, folder = (Path(a).resolve() for a in sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    data, viewer, faults = serve(folder), neuroglancer.Viewer(), []
    with browser(viewer.get_viewer_url(), folder):
        for version in ("0.5", "0.4"):
            store = folder / f"nuclei-{version}.zarr"
            info = segmented(tool, image, store, version)
            drawn = {}
            for what in ("image", "labels"):
                show(viewer, data, store.name, info, what == "labels")
                drawn[what] = shoot(viewer, folder / f"neuroglancer-{version}-{what}.png")
            bright = (drawn["image"].max(-1) > 60).mean()
            if not bright > 0.02 or not colourful(drawn["image"])[0] < 0.01:
                faults.append(f"{version}: no image in greys: {bright:.3f} bright, {colourful(drawn['image'])} in colour")
            share, hues = colourful(drawn["labels"])
            if not (share > 0.02 and hues > 8):
                faults.append(f"{version}: no labels in colours: {share:.3f} of the view in {hues} hues")
    print(f"neuroglancer {metadata.version('neuroglancer')} in {CHROMIUM}: 4 pictures in {folder}, {len(faults)} wrong")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
