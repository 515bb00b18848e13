"""Check the built site: links within it lead somewhere, and examples have figures.

Run ``python docs/check_site.py docs/_build/html`` after a build; ``make docs`` does.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Page", "find_problems"]

_LOADED = {"script": "src", "img": "src", "link": "href", "source": "src"}


class Page(HTMLParser):
    """Links, targets and resources of a page.

    Parameters
    ----------
    text : str
        Of the page, in HTML.
    """

    def __init__(self, text):
        super().__init__()
        self.links, self.targets, self.loaded, self.images = [], {""}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Note what a tag names and what it points to."""
        found = dict(attributes)
        self.targets |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in _LOADED and found.get(_LOADED[tag]):
            if found.get("rel") != "canonical":
                self.loaded.append(found[_LOADED[tag]])
        if tag == "img" and found.get("src"):
            self.images.append(found["src"])


def find_problems(folder):
    """Return a line for each dead link, foreign resource and example without figure."""
    folder = Path(folder).resolve()
    pages = {
        path.resolve(): Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.relative_to(folder).parts
    }
    problems = [] if pages else [f"{folder} has no pages"]
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        problems += [f"{name}: {link}" for link in _dead(path, page, pages)]
        problems += [
            f"{name}: loads {url} from another site"
            for url in page.loaded
            if urlsplit(url).netloc
        ]
        if name.startswith("auto_examples/plot_") and not any(
            "sphx_glr_plot_" in image for image in page.images
        ):
            problems.append(f"{name}: no figure")
    return problems


def _dead(path, page, pages):
    for link in (*page.links, *page.loaded):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link.startswith("#:~:"):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.exists():
            yield f"{link} leads nowhere"
        elif (
            target in pages
            and not parts.fragment.startswith(":~:")
            and unquote(parts.fragment) not in pages[target].targets
        ):
            yield f"{link} has no such place"


def main():
    """Print problems; the exit status is 1 if there are any."""
    problems = find_problems(sys.argv[1])
    print("\n".join(problems) or "All links within the site lead somewhere.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
