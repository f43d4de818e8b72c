"""A headless Chromium for the tests of the page, driven by the scripts of tests/page through playwright-core.

The packages are pinned in tests/page and fetched by npm once.
"""
import hashlib
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "page")
# Packages stay there from one run to the next.
PACKAGES = os.environ.get("SHOAL_PAGE_NPM") or os.path.join(tempfile.gettempdir(), f"shoal-page-npm-{os.getuid()}")


def chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def install():
    """Packages and scripts in one directory; the reason where that does not work."""
    if not chromium():
        return "there is no chromium: scripts/install-deps.sh --tests installs it"
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no node or no npm: scripts/install-deps.sh --tests installs them"
    os.makedirs(PACKAGES, exist_ok=True)
    for name in os.listdir(SOURCES):
        if os.path.isfile(os.path.join(SOURCES, name)):
            shutil.copy(os.path.join(SOURCES, name), PACKAGES)
    with open(os.path.join(SOURCES, "package-lock.json"), "rb") as lock:
        wanted = hashlib.file_digest(lock, "sha256").hexdigest()
    stamp = os.path.join(PACKAGES, "installed")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return None
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-timeout", "20000"]
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        return f"npm cannot fetch the packages: {done.stderr.strip()[-400:]}"
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return None


def start(script, *words, **options):
    """A script of tests/page under node, with the path of chromium in CHROMIUM."""
    return subprocess.Popen(["node", os.path.join(PACKAGES, script), *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=os.environ | {"CHROMIUM": chromium()}, **options)
